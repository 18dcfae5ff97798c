import Foundation
package import NIOCore
package import ParityProtocol

/// A `docker save` archive that holds exactly one image and nothing else than it says.
///
/// An archive is a stranger's file, and an engine that loads it takes over every image and every name in it: one that
/// calls its image `debian:latest` would take that name from the image that has it. So it is read here first. The image
/// is known by the digest of its configuration, the configuration names its layers by their digests, and each was
/// compared. What the engine gets is ``contents(named:)``: an archive made anew of these parts, under a name of ours.
package struct ImageArchive: Sendable {
    /// The digest of the image's configuration.
    package let image: Digest
    /// The digests of the layers, lowest first.
    package let layers: [Digest]
    /// What the layers hold, each once.
    package let bytes: Int64
    private let configuration: [UInt8]
    private let parts: [Digest: ArchiveIndex.File]
    private let file: ArchiveFile

    private static let maximumManifestBytes: Int64 = 1 << 20
    private static let maximumConfigurationBytes: Int64 = 4 << 20
    /// As many as Docker itself allows.
    private static let maximumLayers = 127

    /// Reads and checks the archive at `path`. Throws ``EnvironmentRejected`` that says what is wrong with it.
    package init(path: String) throws {
        file = try ArchiveFile(path: path)
        if let format = Self.compression(try file.read(0, 8)) {
            throw EnvironmentRejected("the image archive is compressed (\(format)); send what docker save writes")
        }
        let index = try ArchiveIndex(file)
        let entry = try Self.manifest(index, file)
        guard let config = index.file(at: entry.config), config.size <= Self.maximumConfigurationBytes else {
            throw EnvironmentRejected("the image archive does not hold the configuration that it names")
        }
        let name = entry.config.split(separator: "/").last.map { $0.replacing(".json", with: "") } ?? ""
        guard Digest("sha256:" + name) == config.digest else {
            throw EnvironmentRejected("the image's configuration is not what its name says")
        }
        configuration = try file.read(config.offset, Int(config.size))
        image = config.digest
        layers = try Self.layers(of: configuration)
        guard layers.count == entry.layers.count else {
            throw EnvironmentRejected("the image archive has more or fewer layers than its configuration")
        }
        var parts: [Digest: ArchiveIndex.File] = [:]
        for (layer, path) in zip(layers, entry.layers) {
            parts[layer] = try Self.part(layer, path, index, file)
        }
        self.parts = parts
        bytes = parts.values.reduce(0) { $0 + $1.size }
    }

    private struct ManifestEntry: Decodable {
        let config: String
        let layers: [String]
        enum CodingKeys: String, CodingKey {
            case config = "Config"
            case layers = "Layers"
        }
    }

    /// The one image of `manifest.json`. The names that it carries are not even read.
    private static func manifest(_ index: ArchiveIndex, _ file: ArchiveFile) throws -> ManifestEntry {
        guard let manifest = index.file(at: "manifest.json"), manifest.size <= maximumManifestBytes,
            let entries = try? JSONDecoder().decode(
                [ManifestEntry].self, from: Data(try file.read(manifest.offset, Int(manifest.size))))
        else { throw EnvironmentRejected("the image archive has no manifest.json; make it with docker save") }
        guard entries.count == 1, let entry = entries.first else {
            throw EnvironmentRejected("the image archive must hold exactly one image, not \(entries.count)")
        }
        guard entry.layers.count <= maximumLayers else {
            throw EnvironmentRejected("the image has more than \(maximumLayers) layers")
        }
        return entry
    }

    private static func layers(of configuration: [UInt8]) throws -> [Digest] {
        struct Configuration: Decodable {
            struct FileSystem: Decodable {
                let layers: [Digest]
                enum CodingKeys: String, CodingKey { case layers = "diff_ids" }
            }
            let fileSystem: FileSystem
            enum CodingKeys: String, CodingKey { case fileSystem = "rootfs" }
        }
        do {
            return try JSONDecoder().decode(Configuration.self, from: Data(configuration)).fileSystem.layers
        } catch {
            throw EnvironmentRejected("the image's configuration cannot be read")
        }
    }

    private static func part(
        _ layer: Digest, _ path: String, _ index: ArchiveIndex, _ file: ArchiveFile
    ) throws -> ArchiveIndex.File {
        guard let part = index.file(at: path) else {
            throw EnvironmentRejected("the image archive does not hold a layer that it names")
        }
        if part.digest == layer { return part }
        // A small one could unpack to more than the disk holds, and only the engine would notice.
        if let format = compression(try file.read(part.offset, Int(min(8, part.size)))) {
            throw EnvironmentRejected(
                "a layer of the image archive is compressed (\(format)); only plain layers are taken")
        }
        throw EnvironmentRejected("a layer of the image archive is not the one that its configuration names")
    }

    /// The compression that a file of an image may begin with; nil for none.
    private static func compression(_ start: [UInt8]) -> String? {
        let magics: [(String, [UInt8])] = [
            ("gzip", [0x1F, 0x8B]), ("bzip2", Array("BZh".utf8)), ("xz", [0xFD, 0x37, 0x7A, 0x58, 0x5A]),
            ("zstd", [0x28, 0xB5, 0x2F, 0xFD]),
        ]
        return magics.first { start.starts(with: $0.1) }?.0
    }

    /// The image and nothing else as an archive: the same bytes for the same image and name, whatever it was read from.
    package func contents(named name: String?) -> Contents {
        let manifest: JSONValue = [
            [
                "Config": .string("\(image.hex).json"), "RepoTags": name.map { [.string($0)] } ?? .null,
                "Layers": .array(layers.map { .string("\($0.hex).tar") }),
            ]
        ]
        var pieces = Self.pieces("manifest.json", manifest.canonicalBytes())
        pieces += Self.pieces("\(image.hex).json", configuration)
        for (layer, part) in parts.sorted(by: { $0.key < $1.key }) {
            let header = TarEntry(path: Array("\(layer.hex).tar".utf8), kind: .file, size: part.size)
            pieces += [
                .bytes(header.headerBytes()), .part(offset: part.offset, size: part.size),
                .bytes(TarEntry.padding(after: part.size)),
            ]
        }
        return Contents(file: file, pieces: pieces + [.bytes(TarEntry.trailer)])
    }

    private static func pieces(_ path: String, _ bytes: [UInt8]) -> [Piece] {
        let header = TarEntry(path: Array(path.utf8), kind: .file, size: Int64(bytes.count))
        return [.bytes(header.headerBytes() + bytes + TarEntry.padding(after: Int64(bytes.count)))]
    }

    fileprivate enum Piece: Sendable {
        case bytes([UInt8])
        case part(offset: Int64, size: Int64)
    }

    /// The bytes of an archive, read as they are asked for.
    package struct Contents: AsyncSequence, Sendable {
        package typealias Element = ByteBuffer
        fileprivate let file: ArchiveFile
        fileprivate let pieces: [Piece]

        package func makeAsyncIterator() -> Iterator { Iterator(file: file, pieces: pieces[...]) }

        package struct Iterator: AsyncIteratorProtocol {
            fileprivate let file: ArchiveFile
            fileprivate var pieces: ArraySlice<Piece>

            package mutating func next() async throws -> ByteBuffer? {
                while let piece = pieces.popFirst() {
                    switch piece {
                    case .bytes(let bytes): if !bytes.isEmpty { return ByteBuffer(bytes: bytes) }
                    case .part(_, 0): continue
                    case .part(let offset, let size):
                        let chunk = try file.read(offset, Int(Swift.min(size, Int64(ArchiveFile.chunkBytes))))
                        guard !chunk.isEmpty else {
                            throw DockerError(.malformed, "image archive", "the file became shorter")
                        }
                        let count = Int64(chunk.count)
                        if size > count { pieces = [.part(offset: offset + count, size: size - count)] + pieces }
                        return ByteBuffer(bytes: chunk)
                    }
                }
                return nil
            }
        }
    }
}
