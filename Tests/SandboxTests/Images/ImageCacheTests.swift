import Foundation
import ParityProtocol
import TestSupport
import Testing

@testable import Sandbox

@Suite(.serialized) struct ImageCacheTests {
    @Test(.timeLimit(.minutes(25)))
    func `An archive is fetched once however many wait, and again only when the image is gone`() async throws {
        try await ImageStage.set { stage in
            let image = TestImage()
            let blobs = TestBlobs(isShut: true)
            let environment = await blobs.add(image.archive())
            let cache = try await stage.started()
            try await withThrowingTaskGroup { group in
                for _ in 0..<16 {
                    group.addTask { try await cache.acquire(environment, fetch: blobs.fetch) }
                }
                #expect(try await TestEnvironment.eventually { await blobs.fetches > 0 })
                await blobs.open()
                for try await held in group { #expect(held.id == image.id) }
            }
            #expect(await blobs.fetches == 1)
            _ = try await cache.acquire(environment, fetch: blobs.fetch)
            #expect(await blobs.fetches == 1, "it is there")
            try await stage.docker("image", "rm", "-f", "\(image.id)")
            _ = try await cache.acquire(environment, fetch: blobs.fetch)
            #expect(await blobs.fetches == 2, "the engine had lost it")
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `Who gives up waiting leaves at once and the others get their image`() async throws {
        try await ImageStage.set { stage in
            let image = TestImage()
            let blobs = TestBlobs(isShut: true)
            let environment = await blobs.add(image.archive())
            let cache = try await stage.started()
            let first = Task { try await cache.acquire(environment, fetch: blobs.fetch) }
            #expect(try await TestEnvironment.eventually { await blobs.fetches == 1 })
            let second = Task { try await cache.acquire(environment, fetch: blobs.fetch) }
            #expect(try await TestEnvironment.eventually { await cache.uses.values.contains(2) })
            first.cancel()
            await #expect(throws: CancellationError.self) { try await first.value }
            await blobs.open()
            #expect(try await second.value.id == image.id)
            #expect(await blobs.fetches == 1)
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `An archive cannot take another image's name`() async throws {
        try await ImageStage.set { stage in
            let victim = "parity-test/victim-\(UUID().uuidString.lowercased()):latest"
            try await stage.docker("tag", "parity-test/busybox", victim)
            stage.willRemove(victim)
            let before = try await stage.engine.image(victim)?.id
            let blobs = TestBlobs()
            let image = TestImage()
            let environment = await blobs.add(image.archive(tags: [victim, "debian:latest"]))
            let held = try await stage.started().acquire(environment, fetch: blobs.fetch)
            #expect(held.id == image.id)
            #expect(try await stage.engine.image(victim)?.id == before)
            let tags = try await stage.engine.image("\(image.id)")?.repoTags ?? []
            #expect(tags.count == 1 && tags.allSatisfy { $0.hasPrefix("parity.invalid/images/") })
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `An archive that is not what it says leaves nothing on the engine`() async throws {
        try await ImageStage.set { stage in
            let image = TestImage()
            let blobs = TestBlobs()
            let files = image.files().map { $0.name == "layer/layer.tar" ? ($0.name, TestImage("x").layer) : $0 }
            let environment = await blobs.add(TestImage.tar(files))
            let cache = try await stage.started()
            await #expect(throws: EnvironmentRejected.self) {
                try await cache.acquire(environment, fetch: blobs.fetch)
            }
            #expect(try await !stage.holds(image))
            #expect(try FileManager.default.contentsOfDirectory(atPath: "\(stage.folder)/agent/archives").isEmpty)
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `An archive larger than allowed is refused`() async throws {
        try await ImageStage.set { stage in
            let blobs = TestBlobs()
            let bytes = TestImage().archive()
            let environment = await blobs.add(bytes)
            let exact = try await stage.started("exact", limits: .init(imageBytes: Int64(bytes.count)))
            _ = try await exact.acquire(environment, fetch: blobs.fetch)
            let less = try await stage.started("less", limits: .init(imageBytes: Int64(bytes.count - 1)))
            await #expect(throws: EnvironmentRejected.self) { try await less.acquire(environment, fetch: blobs.fetch) }
        }
    }

    /// Three images of which two fit.
    private func three(_ blobs: TestBlobs) async -> [(image: TestImage, environment: TaskEnvironment)] {
        var images: [(TestImage, TaskEnvironment)] = []
        for _ in 0..<3 {
            let image = TestImage(String(repeating: "x", count: 1000) + UUID().uuidString)
            images.append((image, await blobs.add(image.archive())))
        }
        return images
    }

    private static let twoFit = ImageCache.Limits(cacheBytes: 2500)

    @Test(.timeLimit(.minutes(25)))
    func `The image unused for longest goes first, never one in use, also after a restart`() async throws {
        try await ImageStage.set { stage in
            let blobs = TestBlobs()
            let images = await three(blobs)
            var cache = try await stage.started(limits: Self.twoFit)
            let first = try await cache.acquire(images[0].environment, fetch: blobs.fetch)
            let second = try await cache.acquire(images[1].environment, fetch: blobs.fetch)
            let third = try await cache.acquire(images[2].environment, fetch: blobs.fetch)
            for (image, _) in images { #expect(try await stage.holds(image), "all are in use") }
            await cache.release(second)
            #expect(try await !stage.holds(images[1].image), "the only one that may go")
            await cache.release(first)
            await cache.release(third)
            #expect(try await stage.holds(images[0].image))
            #expect(try await stage.holds(images[2].image))
            // Another life of the agent: the first is used again, so the third is the oldest.
            cache = try await stage.started(limits: Self.twoFit)
            await cache.release(try await cache.acquire(images[0].environment, fetch: blobs.fetch))
            #expect(await blobs.fetches == 3, "it was kept")
            await cache.release(try await cache.acquire(images[1].environment, fetch: blobs.fetch))
            #expect(try await stage.holds(images[0].image))
            #expect(try await stage.holds(images[1].image))
            #expect(try await !stage.holds(images[2].image))
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `The machine's own images are used and never removed`() async throws {
        try await ImageStage.set { stage in
            let blobs = TestBlobs()
            let images = await three(blobs)
            let own = "parity-test/own-\(UUID().uuidString.lowercased()):latest"
            let path = "\(stage.folder)/own.tar"
            try Data(images[0].image.archive(tags: [own])).write(to: URL(filePath: path))
            try await stage.docker("load", "-i", path)
            try FileManager.default.removeItem(atPath: path)
            stage.willRemove(own)
            let cache = try await stage.started(limits: .init(cacheBytes: 0))
            for (_, environment) in images {
                await cache.release(try await cache.acquire(environment, fetch: blobs.fetch))
            }
            #expect(try await stage.engine.image(own)?.repoTags == [own], "as it was")
            #expect(try await !stage.holds(images[1].image))
            await cache.release(try await cache.acquire(images[0].environment, fetch: blobs.fetch))
            #expect(await blobs.fetches == 3, "the engine had it already")
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `What one agent gives up stays for the others, and on an image with a container`() async throws {
        try await ImageStage.set { stage in
            let blobs = TestBlobs()
            let image = TestImage()
            let environment = await blobs.add(image.archive())
            let first = try await stage.started("first", limits: .init(cacheBytes: 0))
            let second = try await stage.started("second", limits: .init(cacheBytes: 0))
            let held = try await first.acquire(environment, fetch: blobs.fetch)
            let other = try await second.acquire(environment, fetch: blobs.fetch)
            await first.release(held)
            #expect(try await stage.holds(image), "the second agent holds it")
            let body: JSONValue = ["Image": .string("\(image.id)"), "Cmd": ["x"]]
            let container = try await stage.engine.createContainer(body)
            await second.release(other)
            #expect(try await stage.holds(image), "a container stands on it")
            try await stage.engine.removeContainer(container)
            await second.release(try await second.acquire(environment, fetch: blobs.fetch))
            #expect(try await !stage.holds(image))
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `A ledger that cannot be read is begun anew and its images go`() async throws {
        try await ImageStage.set { stage in
            let blobs = TestBlobs()
            let image = TestImage()
            let environment = await blobs.add(image.archive())
            _ = try await stage.started().acquire(environment, fetch: blobs.fetch)
            try Data("nonsense".utf8).write(to: URL(filePath: "\(stage.folder)/agent/images.json"))
            let again = try await stage.started()
            #expect(try await !stage.holds(image))
            #expect(try await again.acquire(environment, fetch: blobs.fetch).id == image.id)
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `An image that is not there is rejected`() async throws {
        try await ImageStage.set { stage in
            let cache = try await stage.started()
            await #expect(throws: EnvironmentRejected.self) {
                try await cache.acquire(.imageID(Digest.sha256(of: [1])), fetch: TestBlobs().fetch)
            }
        }
    }
}
