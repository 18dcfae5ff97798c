import Foundation
import ParityProtocol
import TestSupport
import Testing

@testable import Sandbox

@Suite struct OutputCollectorTests {
    /// What a collector makes of `entries`, fed in pieces of `pieceBytes`.
    private func collect(
        _ entries: [(TarEntry, [UInt8])], pieceBytes: Int = 1000, maximumFiles: Int64 = 100,
        maximumBytes: Int64 = 1 << 20
    ) throws -> [OutputManifest.Entry] {
        let folder = FileManager.default.temporaryDirectory.appending(path: TestEnvironment.uniqueName()).path()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let spool = ContentSpool(folder: folder, maximumBytes: maximumBytes)
        let collector = OutputCollector(spool: spool, maximumFiles: maximumFiles)
        let bytes =
            entries.flatMap { $0.headerBytes() + $1 + TarEntry.padding(after: Int64($1.count)) } + TarEntry.trailer
        for start in stride(from: 0, to: bytes.count, by: pieceBytes) {
            try collector.feed(Array(bytes[start..<min(start + pieceBytes, bytes.count)]))
        }
        return try collector.finish().sorted { $0.path < $1.path }
    }

    private func entry(
        _ path: String, _ kind: TarEntry.Kind = .file, _ content: String = "", link: String = "", mode: Int = 0o644
    ) -> (TarEntry, [UInt8]) {
        let bytes = Array(content.utf8)
        return (
            TarEntry(path: Array(path.utf8), kind: kind, mode: mode, size: Int64(bytes.count), link: Array(link.utf8)),
            bytes
        )
    }

    @Test(arguments: [1, 7, 511, 512, 513, 100_000])
    func `The pieces in which an archive comes make no difference`(pieceBytes: Int) throws {
        let found = try collect(
            [
                entry("output/", .directory), entry("output/a", .file, "x", mode: 0o700),
                entry("output/d/", .directory),
                entry("output/d/link", .symlink, link: "../../../etc/passwd"), entry("output/e"),
                entry("output/hard", .hardlink, link: "output/a"),
                entry("output/soft", .hardlink, link: "output/d/link"),
            ], pieceBytes: pieceBytes)
        let content = OutputManifest.Content(digest: Digest.sha256(of: Array("x".utf8)), size: 1)
        let target = OutputManifest.Path("../../../etc/passwd")
        #expect(
            found.map(\.kind) == [
                .file(content, isExecutable: true), .directory, .symlink(target: target),
                .file(.init(digest: Digest.sha256(of: [UInt8]()), size: 0), isExecutable: false),
                .file(content, isExecutable: true), .symlink(target: target),
            ])
    }

    @Test(arguments: [
        "output/../../etc/passwd", "/output/x", "output/./x", "etc/passwd", "..", "outputs/x", "output/a/..",
    ])
    func `A name outside of the output is refused`(path: String) {
        #expect(throws: TarError.self) { try collect([entry(path)]) }
    }

    @Test
    func `A hard link to what is not there, or to a folder, is refused`() {
        for link in ["output/none", "/etc/passwd", "output/d"] {
            #expect(throws: TarError.self, "\(link)") {
                try collect([entry("output/d/", .directory), entry("output/x", .hardlink, link: link)])
            }
        }
    }

    @Test
    func `Devices, pipes and the like are over the limit, not an error of the runner`() {
        for flag in "3467Z".utf8 {
            #expect(throws: OutputLimitExceeded.kind) { try collect([entry("output/x", .other(flag))]) }
        }
    }

    @Test
    func `Each limit is tested at the limit and one beyond`() throws {
        let files = (0..<4).map { entry("output/\($0)") }
        #expect(try collect(files, maximumFiles: 4).count == 4)
        #expect(throws: OutputLimitExceeded.files) { try collect(files, maximumFiles: 3) }
        let halves = [entry("output/a", .file, "12345"), entry("output/b", .file, "12345")]
        #expect(try collect(halves, maximumBytes: 10).count == 2)
        #expect(throws: OutputLimitExceeded.bytes) { try collect(halves, maximumBytes: 9) }
        // Its own folder is not counted: paths are relative to it.
        let long = String(repeating: "x/", count: OutputCollector.maximumPathBytes / 2 - 1) + "yz"
        #expect(try collect([entry("output/\(long)")]).count == 1)
        #expect(throws: OutputLimitExceeded.path) { try collect([entry("output/\(long)z")]) }
    }

    @Test
    func `Names that JSON writes at length are counted at that length`() throws {
        let name = String(repeating: "\u{1}", count: 2000)
        let each = name.utf8.count * 6
        let files = (0..<OutputCollector.maximumNameBytes / each + 1).map { entry("output/\($0 % 10)\(name)\($0)") }
        #expect(throws: OutputLimitExceeded.names) {
            try collect(files, pieceBytes: 1 << 20, maximumFiles: 100_000)
        }
    }

    @Test
    func `An archive that ends too early is no output`() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: TestEnvironment.uniqueName()).path()
        let collector = OutputCollector(spool: ContentSpool(folder: folder, maximumBytes: 10), maximumFiles: 10)
        try collector.feed(entry("output/", .directory).0.headerBytes())
        #expect(throws: TarError.self) { try collector.finish() }
    }

    @Test
    func `Frames of streams may be cut anywhere`() {
        let bytes: [UInt8] = [1, 0, 0, 0, 0, 0, 0, 3, 65, 66, 67, 2, 0, 0, 0, 0, 0, 0, 1, 68, 1, 0, 0, 0, 0, 0, 0, 0]
        for cut in 1..<bytes.count {
            var frames = StreamFrames()
            let parts = frames.feed(Array(bytes[..<cut])) + frames.feed(Array(bytes[cut...]))
            #expect(parts.filter(\.isStdout).flatMap(\.bytes) == [65, 66, 67])
            #expect(parts.filter { !$0.isStdout }.flatMap(\.bytes) == [68])
            #expect(frames.isAtBoundary)
        }
        var frames = StreamFrames()
        _ = frames.feed([1, 0, 0, 0, 0, 0, 0, 3, 65])
        #expect(!frames.isAtBoundary)
    }
}
