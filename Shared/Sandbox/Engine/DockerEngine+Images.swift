package import AsyncHTTPClient
import Foundation
package import NIOCore
import NIOHTTP1
package import ParityProtocol

extension DockerEngine {
    /// What the engine says of an image that it holds.
    package struct Image: Sendable, Decodable {
        /// The digest of the image's configuration; on an engine that keeps images in containerd, of its manifest.
        package let id: String
        /// Names with tags.
        package let repoTags: [String]
        /// `repository@sha256:…`, noted by the engine when it pulled and verified the image.
        package let repoDigests: [String]
        /// With all layers, whoever shares them.
        package let size: Int64
        package let architecture: String
        package let system: String
        /// The digests of the uncompressed layers, lowest first.
        package let layers: [String]
        /// The digest of the manifest, told by engines that keep images in containerd.
        package let manifest: String?
        /// As whom it wants to run; empty if it does not say.
        let user: String
        /// Paths at which it wants volumes.
        let volumes: [String]
        /// Instructions that it adds to every Dockerfile that builds on it.
        let triggers: [String]

        enum CodingKeys: String, CodingKey {
            case id = "Id"
            case repoTags = "RepoTags"
            case repoDigests = "RepoDigests"
            case size = "Size"
            case architecture = "Architecture"
            case system = "Os"
            case fileSystem = "RootFS"
            case descriptor = "Descriptor"
            case config = "Config"
        }

        private struct Config: Decodable {
            struct Nothing: Decodable {}
            let user: String?
            let volumes: [String: Nothing]?
            let triggers: [String]?
            enum CodingKeys: String, CodingKey {
                case user = "User"
                case volumes = "Volumes"
                case triggers = "OnBuild"
            }
        }

        private struct FileSystem: Decodable {
            let layers: [String]?
            enum CodingKeys: String, CodingKey { case layers = "Layers" }
        }

        private struct Descriptor: Decodable { let digest: String }

        package init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            id = try container.decode(String.self, forKey: .id)
            repoTags = try container.decodeIfPresent([String].self, forKey: .repoTags) ?? []
            repoDigests = try container.decodeIfPresent([String].self, forKey: .repoDigests) ?? []
            size = try container.decodeIfPresent(Int64.self, forKey: .size) ?? 0
            architecture = try container.decodeIfPresent(String.self, forKey: .architecture) ?? ""
            system = try container.decodeIfPresent(String.self, forKey: .system) ?? ""
            layers = try container.decodeIfPresent(FileSystem.self, forKey: .fileSystem)?.layers ?? []
            manifest = try container.decodeIfPresent(Descriptor.self, forKey: .descriptor)?.digest
            let config = try container.decodeIfPresent(Config.self, forKey: .config)
            user = config?.user ?? ""
            volumes = config?.volumes?.keys.sorted() ?? []
            triggers = config?.triggers ?? []
        }
    }

    private static func path(_ image: String) -> String {
        "/images/" + (image.addingPercentEncoding(withAllowedCharacters: .urlPathAllowed) ?? "")
    }

    /// The image that `name` (id, digest or tag) stands for; nil if the engine has none.
    package func image(_ name: String) async throws -> Image? {
        do {
            return try decode(
                Image.self, try await call(.GET, Self.path(name) + "/json", "inspect image"), "inspect image")
        } catch let error as DockerError where error.code == .notFound {
            return nil
        }
    }

    /// Pulls `repository@sha256:…` or `repository:tag`; a repository alone means its tag `latest`. Cancelling gives it up.
    package func pull(_ name: String) async throws {
        // Without a tag the engine would pull all that there are.
        let reference = name.contains("@") || name.pathParts.last?.contains(":") == true ? name : "\(name):latest"
        let request = try request(.POST, "/images/create?fromImage=\(Self.escape(reference))")
        try await drainProgress(send(request, "pull", timeout: Self.imageTimeout), "pull")
    }

    /// The digest that `repository:tag` has in its registry now, which the engine asks; nil if there is none, or the
    /// registry lets nobody see it. Nothing is pulled.
    package func registryDigest(_ reference: String) async throws -> Digest? {
        struct Distribution: Decodable {
            struct Descriptor: Decodable { let digest: String }
            let descriptor: Descriptor
            enum CodingKeys: String, CodingKey { case descriptor = "Descriptor" }
        }
        let name = reference.addingPercentEncoding(withAllowedCharacters: .urlPathAllowed) ?? ""
        let data: Data
        do {
            data = try await call(.GET, "/distribution/\(name)/json", "ask the registry")
        } catch let error as DockerError where error.code == .notFound || error.code == .denied {
            return nil
        }
        let digest = try decode(Distribution.self, data, "ask the registry").descriptor.digest
        guard let digest = Digest(digest) else {
            throw DockerError(.malformed, "ask the registry", "\(digest) is no SHA-256 digest")
        }
        return digest
    }

    /// Loads an image archive. The engine takes over every name and image that it holds: what a stranger made goes
    /// through ``ImageArchive`` first.
    package func load<Bytes: AsyncSequence & Sendable>(_ archive: Bytes) async throws
    where Bytes.Element == ByteBuffer {
        var request = try request(.POST, "/images/load?quiet=1")
        request.headers.add(name: "Content-Type", value: "application/x-tar")
        request.body = .stream(archive, length: .unknown)
        try await drainProgress(send(request, "load", timeout: Self.imageTimeout), "load")
    }

    /// The image as a `docker save` archive.
    package func save(_ image: String) async throws -> HTTPClientResponse.Body {
        try await send(try request(.GET, Self.path(image) + "/get"), "save image", timeout: Self.imageTimeout).body
    }

    /// Gives an image one more name.
    package func tag(_ image: String, repository: String, tag: String) async throws {
        let query = "repo=\(Self.escape(repository))&tag=\(Self.escape(tag))"
        try await call(.POST, Self.path(image) + "/tag?\(query)", "tag image")
    }

    /// Takes a name away, and with its last name the image. One that is gone is no error; one that a container stands
    /// on stays, and the call throws `.conflict`.
    package func removeImage(_ name: String) async throws {
        do {
            try await call(.DELETE, Self.path(name), "remove image")
        } catch let error as DockerError where error.code == .notFound {}
    }

    /// The names with tags that lie in `repository`.
    package func tags(inRepository repository: String) async throws -> [String] {
        struct Listed: Decodable {
            let tags: [String]?
            enum CodingKeys: String, CodingKey { case tags = "RepoTags" }
        }
        let filters = Self.escape("{\"reference\":[\"\(repository)\"]}")
        let data = try await call(.GET, "/images/json?filters=\(filters)", "list images")
        return try decode([Listed].self, data, "list images").flatMap { $0.tags ?? [] }.filter {
            $0.hasPrefix(repository + ":")
        }
    }

    /// Errors come as a line inside an answer that began with 200.
    func drainProgress(_ response: HTTPClientResponse, _ operation: String) async throws {
        var tail: [UInt8] = []
        for try await chunk in response.body {
            tail += Array(chunk.readableBytesView)
            tail = Array(tail.suffix(65_536))
        }
        struct Failure: Decodable { let error: String }
        for line in String(decoding: tail, as: UTF8.self).split(separator: "\n") {
            if let failure = try? JSONDecoder().decode(Failure.self, from: Data(line.utf8)) {
                throw DockerError(.refused, operation, failure.error)
            }
        }
    }
}
