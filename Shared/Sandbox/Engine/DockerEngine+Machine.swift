import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1

/// The machine that the engine runs containers on.
extension DockerEngine {
    package struct Information: Sendable, Decodable {
        package let memoryBytes: Int64
        package let cpuCount: Int
        /// As uname(1) gives it.
        package let kernelRelease: String

        enum CodingKeys: String, CodingKey {
            case memoryBytes = "MemTotal"
            case cpuCount = "NCPU"
            case kernelRelease = "KernelVersion"
        }
    }

    package func information() async throws -> Information {
        try decode(Information.self, try await call(.GET, "/info", "info"), "info")
    }

    /// As Go names it: `amd64`, `arm64`.
    package func architecture() async throws -> String {
        struct Version: Decodable {
            let architecture: String
            enum CodingKeys: String, CodingKey { case architecture = "Arch" }
        }
        return try decode(Version.self, try await call(.GET, "/version", "version"), "version").architecture
    }

    /// Makes an image of one layer, the files of `archive`, an uncompressed tar. `changes` are instructions of a
    /// Dockerfile that say how it is run.
    package func importImage(
        _ archive: [UInt8], repository: String, tag: String, changes: [String] = []
    ) async throws {
        var path = "/images/create?fromSrc=-&repo=\(Self.escape(repository))&tag=\(Self.escape(tag))"
        for change in changes { path += "&changes=\(Self.escape(change))" }
        var request = try request(.POST, path)
        request.headers.add(name: "Content-Type", value: "application/x-tar")
        request.body = .bytes(ByteBuffer(bytes: archive))
        try await drainProgress(send(request, "import", timeout: Self.imageTimeout), "import")
    }
}
