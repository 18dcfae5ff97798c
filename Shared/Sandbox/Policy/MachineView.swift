import ParityProtocol

/// The files by which a container sees a machine that is the same everywhere, instead of the one it runs on: so many CPUs,
/// so much memory, just started, idle. They are mounted over the kernel's own.
///
/// The C library counts CPUs in `/sys/devices/system/cpu`, others in `/proc/cpuinfo` or `/proc/stat`, whatever CPUs a
/// process may use. (Instructions such as CPUID cannot be hidden: a program that picks its code by them may still differ.)
struct MachineView: Sendable, Hashable {
    let hostname: String
    let cpuCount: Int
    let memoryBytes: Int64
    /// As Go names it.
    let architecture: String
    /// What its wall clock says, in seconds since 1970, to programs that take it from ``ClockLibrary``; nil for the true
    /// time.
    var clockSeconds: Int64?

    /// The same of what tells names: nobody but itself.
    static let nameMounts: [(source: String, target: String)] = [
        ("hosts", "/etc/hosts"), ("resolv.conf", "/etc/resolv.conf"),
    ]

    /// Where in the volume the clock stands, and where in the container.
    static let clockMount = (source: "clock.so", target: "/.parity/clock.so")

    /// Where in the volume each part stands, and what it covers in the container.
    static let mounts: [(source: String, target: String)] = [
        ("devices", "/sys/devices"), ("cpuinfo", "/proc/cpuinfo"), ("stat", "/proc/stat"),
        ("meminfo", "/proc/meminfo"), ("uptime", "/proc/uptime"), ("loadavg", "/proc/loadavg"),
    ]

    /// All files by their path; a path that ends in `/` is a folder.
    var files: [String: String] {
        let range = cpuCount == 1 ? "0" : "0-\(cpuCount - 1)"
        let folder = "devices/system/cpu/"
        var files = [
            folder + "online": range + "\n", folder + "possible": range + "\n", folder + "present": range + "\n",
            folder + "offline": "\n", "cpuinfo": cpuinfo, "stat": stat, "meminfo": meminfo, "uptime": "0.00 0.00\n",
            "loadavg": "0.00 0.00 0.00 1/1 1\n", "hosts": "127.0.0.1\tlocalhost\n127.0.0.1\t\(hostname)\n",
            "resolv.conf": "nameserver 127.0.0.1\noptions ndots:0\n", "devices/": "", "devices/system/": "", folder: "",
        ]
        for cpu in 0..<cpuCount { files[folder + "cpu\(cpu)/"] = "" }
        return files
    }

    /// The tar that fills the volume when it is unpacked over the folder that holds `name`.
    func archive(under name: String) -> [UInt8] {
        var bytes: [UInt8] = []
        for (path, text) in files.sorted(by: { $0.key < $1.key }) {
            if path.hasSuffix("/") {
                bytes += TarEntry(path: Array("\(name)/\(path)".utf8), kind: .directory, mode: 0o755).headerBytes()
            } else {
                bytes += Self.entry("\(name)/\(path)", Array(text.utf8))
            }
        }
        if let clock = clockSeconds.flatMap({ ClockLibrary.file(architecture, seconds: $0) }) {
            bytes += Self.entry("\(name)/\(Self.clockMount.source)", clock)
        }
        return bytes + TarEntry.trailer
    }

    private static func entry(_ path: String, _ content: [UInt8]) -> [UInt8] {
        let entry = TarEntry(path: Array(path.utf8), kind: .file, mode: 0o444, size: Int64(content.count))
        return entry.headerBytes() + content + TarEntry.padding(after: entry.size)
    }

    private var cpuinfo: String {
        (0..<cpuCount).map { cpu in
            let fields =
                architecture == "arm64"
                ? [("processor", "\(cpu)"), ("Features", "fp asimd"), ("CPU architecture", "8")]
                : [
                    ("processor", "\(cpu)"), ("vendor_id", "parity"), ("cpu family", "6"), ("model", "0"),
                    ("model name", "parity"), ("stepping", "0"), ("physical id", "0"), ("siblings", "\(cpuCount)"),
                    ("core id", "\(cpu)"), ("cpu cores", "\(cpuCount)"), ("apicid", "\(cpu)"),
                    ("flags", "fpu cx8 cmov mmx fxsr sse sse2 syscall lm"),
                ]
            return fields.map { "\($0.0)\t: \($0.1)\n" }.joined() + "\n"
        }.joined()
    }

    private var stat: String {
        let times = " 0 0 0 0 0 0 0 0 0 0\n"
        return "cpu " + times + (0..<cpuCount).map { "cpu\($0)" + times }.joined()
            + "intr 0\nctxt 0\nbtime 0\nprocesses 1\nprocs_running 1\nprocs_blocked 0\n"
    }

    private var meminfo: String {
        let fields = [
            ("MemTotal", memoryBytes), ("MemFree", memoryBytes), ("MemAvailable", memoryBytes), ("Buffers", 0),
            ("Cached", 0), ("SwapCached", 0), ("SwapTotal", 0), ("SwapFree", 0), ("Shmem", 0),
        ]
        return fields.map { name, bytes in
            let number = String(bytes / 1024)
            let head = (name + ":")
            return head + String(repeating: " ", count: max(1, 24 - head.count - number.count)) + number + " kB\n"
        }.joined()
    }
}
