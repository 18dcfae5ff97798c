import Foundation
import NIOCore
import ParityProtocol
import TestSupport
import Testing

@testable import Sandbox

@Suite struct ImageArchiveTests {
    private func read(_ bytes: [UInt8]) throws -> ImageArchive {
        let path = FileManager.default.temporaryDirectory.appending(path: TestEnvironment.uniqueName()).path()
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Data(bytes).write(to: URL(filePath: path))
        return try ImageArchive(path: path)
    }

    private func contents(_ archive: ImageArchive, named name: String?) async throws -> [UInt8] {
        try await archive.contents(named: name).reduce(into: []) { $0 += Array($1.readableBytesView) }
    }

    @Test func `An archive's image is the digest of its configuration`() throws {
        let image = TestImage()
        let archive = try read(image.archive(tags: ["debian:latest"]))
        #expect(archive.image == image.id)
        #expect(archive.layers == [image.layerID])
        #expect(archive.bytes == Int64(image.layer.count))
    }

    @Test func `What the engine gets carries our name and nothing of the archive's own`() async throws {
        let image = TestImage()
        var files = image.files(tags: ["debian:latest"])
        files.append(("repositories", Array(#"{"debian":{"latest":"x"}}"#.utf8)))
        files.append(("index.json", Array("{}".utf8)))
        let contents = try await contents(try read(TestImage.tar(files)), named: "ours:1")
        let plain = try await self.contents(try read(image.archive()), named: "ours:1")
        #expect(contents == plain)
        var parser = TarParser()
        let names = try parser.feed(contents).compactMap { event -> String? in
            guard case .entry(let entry) = event else { return nil }
            return String(decoding: entry.path, as: UTF8.self)
        }
        #expect(names == ["manifest.json", "\(image.id.hex).json", "\(image.layerID.hex).tar"])
        #expect(!String(decoding: contents, as: UTF8.self).contains("debian"))
        #expect(String(decoding: contents, as: UTF8.self).contains(#""RepoTags":["ours:1"]"#))
        #expect(try read(contents).image == image.id, "it is an archive itself")
    }

    @Test func `A repeated layer may be a link inside the archive`() throws {
        let image = TestImage()
        let manifest = #"[{"Config":"\#(image.id.hex).json","Layers":["b/layer.tar"]}]"#
        let files = [image.files()[0], image.files()[1], ("manifest.json", Array(manifest.utf8))]
        let link = TarEntry(path: Array("b/layer.tar".utf8), kind: .symlink, link: Array("../layer/layer.tar".utf8))
        #expect(try read(TestImage.tar(files, extra: [link])).layers == [image.layerID])
    }

    /// What was done to the archive, and a word of the sentence that refuses it.
    private static let hostile: [(what: String, word: String, archive: @Sendable (TestImage) -> [UInt8])] = [
        ("nothing in it", "manifest.json", { _ in TestImage.tar([]) }),
        ("no tar", "no readable tar", { _ in Array(repeating: 7, count: 2048) }),
        ("cut short", "too early", { Array($0.archive().prefix(2000)) }),
        ("gzip", "compressed (gzip)", { _ in [0x1F, 0x8B] + Array(repeating: 0, count: 600) }),
        ("zstd", "compressed (zstd)", { _ in [0x28, 0xB5, 0x2F, 0xFD] + Array(repeating: 0, count: 600) }),
        (
            "another configuration under the name", "configuration is not",
            { image in
                TestImage.tar(image.files().map { $0.name.hasPrefix(image.id.hex) ? ($0.name, Array("{}".utf8)) : $0 })
            }
        ),
        (
            "another layer under the name", "not the one",
            { image in
                TestImage.tar(image.files().map { $0.name == "layer/layer.tar" ? ($0.name, TestImage("x").layer) : $0 })
            }
        ),
        (
            "a compressed layer", "compressed (gzip)",
            { image in
                TestImage.tar(
                    image.files().map { $0.name == "layer/layer.tar" ? ($0.name, [0x1F, 0x8B, 8, 0]) : $0 })
            }
        ),
        (
            "two images", "exactly one image",
            { image in
                let other = TestImage()
                let manifest = """
                    [{"Config":"\(image.id.hex).json","Layers":["layer/layer.tar"]},
                     {"Config":"\(other.id.hex).json","Layers":["layer/layer.tar"]}]
                    """
                return TestImage.tar(image.files().dropLast() + [("manifest.json", Array(manifest.utf8))])
            }
        ),
        (
            "more layers than configured", "more or fewer",
            { image in
                let layers = #"["layer/layer.tar","layer/layer.tar"]"#
                let manifest = #"[{"Config":"\#(image.id.hex).json","Layers":\#(layers)}]"#
                return TestImage.tar(image.files().dropLast() + [("manifest.json", Array(manifest.utf8))])
            }
        ),
        ("a name twice", "twice", { TestImage.tar($0.files() + [$0.files()[2]]) }),
        ("a name above", "outside", { TestImage.tar($0.files() + [("a/../../etc/passwd", [])]) }),
        ("an absolute name", "a name that no image has", { TestImage.tar($0.files() + [("/etc/passwd", [])]) }),
        (
            "a device", "device",
            { image in
                let device = TarEntry(path: Array("null".utf8), kind: .other(UInt8(ascii: "3")))
                return TestImage.tar(image.files(), extra: [device])
            }
        ),
        (
            "a layer that is a link out of it", "outside",
            { image in
                let link = TarEntry(path: Array("x".utf8), kind: .symlink, link: Array("../../etc/shadow".utf8))
                return TestImage.tar(image.files(), extra: [link])
            }
        ),
        (
            "ten thousand files and one", "entries",
            { _ in TestImage.tar((0...ArchiveIndex.maximumEntries).map { ("f\($0)", []) }) }
        ),
    ]

    @Test(arguments: hostile.indices)
    func `A hostile archive is refused with its fault`(index: Int) throws {
        let (what, word, archive) = Self.hostile[index]
        let error = #expect(throws: EnvironmentRejected.self, "\(what)") { try read(archive(TestImage())) }
        #expect(error?.description.contains(word) == true, "\(what): \(error?.description ?? "")")
    }

    @Test func `Every changed byte of an image is noticed`() throws {
        let image = TestImage("fixed")
        let archive = image.archive()
        let files = [Array(image.configuration), image.layer]
        for file in files {
            let start = try #require(Self.position(of: file, in: archive))
            for offset in stride(from: 0, to: file.count, by: 97) {
                var changed = archive
                changed[start + offset] ^= 1
                #expect(throws: EnvironmentRejected.self, "byte \(offset)") { try read(changed) }
            }
        }
    }

    private static func position(of part: [UInt8], in whole: [UInt8]) -> Int? {
        stride(from: 0, to: whole.count, by: 512).first { whole[$0...].starts(with: part) }
    }
}
