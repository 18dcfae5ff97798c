import Foundation
import NIOCore
import ParityProtocol
import Testing

@testable import ParityCLI

@Suite(.timeLimit(.minutes(25))) struct CLIOutputTests {
    @discardableResult
    private func extract(_ archive: [UInt8], to folder: String, chunk: Int = 1000) throws -> OutputExtractor {
        let extractor = try OutputExtractor(folder: folder)
        var parser = TarParser()
        for start in stride(from: 0, to: archive.count, by: chunk) {
            let piece = Array(archive[start..<min(start + chunk, archive.count)])
            for event in try parser.feed(piece) { try extractor.take(event) }
        }
        try extractor.finish()
        return extractor
    }

    @Test(arguments: [1, 7, 512, 100_000]) func `an archive is unpacked however it is cut`(chunk: Int) async throws {
        let long = String(repeating: "d/", count: 60) + "file"
        let big = String(repeating: "0123456789abcdef", count: 5000)
        let archive =
            Tar.entry("./model/", kind: .directory) + Tar.entry("model/a.bin", big)
            + Tar.entry("model/run", "#!", mode: 0o755) + Tar.link("model/latest", to: "a.bin")
            + Tar.entry(long, "long") + TarEntry.trailer
        try await TemporaryFolder.with { folder in
            let extractor = try extract(archive, to: folder.path, chunk: chunk)
            #expect(try folder.read("model/a.bin") == big)
            #expect(try folder.read("model/latest") == big)
            #expect(try folder.read(long) == "long")
            #expect(FileManager.default.isExecutableFile(atPath: "\(folder.path)/model/run"))
            #expect(extractor.files == 3)
            #expect(extractor.warnings.isEmpty)
        }
    }

    @Test(arguments: ["../evil", "/etc/evil", "a/../../evil", "a/..", "x\0" + String(repeating: "y", count: 120)])
    func `a path outside is refused`(path: String) async throws {
        try await TemporaryFolder.with { folder in
            let archive = Tar.entry(path, "evil") + TarEntry.trailer
            #expect(throws: CommandFailure.self) { try extract(archive, to: folder.path) }
            let names = try folder.names
            #expect(names.isEmpty)
        }
    }

    @Test func `nothing is written through a link`() async throws {
        try await TemporaryFolder.with { folder in
            try FileManager.default.createDirectory(atPath: "\(folder.path)/in", withIntermediateDirectories: true)
            let archive =
                Tar.link("out", to: "..") + Tar.entry("out/evil", "evil")
                + Tar.link("abs", to: "/etc/passwd") + TarEntry.trailer
            // `out` becomes a folder for `out/evil`, so the link of that name cannot be made afterwards.
            let extractor = try extract(archive, to: "\(folder.path)/in")
            #expect(!folder.exists("evil"))
            #expect(!folder.exists("in/abs"))
            #expect(extractor.warnings.count == 2)
        }
    }

    @Test(arguments: [
        ("a", "b", true), ("a", "../b", false), ("d/a", "../b", true), ("d/a", "../../b", false), ("a", "/b", false),
        // `x` could be a link itself, and what is above its target is not what is above it.
        ("d/a", "x/../../b", false), ("a", "x/../b", false), ("d/e/a", "../../b/c", true), ("d/a", "./..", true),
        ("a", "", false), ("a", "..", false),
    ]) func `links stay inside`(link: String, target: String, stays: Bool) {
        let path = link.split(separator: "/").map { Array($0.utf8) }
        #expect(OutputPath.staysInside(link: path, target: Array(target.utf8)) == stays)
    }

    @Test func `a device or a file that comes twice is refused`() async throws {
        try await TemporaryFolder.with { folder in
            #expect(throws: CommandFailure.self) {
                try extract(Tar.entry("null", kind: .other(UInt8(ascii: "3"))) + TarEntry.trailer, to: folder.path)
            }
            #expect(throws: CommandFailure.self) {
                try extract(Tar.entry("a", "1") + Tar.entry("a", "2") + TarEntry.trailer, to: folder.path)
            }
        }
    }

    /// What two runners agreed on, and its archive as a gateway should send it.
    private static let manifest = OutputManifest(
        exitCode: 0, stdout: Samples.content("printed"),
        files: [
            .init(path: .init("a"), kind: .file(Samples.content("one"), isExecutable: false)),
            .init(path: .init("d"), kind: .directory),
            .init(path: .init("d/l"), kind: .symlink(target: .init("../a"))),
        ])
    private static let parts = [
        Tar.entry("a", "one"), Tar.entry("d/", kind: .directory, mode: 0o755), Tar.link("d/l", to: "../a"),
    ]

    private func check(_ archive: [UInt8], chunk: Int = 100) async throws {
        let body = AsyncStream<ByteBuffer> { stream in
            for start in stride(from: 0, to: archive.count, by: chunk) {
                stream.yield(ByteBuffer(bytes: archive[start..<min(start + chunk, archive.count)]))
            }
            stream.finish()
        }
        for try await _ in CheckedArchive(source: body, manifest: Self.manifest, onEvent: { _ in }) {}
    }

    @Test func `an archive that is not the output agreed on is refused`() async throws {
        try await check(Self.parts.joined() + TarEntry.trailer)
        try await check(Self.parts.reversed().joined() + TarEntry.trailer)
        let wrong: [[[UInt8]]] = [
            [Tar.entry("a", "two")] + Self.parts[1...],
            [Tar.entry("a", "one", mode: 0o755)] + Self.parts[1...],
            [Tar.entry("b", "one")] + Self.parts[1...],
            Self.parts.dropLast(),
            Self.parts + [Tar.entry("more", "")],
            Self.parts + [Self.parts[0]],
            Self.parts[..<2] + [Tar.link("d/l", to: "../b")],
            Self.parts[..<2] + [Tar.entry("d/l", kind: .directory)],
            Self.parts[..<2] + [Tar.entry("d/l", kind: .hardlink)],
            [],
        ]
        for (index, parts) in wrong.enumerated() {
            let error = await #expect(throws: CommandFailure.self, "\(index)") {
                try await check(parts.joined() + TarEntry.trailer)
            }
            #expect(error?.status == .mismatch, "\(index)")
        }
        let whole = Self.parts.joined() + TarEntry.trailer
        for length in [0, 1, 511, 513, 700, 1024, 2048] {
            await #expect(throws: CommandFailure.self, "\(length) bytes") { try await check(Array(whole[..<length])) }
        }
        await #expect(throws: CommandFailure.self) { try await check([UInt8](repeating: 7, count: 1024)) }
    }

    @Test func `a name that is no text is a name`() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "parity-cli-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let name: [UInt8] = [0x66, 0xFF, 0x0A]
        let archive = TarEntry(path: name, kind: .file, size: 0).headerBytes() + TarEntry.trailer
        try extract(archive, to: folder)
        let descriptor = open(
            Array(folder.utf8CString.dropLast()) + [0x2F] + name.map(CChar.init(bitPattern:)) + [0], O_RDONLY)
        #expect(descriptor >= 0)
        close(descriptor)
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

/// Entries with their content, as an archive holds them.
private enum Tar {
    static func entry(
        _ path: String, _ content: String = "", kind: TarEntry.Kind = .file, mode: Int = 0o644
    ) -> [UInt8] {
        let size = Int64(content.utf8.count)
        return TarEntry(path: Array(path.utf8), kind: kind, mode: mode, size: size).headerBytes()
            + Array(content.utf8) + TarEntry.padding(after: size)
    }

    static func link(_ path: String, to target: String) -> [UInt8] {
        TarEntry(path: Array(path.utf8), kind: .symlink, mode: 0o777, link: Array(target.utf8)).headerBytes()
    }
}
