import Foundation
import ParityProtocol
import TestSupport
import Testing

@testable import Sandbox

/// Against a real registry.
@Suite(.serialized) struct RegistryTests {
    /// Pushes a new image and takes it off the engine; returns its pinned reference.
    private func push(_ image: TestImage, _ stage: ImageStage, _ registry: PrivateServer) async throws -> String {
        let name = "\(try registry.address("address"))/task:latest"
        let path = "\(stage.folder)/push.tar"
        try Data(image.archive(tags: [name])).write(to: URL(filePath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        try await stage.docker("load", "-i", path)
        try await stage.docker("push", name)
        let reference = try await stage.docker("inspect", "-f", "{{index .RepoDigests 0}}", name)
        try await stage.docker("image", "rm", name)
        return reference.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// The file in which the registry keeps a blob.
    private func file(of digest: String, _ registry: PrivateServer) throws -> String {
        let hex = digest.split(separator: ":").last ?? ""
        return "\(try registry.address("data"))/docker/registry/v2/blobs/sha256/\(hex.prefix(2))/\(hex)/data"
    }

    @Test(.timeLimit(.minutes(25)))
    func `A pinned image is pulled once however many wait, and goes with its name when it is evicted`() async throws {
        try await PrivateServer.withRegistry { registry in
            try await ImageStage.set { stage in
                let image = TestImage()
                let reference = try await push(image, stage, registry)
                #expect(try await !stage.holds(image))
                let cache = try await stage.started(limits: .init(cacheBytes: 0))
                let held = try await withThrowingTaskGroup { group in
                    for _ in 0..<12 {
                        group.addTask { try await cache.acquire(.image(reference), fetch: TestBlobs().fetch) }
                    }
                    return try await group.reduce(into: [HeldImage]()) { $0.append($1) }
                }
                #expect(held.allSatisfy { $0.id == image.id })
                let log = try await registry.call("log")
                let configuration = log.split(separator: "\n").filter {
                    $0.contains("GET /v2/task/blobs/\(image.id) ")
                }
                #expect(configuration.count == 1)
                for image in held { await cache.release(image) }
                #expect(try await !stage.holds(image))
                #expect(try await stage.engine.image(reference) == nil)
            }
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `A digest that the registry does not have is rejected`() async throws {
        try await PrivateServer.withRegistry { registry in
            try await ImageStage.set { stage in
                let reference = try await push(TestImage(), stage, registry)
                let repository = reference.split(separator: "@")[0]
                let cache = try await stage.started()
                for digest in [Digest.sha256(of: []), TestImage().id] {
                    await #expect(throws: EnvironmentRejected.self) {
                        try await cache.acquire(.image("\(repository)@\(digest)"), fetch: TestBlobs().fetch)
                    }
                }
            }
        }
    }

    @Test(.timeLimit(.minutes(25)), arguments: ["manifest", "configuration", "layer"])
    func `What a registry changed under a digest is never run`(part: String) async throws {
        try await PrivateServer.withRegistry { registry in
            try await ImageStage.set { stage in
                let image = TestImage()
                let reference = try await push(image, stage, registry)
                let manifest = try file(of: String(reference.split(separator: "@")[1]), registry)
                let bytes = try #require(FileManager.default.contents(atPath: manifest))
                let layer = try #require(
                    JSONValue.parse(Array(bytes))["layers"]?.array?.first?["digest"]?.string)
                let path =
                    switch part {
                    case "manifest": manifest
                    case "configuration": try file(of: "\(image.id)", registry)
                    default: try file(of: layer, registry)
                    }
                var changed = try #require(FileManager.default.contents(atPath: path))
                changed[changed.count / 2] ^= 1
                try changed.write(to: URL(filePath: path))
                let cache = try await stage.started()
                await #expect(throws: EnvironmentRejected.self) {
                    try await cache.acquire(.image(reference), fetch: TestBlobs().fetch)
                }
                #expect(try await !stage.holds(image))
            }
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `A pinned image that the machine had before stays after its eviction`() async throws {
        try await PrivateServer.withRegistry { registry in
            try await ImageStage.set { stage in
                let image = TestImage()
                let reference = try await push(image, stage, registry)
                try await stage.docker("pull", reference)
                let cache = try await stage.started(limits: .init(cacheBytes: 0))
                await cache.release(try await cache.acquire(.image(reference), fetch: TestBlobs().fetch))
                #expect(try await stage.engine.image(reference)?.id == "\(image.id)")
                try await stage.docker("image", "rm", reference)
            }
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `Two agents on one engine share what one has pulled`() async throws {
        try await PrivateServer.withRegistry { registry in
            try await ImageStage.set { stage in
                let image = TestImage()
                let reference = try await push(image, stage, registry)
                let first = try await stage.started("first", limits: .init(cacheBytes: 0))
                let second = try await stage.started("second", limits: .init(cacheBytes: 0))
                let held = try await first.acquire(.image(reference), fetch: TestBlobs().fetch)
                let other = try await second.acquire(.image(reference), fetch: TestBlobs().fetch)
                await first.release(held)
                #expect(try await stage.holds(image))
                await second.release(other)
                #expect(try await !stage.holds(image), "nobody needs it any more")
            }
        }
    }
}
