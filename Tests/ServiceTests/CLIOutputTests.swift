import Foundation
import NIOCore
import Testing

@testable import ParityCLI

@Suite(.timeLimit(.minutes(1))) struct CLIOutputTests {
    private func extract(_ archive: [UInt8], to folder: String, chunk: Int = 1000) async throws -> OutputExtractor {
        var reader = TarReader(Pieces(bytes: archive, size: chunk))
        let extractor = try OutputExtractor(folder: folder)
        try await extractor.extract(&reader)
        return extractor
    }

    @Test(arguments: [1, 7, 512, 100_000]) func `an archive is unpacked however it is cut`(chunk: Int) async throws {
        let long = String(repeating: "d/", count: 60) + "file"
        let big = String(repeating: "0123456789abcdef", count: 5000)
        let archive =
            Tar.entry("./model/", type: "5") + Tar.entry("model/a.bin", big)
            + Tar.entry("model/run", "#!", mode: 0o755) + Tar.entry("model/latest", type: "2", target: "a.bin")
            + Tar.extended(["path": long]) + Tar.entry("cut", "long") + Tar.end
        try await TemporaryFolder.with { folder in
            let extractor = try await extract(archive, to: folder.path, chunk: chunk)
            #expect(try folder.read("model/a.bin") == big)
            #expect(try folder.read("model/latest") == big)
            #expect(try folder.read(long) == "long")
            #expect(FileManager.default.isExecutableFile(atPath: "\(folder.path)/model/run"))
            #expect(extractor.files == 3)
            #expect(extractor.warnings.isEmpty)
        }
    }

    @Test(arguments: ["../evil", "/etc/evil", "a/../../evil", "a/..", "x\0y"])
    func `a path outside is refused`(path: String) async throws {
        try await TemporaryFolder.with { folder in
            let archive = Tar.extended(["path": path]) + Tar.entry("x", "evil") + Tar.end
            await #expect(throws: CommandFailure.self) { try await extract(archive, to: "\(folder.path)") }
            let names = try folder.names
            #expect(names.isEmpty)
        }
    }

    @Test func `nothing is written through a link`() async throws {
        try await TemporaryFolder.with { folder in
            try FileManager.default.createDirectory(atPath: "\(folder.path)/in", withIntermediateDirectories: true)
            let archive =
                Tar.entry("out", type: "2", target: "..") + Tar.entry("out/evil", "evil")
                + Tar.entry("abs", type: "2", target: "/etc/passwd") + Tar.end
            // `out` becomes a folder for `out/evil`, so the link of that name cannot be made afterwards.
            let extractor = try await extract(archive, to: "\(folder.path)/in")
            #expect(!folder.exists("evil"))
            #expect(!folder.exists("in/abs"))
            #expect(extractor.warnings.count == 2)
        }
    }

    @Test(arguments: [
        ("a", "b", true), ("a", "../b", false), ("d/a", "../b", true), ("d/a", "../../b", false), ("a", "/b", false),
        ("d/a", "x/../../b", true), ("d/a", "./..", true), ("a", "", false), ("a", "..", false),
    ]) func `links stay inside`(link: String, target: String, stays: Bool) {
        let path = link.split(separator: "/").map(String.init)
        #expect(OutputPath.staysInside(link: path, target: target) == stays)
    }

    @Test func `a device or a file that comes twice is refused`() async throws {
        try await TemporaryFolder.with { folder in
            await #expect(throws: CommandFailure.self) {
                try await extract(Tar.entry("null", type: "3") + Tar.end, to: folder.path)
            }
            await #expect(throws: CommandFailure.self) {
                try await extract(Tar.entry("a", "1") + Tar.entry("a", "2") + Tar.end, to: folder.path)
            }
        }
    }

    @Test func `an archive that is cut short or no archive is refused`() async throws {
        let whole = Tar.entry("a", String(repeating: "x", count: 2000)) + Tar.end
        for length in [1, 511, 513, 1500, 2600] {
            try await TemporaryFolder.with { folder in
                await #expect(throws: (any Error).self, "\(length) bytes") {
                    try await extract(Array(whole[..<length]), to: folder.path)
                }
            }
        }
        try await TemporaryFolder.with { folder in
            await #expect(throws: CommandFailure.self) {
                try await extract([UInt8](repeating: 7, count: 1024), to: folder.path)
            }
        }
    }

    @Test func `a folder that is not empty is replaced only by force, entry by entry`() async throws {
        try await TemporaryFolder.with { folder in
            _ = try folder.write("out/mine", "keep")
            _ = try folder.write("out/a", "old")
            let destination = "\(folder.path)/out"
            let fill: (String) async throws -> Void = { path in
                try Data("new".utf8).write(to: URL(filePath: "\(path)/a"))
            }
            let error = await #expect(throws: CommandFailure.self) {
                try await OutputFolder(destination: destination, isForced: false).filled(fill)
            }
            #expect(error?.status == .exists)
            #expect(try folder.read("out/a") == "old")
            try await OutputFolder(destination: destination, isForced: true).filled(fill)
            #expect(try folder.read("out/a") == "new")
            #expect(try folder.read("out/mine") == "keep")
            #expect(try folder.names == ["out"])
        }
    }

    @Test func `a download that fails leaves nothing behind`() async throws {
        try await TemporaryFolder.with { folder in
            struct Broken: Error {}
            await #expect(throws: Broken.self) {
                try await OutputFolder(destination: "\(folder.path)/out", isForced: false).filled { _ in throw Broken()
                }
            }
            let body = AsyncThrowingStream<ByteBuffer, any Error> { stream in
                stream.yield(ByteBuffer(string: "half"))
                stream.finish(throwing: Broken())
            }
            await #expect(throws: Broken.self) {
                try await OutputFile.write(body, to: "\(folder.path)/file", isForced: false)
            }
            let names = try folder.names
            #expect(names.isEmpty)
        }
    }

    @Test func `a file is overwritten only by force`() async throws {
        try await TemporaryFolder.with { folder in
            let path = try folder.write("file", "old")
            func body() -> AsyncStream<ByteBuffer> {
                AsyncStream { stream in
                    stream.yield(ByteBuffer(string: "new"))
                    stream.finish()
                }
            }
            let error = await #expect(throws: CommandFailure.self) {
                try await OutputFile.write(body(), to: path, isForced: false)
            }
            #expect(error?.status == .exists)
            #expect(try folder.read("file") == "old")
            try await OutputFile.write(body(), to: path, isForced: true)
            #expect(try folder.read("file") == "new")
        }
    }
}

/// Bytes that come in pieces.
private struct Pieces: AsyncIteratorProtocol {
    var bytes: [UInt8]
    let size: Int
    private var position = 0

    init(bytes: [UInt8], size: Int) {
        self.bytes = bytes
        self.size = size
    }

    mutating func next() async throws -> ByteBuffer? {
        guard position < bytes.count else { return nil }
        let end = min(position + size, bytes.count)
        defer { position = end }
        return ByteBuffer(bytes: bytes[position..<end])
    }
}

/// Writes just enough tar for these tests.
private enum Tar {
    static let end = [UInt8](repeating: 0, count: 1024)

    static func entry(
        _ path: String, _ content: String = "", type: Character = "0", mode: Int = 0o644, target: String = ""
    )
        -> [UInt8]
    {
        var block = [UInt8](repeating: 0, count: 512)
        func put(_ text: String, _ offset: Int) {
            for (index, byte) in text.utf8.enumerated() { block[offset + index] = byte }
        }
        func octal(_ number: Int, _ width: Int) -> String {
            let text = String(number, radix: 8)
            return String(repeating: "0", count: width - text.count) + text
        }
        put(path, 0)
        put(octal(mode, 7), 100)
        put(octal(content.utf8.count, 11), 124)
        put("        ", 148)
        put(String(type), 156)
        put(target, 157)
        put("ustar\u{0}00", 257)
        put(octal(block.reduce(0) { $0 + Int($1) }, 6) + "\u{0} ", 148)
        let padding = (512 - content.utf8.count % 512) % 512
        return block + Array(content.utf8) + [UInt8](repeating: 0, count: padding)
    }

    static func extended(_ records: [String: String]) -> [UInt8] {
        let text = records.map { name, value in
            let rest = " \(name)=\(value)\n"
            var length = rest.utf8.count
            while String(length).utf8.count + rest.utf8.count != length {
                length = String(length).utf8.count + rest.utf8.count
            }
            return "\(length)\(rest)"
        }.joined()
        return entry("PaxHeader", text, type: "x")
    }
}
