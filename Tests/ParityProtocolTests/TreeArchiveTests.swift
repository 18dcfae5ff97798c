import Testing

@testable import ParityProtocol

@Suite struct TreeArchiveTests {
    private func entry(
        _ path: String, _ kind: TarEntry.Kind = .file, mode: Int = 0o644, content: String = "", link: String = "",
        owner: Int = 0
    ) -> [UInt8] {
        let bytes = Array(content.utf8)
        return TarEntry(
            path: Array(path.utf8), kind: kind, mode: mode, size: Int64(bytes.count), link: Array(link.utf8),
            owner: owner
        ).headerBytes() + bytes + TarEntry.padding(after: Int64(bytes.count))
    }

    private func rewritten(_ entries: [[UInt8]], cut: Int = 4096) throws -> [(entry: TarEntry, content: String)] {
        let archive = entries.flatMap { $0 } + TarEntry.trailer
        var tree = TreeArchive(at: "input/t")
        var bytes: [UInt8] = []
        for start in stride(from: 0, to: archive.count, by: cut) {
            bytes += try tree.feed(Array(archive[start..<min(start + cut, archive.count)]))
        }
        try tree.finish()
        var parser = TarParser()
        var result: [(entry: TarEntry, content: String)] = []
        for event in try parser.feed(bytes) {
            switch event {
            case .entry(let entry): result.append((entry, ""))
            case .content(let content): result[result.count - 1].content += String(decoding: content, as: UTF8.self)
            case .endOfEntry: break
            }
        }
        return result
    }

    @Test(arguments: [1, 13, 512, 100_000])
    func `A tree comes out with its names, contents and execute bits, and nothing else of its own`(cut: Int) throws {
        let found = try rewritten(
            [
                entry("./", .directory, mode: 0o700, owner: 7), entry("./a/run", mode: 0o4751, content: "hi", owner: 7),
                entry("./a/", .directory, mode: 0o777), entry("./empty", mode: 0o600, owner: 7),
                entry("./a/again", .hardlink, link: "./a/run"), entry("./b/l", .symlink, link: "../a//./run"),
            ], cut: cut)
        #expect(
            found.map { String(decoding: $0.entry.path, as: UTF8.self) } == [
                "input/t/a/", "input/t/a/run", "input/t/empty", "input/t/a/again", "input/t/b/", "input/t/b/l",
            ])
        #expect(found.map(\.entry.mode) == [0o755, 0o755, 0o644, 0o755, 0o755, 0o777])
        #expect(found.allSatisfy { $0.entry.owner == 0 })
        #expect(found.map(\.content) == ["", "hi", "", "", "", ""])
        #expect(found[3].entry.link == Array("input/t/a/run".utf8) && found[3].entry.kind == .hardlink)
        #expect(found[5].entry.link == Array("../a//./run".utf8))
    }

    @Test func `Names need not be UTF-8`() throws {
        let name: [UInt8] = [0xFF, 0xFE]
        let found = try rewritten([TarEntry(path: name, kind: .file).headerBytes()])
        #expect(found.map(\.entry.path) == [Array("input/t/".utf8) + name])
    }

    static let hostile: [(String, [(String, TarEntry.Kind, String)])] = [
        ("an absolute name", [("/etc/passwd", .file, "")]),
        ("a name that climbs", [("a/../../b", .file, "")]),
        ("a name that only seems to climb", [("a/../b", .file, "")]),
        ("an absolute link", [("l", .symlink, "/etc")]),
        ("a link that climbs", [("a/l", .symlink, "../../x")]),
        ("a link that climbs through another", [("m/n/s", .symlink, "../.."), ("m/n/t", .symlink, "s/../x")]),
        ("a link with no target", [("l", .symlink, "")]),
        ("a file behind a link", [("l", .symlink, "d"), ("l/f", .file, "")]),
        ("a folder in a link's place", [("l", .symlink, "d"), ("l/", .directory, "")]),
        ("a file in a file", [("f", .file, ""), ("f/g", .file, "")]),
        ("a file twice", [("f", .file, ""), ("f", .file, "")]),
        ("a file over a folder", [("f/", .directory, ""), ("f", .file, "")]),
        ("a link over a file", [("f", .file, ""), ("f", .symlink, "x")]),
        ("a hard link out", [("h", .hardlink, "../../etc/shadow")]),
        ("a hard link to what comes later", [("h", .hardlink, "f"), ("f", .file, "")]),
        ("a hard link to a link", [("l", .symlink, "x"), ("h", .hardlink, "l")]),
        ("a device", [("d", .other(UInt8(ascii: "3")), "")]), ("a pipe", [("p", .other(UInt8(ascii: "6")), "")]),
        ("a sparse file", [("s", .other(UInt8(ascii: "S")), "")]),
        ("a name that is too long", [(String(repeating: "n", count: 256), .file, "")]),
        ("a tree that is too deep", [(String(repeating: "d/", count: 32) + "f", .file, "")]),
        ("a file with a folder's name", [("f/", .file, "")]),
        ("a file without a name", [("./", .file, "")]),
    ]

    @Test(arguments: hostile.indices)
    func `What is hostile is refused`(index: Int) {
        let (name, entries) = Self.hostile[index]
        #expect(throws: TarError.self, "\(name)") {
            try rewritten(entries.map { entry($0.0, $0.1, link: $0.2) })
        }
    }

    @Test func `A loop of links and a dangling one stay inside`() throws {
        #expect(
            try rewritten([
                entry("a", .symlink, link: "b"), entry("b", .symlink, link: "a"), entry("c", .symlink, link: "x"),
            ])
            .count == 3)
        let deepest = String(repeating: "d/", count: 31) + "f"
        #expect(try rewritten([entry(deepest), entry(String(repeating: "n", count: 255))]).count == 33)
    }

    @Test(.timeLimit(.minutes(25)))
    func `Links that lead about for ever are refused, and those that go through nothing lead nowhere`() throws {
        // Each link of the chain walks through a folder some hundred times.
        let about = String(repeating: "d/../", count: 200)
        let chain = (1..<40).map { entry("l\($0)", .symlink, link: about + "l\($0 + 1)") }
        let many = (0..<2000).map { entry("m\($0)", .symlink, link: about + "l1") }
        let folder = [entry("d/f")]
        #expect(throws: TarError.self) { try rewritten(folder + chain + many) }
        _ = try rewritten(folder + chain)
        // The kernel finds no x either.
        _ = try rewritten([entry("a", .symlink, link: "x/../../../etc")])
    }

    @Test func `An archive that ends early is refused`() throws {
        var tree = TreeArchive(at: "input/t")
        _ = try tree.feed(entry("a", content: "x"))
        #expect(throws: TarError.self) { try tree.finish() }
    }

    @Test func `A tree has as many entries and bytes as allowed, and not one more`() throws {
        var tree = TreeArchive(at: "input/t", maximumEntries: 10)
        // The folder counts too.
        for number in 0..<9 { _ = try tree.feed(entry("d/\(number)")) }
        #expect(throws: TarError.self) { try tree.feed(entry("one more")) }
        var large = TreeArchive(at: "input/t")
        let header = TarEntry(path: Array("a".utf8), kind: .file, size: TreeArchive.maximumBytes).headerBytes()
        _ = try large.feed(header)
        var larger = TreeArchive(at: "input/t")
        #expect(throws: TarError.self) {
            try larger.feed(
                TarEntry(path: Array("a".utf8), kind: .file, size: TreeArchive.maximumBytes + 1).headerBytes())
        }
    }
}
