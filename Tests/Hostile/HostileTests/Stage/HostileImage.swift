import Foundation
import ParityProtocol
import TestSupport

@testable import Sandbox

/// Images that a hostile submitter makes: busybox, the probe, and traps.
enum HostileImage: String, Sendable, CaseIterable {
    case plain
    /// Says `USER root`.
    case root
    /// Wants storage of its own at `/data`, where it has a file.
    case volume
    /// Wants storage within the output.
    case volumeInOutput = "volume-in-output"
    /// Has the engine run something inside every second.
    case healthCheck = "health-check"
    /// Sets what the determinism profile sets.
    case variables
    /// Its `/output`, `/input` and `/tmp` are links to places of the kernel.
    case links

    /// What `docker import` applies, in the words of a Dockerfile.
    var changes: [String] {
        switch self {
        case .plain, .links: []
        case .root: ["USER root"]
        case .volume: ["VOLUME /data"]
        case .volumeInOutput: ["VOLUME /output/more"]
        case .healthCheck: ["HEALTHCHECK --interval=1s CMD touch /output/health"]
        case .variables: ["ENV TZ=Asia/Tokyo PYTHONHASHSEED=random LANG=tr_TR.UTF-8 HOME=/root SOURCE_DATE_EPOCH=5"]
        }
    }

    /// The files of the image.
    func archive(_ programs: Programs) -> [UInt8] {
        var tar = HostileTar()
        for folder in ["bin", "etc", "mnt", "suid", "nodes", "data"] { tar.folder(folder) }
        tar.file("bin/busybox", programs.busybox, mode: 0o755)
        for applet in programs.applets where applet != "busybox" { tar.link("bin/\(applet)", to: "busybox") }
        tar.file("etc/passwd", Array("root:x:0:0:root:/:/bin/sh\nsecret of the image\n".utf8))
        tar.file("data/hello", Array("hello\n".utf8))
        tar.file("garbage", [UInt8](repeating: 0x7F, count: 512), mode: 0o755)
        tar.file("probe", programs.probe, mode: 0o755)
        tar.file("linked", programs.linked, mode: 0o755)
        for (path, library) in programs.libraries { tar.file(path, library, mode: 0o755) }
        tar.file("suid/probe", programs.probe, mode: 0o6755)
        for (name, kind, major, minor) in Self.nodes { tar.node("nodes/\(name)", kind, major, minor) }
        if self == .links {
            tar.link("output", to: "/proc/1")
            tar.link("input", to: "/sys/kernel")
            tar.link("tmp", to: "../../../../etc")
        } else {
            tar.folder("tmp")
        }
        return tar.bytes
    }

    /// Devices that an image can bring along: memory, kernel log, disks, KVM, FUSE, TUN, the terminals.
    private static let nodes: [(String, Character, Int, Int)] = [
        ("mem", "3", 1, 1), ("kmsg", "3", 1, 11), ("kvm", "3", 10, 232), ("fuse", "3", 10, 229), ("tty0", "3", 4, 0),
        ("loop-control", "3", 10, 237), ("sda", "4", 8, 0), ("vda", "4", 254, 0), ("vdb", "4", 253, 0),
        ("loop0", "4", 7, 0),
    ]

    /// What the images run.
    struct Programs: Sendable {
        /// See `Probe/probe.c`.
        let probe: [UInt8]
        /// The probe as most programs are, linked to the C library when it starts, and what it needs for that.
        let linked: [UInt8]
        let libraries: [String: [UInt8]]
        /// Debian's static busybox, and the names it goes by.
        let busybox: [UInt8]
        let applets: [String]

        /// Compiles the probe. A C compiler and busybox are among what `deploy/test` installs.
        init() throws {
            guard let source = Bundle.module.url(forResource: "probe", withExtension: "c", subdirectory: "Probe") else {
                throw TestEnvironment.Missing(description: "probe.c is no resource of this target")
            }
            let program = FileManager.default.temporaryDirectory.appending(path: TestEnvironment.uniqueName())
            defer { try? FileManager.default.removeItem(at: program) }
            _ = try Self.run("cc", "-static", "-O1", "-pthread", "-o", program.path(), source.path())
            probe = Array(try Data(contentsOf: program))
            _ = try Self.run("cc", "-O1", "-pthread", "-o", program.path(), source.path())
            linked = Array(try Data(contentsOf: program))
            let paths = try Self.run("ldd", program.path()).split(whereSeparator: \.isWhitespace)
                .filter { $0.hasPrefix("/") }
            libraries = try Dictionary(
                paths.map { (String($0.dropFirst()), Array(try Data(contentsOf: URL(filePath: String($0))))) },
                uniquingKeysWith: { first, _ in first })
            busybox = Array(try Data(contentsOf: URL(filePath: "/bin/busybox")))
            applets = try Self.run("/bin/busybox", "--list").split(separator: "\n").map(String.init)
        }

        private static func run(_ words: String...) throws -> String {
            let process = Process()
            let output = Pipe()
            process.executableURL = URL(filePath: "/usr/bin/env")
            process.arguments = words
            process.standardOutput = output
            try process.run()
            let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            guard process.terminationStatus == 0 else {
                throw TestEnvironment.Missing(description: "\(words[0]) failed; deploy/test installs what tests need")
            }
            return text
        }
    }
}

/// A tar with what ``TarEntry`` does not write: device nodes and bits of the mode.
struct HostileTar {
    private var content: [UInt8] = []

    var bytes: [UInt8] { content + TarEntry.trailer }

    mutating func folder(_ path: String) {
        content += TarEntry(path: Array("\(path)/".utf8), kind: .directory, mode: 0o755).headerBytes()
    }

    mutating func file(_ path: String, _ bytes: [UInt8], mode: Int = 0o644) {
        let entry = TarEntry(path: Array(path.utf8), kind: .file, mode: mode, size: Int64(bytes.count))
        content += entry.headerBytes() + bytes + TarEntry.padding(after: entry.size)
    }

    mutating func link(_ path: String, to target: String) {
        content += TarEntry(path: Array(path.utf8), kind: .symlink, mode: 0o777, link: Array(target.utf8)).headerBytes()
    }

    /// `kind` is 3 for a character device, 4 for a block device.
    mutating func node(_ path: String, _ kind: Character, _ major: Int, _ minor: Int) {
        let flag = kind.asciiValue ?? 0
        var header = TarEntry(path: Array(path.utf8), kind: .other(flag), mode: 0o666).headerBytes()
        for (offset, number) in [(329, major), (337, minor)] {
            let digits = Array(String(number, radix: 8).utf8)
            header.replaceSubrange(offset..<offset + 7, with: [UInt8](repeating: 48, count: 7 - digits.count) + digits)
        }
        let blanks = [UInt8](repeating: 32, count: 8)
        header.replaceSubrange(148..<156, with: blanks)
        let sum = Array(String(header.reduce(0) { $0 + Int($1) }, radix: 8).utf8)
        header.replaceSubrange(148..<154, with: [UInt8](repeating: 48, count: 6 - sum.count) + sum)
        header[154] = 0
        content += header
    }
}
