import Foundation
import ParityProtocol
import Synchronization
import TestSupport
import Testing

@testable import Sandbox

/// On the real engine.
@Suite(.serialized) struct ImageBuildingTests {
    private struct Stage {
        let images: ImageStage
        let building: ImageBuilding
        let blobs: TestBlobs
        let log: SharedText

        static func set(
            limits: BuildLimits = .init(), _ body: (Stage) async throws -> Void
        ) async throws {
            try await ImageStage.set { images in
                let building = ImageBuilding(
                    engine: images.engine, images: images.cache("builder"), limits: limits,
                    folder: "\(images.folder)/builder/builds", logger: ImageStage.logger)
                try await building.start()
                try await body(Stage(images: images, building: building, blobs: TestBlobs(), log: SharedText()))
            }
        }

        func recipe(
            _ dockerfile: String, _ files: [TestImage.File] = [], arguments: [String: String] = [:]
        ) async -> BuildRecipe {
            let context = TestImage.tar([("Dockerfile", Array(dockerfile.utf8))] + files)
            _ = await blobs.add(context)
            return BuildRecipe(context: Digest.sha256(of: context), arguments: arguments)
        }

        /// Builds and reads the archive that came of it.
        func build(_ recipe: BuildRecipe) async throws -> (image: BuildStatement.Image, archive: ImageArchive) {
            let plan = try await building.plan(recipe, fetch: blobs.fetch)
            do {
                let built = try await building.build(plan, id: BuildAttemptID(build: BuildID(UUID()), attempt: 1)) {
                    log.append($0)
                }
                let archive = try ImageArchive(path: built.path)
                await building.discard(plan)
                return (built.image, archive)
            } catch {
                await building.discard(plan)
                throw error
            }
        }
    }

    private final class SharedText: Sendable {
        private let text = Mutex("")
        func append(_ piece: String) { text.withLock { $0 += piece } }
        var value: String { text.withLock { $0 } }
    }

    private static let base = "ARG BASE=debian:bookworm-slim\nFROM ${BASE}\n"
    private static let arguments = ["BASE": "parity-test/busybox"]

    @Test(.timeLimit(.minutes(25)))
    func `A context becomes an archive of its image, which stands on what was planned`() async throws {
        try await Stage.set { stage in
            let recipe = await stage.recipe(
                Self.base + "ARG WHO=nobody\nRUN echo hello $WHO; echo $WHO > /who\nCOPY file /copied\n",
                [("file", Array("content".utf8))],
                arguments: ["BASE": "parity-test/busybox", "WHO": "Ada"])
            let plan = try await stage.building.plan(recipe, fetch: stage.blobs.fetch)
            let busybox = try #require(try await stage.images.engine.image("parity-test/busybox"))
            #expect(plan.bases.map(\.reference) == ["parity-test/busybox"])
            #expect(plan.bases.map { "\($0.image)" } == [busybox.id])
            await stage.building.discard(plan)
            let (image, archive) = try await stage.build(recipe)
            #expect(archive.image == image.id)
            #expect(archive.layers.map(\.description).starts(with: busybox.layers))
            #expect(archive.layers.count == busybox.layers.count + 2)
            #expect(stage.log.value.contains("hello Ada\n"))
            #expect(try await stage.images.engine.image("\(image.id)") == nil, "nothing is left on the engine")
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `What cannot be built says why`() async throws {
        try await Stage.set { stage in
            func failure(_ dockerfile: String, _ arguments: [String: String] = Self.arguments) async -> String {
                do {
                    _ = try await stage.build(await stage.recipe(dockerfile, arguments: arguments))
                    return "built"
                } catch let failure as BuildFailure {
                    return failure.description
                } catch {
                    return "another error: \(error)"
                }
            }
            let step = await failure(Self.base + "RUN echo before; echo wrong >&2; exit 3\n")
            #expect(step.contains("returned a non-zero code: 3"), "\(step)")
            #expect(stage.log.value.contains("before\n"))
            #expect(stage.log.value.contains("wrong\n"))
            #expect(await failure(Self.base + "COPY missing /\n").contains("missing"))
            #expect(await failure(Self.base + "NONSENSE\n").contains("NONSENSE"))
            #expect(await failure("FROM parity.invalid/images/x:y\n").contains("not the name of an image"))
            let busybox = try #require(try await stage.images.engine.image("parity-test/busybox")).id
            #expect(await failure("FROM \(busybox)\n").contains("not the name of an image"))
            #expect(await failure("FROM \(busybox.dropFirst(7).prefix(12))\n").contains("not the name of an image"))
            #expect(await failure("FROM parity.invalid\n").contains("cannot be pulled"))
            #expect(await failure("").contains("empty"))
            // A trigger could copy out of an image that nobody looked at.
            let trigger = "parity-test/\(TestEnvironment.uniqueName()):latest"
            let tar = "\(stage.images.folder)/trigger.tar"
            try Data(TestImage.tar([("file", [1])])).write(to: URL(filePath: tar))
            try await stage.images.docker(
                "import", "-c", "ONBUILD COPY --from=\(busybox.dropFirst(7)) / /stolen", tar, trigger)
            let triggered = await failure("FROM \(trigger)\n")
            try await stage.images.docker("image", "rm", trigger)
            #expect(triggered.contains("ONBUILD"), "\(triggered)")
            let none = BuildRecipe(context: Digest.sha256(of: []))
            await #expect(throws: BuildFailure.self) { try await stage.building.plan(none, fetch: stage.blobs.fetch) }
            let elsewhere = BuildRecipe(context: await stage.recipe("FROM scratch").context, path: "other")
            await #expect(throws: BuildFailure.self) {
                try await stage.building.plan(elsewhere, fetch: stage.blobs.fetch)
            }
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `A build that takes too long is stopped, and its container goes`() async throws {
        try await Stage.set(limits: BuildLimits(wall: .seconds(3))) { stage in
            let marker = "sleep 9\(Int.random(in: 1000...9999))"
            let recipe = await stage.recipe(Self.base + "RUN \(marker)\n", arguments: Self.arguments)
            let error = await #expect(throws: BuildFailure.self) { try await stage.build(recipe) }
            #expect(error?.description.contains("took longer") == true)
            try await Self.isGone(marker, stage)
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `Cancelling stops a build, and its container goes`() async throws {
        try await Stage.set { stage in
            let marker = "sleep 8\(Int.random(in: 1000...9999))"
            let recipe = await stage.recipe(Self.base + "RUN \(marker)\n", arguments: Self.arguments)
            let task = Task { try await stage.build(recipe) }
            let started = try await TestEnvironment.eventually(within: .seconds(240)) {
                try await stage.images.docker("ps", "-a", "--no-trunc", "--format", "{{.Command}}").contains(marker)
            }
            #expect(started)
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            try await Self.isGone(marker, stage)
        }
    }

    private static func isGone(_ marker: String, _ stage: Stage) async throws {
        let gone = try await TestEnvironment.eventually(within: .seconds(240)) {
            try await !stage.images.docker("ps", "-a", "--no-trunc", "--format", "{{.Command}}").contains(marker)
        }
        #expect(gone)
    }

    @Test(.timeLimit(.minutes(25)))
    func `A build has the memory, network and size that it may have and no more`() async throws {
        let limits = BuildLimits(memoryBytes: 64 << 20, network: "none", imageBytes: 8 << 20)
        try await Stage.set(limits: limits) { stage in
            func build(_ step: String) async throws -> BuildStatement.Image {
                try await stage.build(
                    await stage.recipe(Self.base + "RUN \(step)\n", arguments: Self.arguments)
                ).image
            }
            await #expect(throws: BuildFailure.self) {
                try await build("head -c 200000000 /dev/zero | tail -c 150000000")
            }
            _ = try await build("! ip addr | grep -q eth")
            _ = try await build("head -c 4000000 /dev/urandom > /file")
            await #expect(throws: BuildFailure.self) { try await build("head -c 9000000 /dev/urandom > /file") }
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `Neither stages nor failed steps leave an image behind`() async throws {
        try await Stage.set { stage in
            let mark = UUID().uuidString
            func left() async throws -> String {
                let ids = try await stage.images.docker("images", "-aq", "--filter", "dangling=true").split(
                    separator: "\n")
                // Others may remove theirs meanwhile.
                var text = ""
                for id in ids { text += (try? await stage.images.docker("history", "--no-trunc", "\(id)")) ?? "" }
                return text
            }
            let stages = "FROM ${BASE} AS one\nRUN echo \(mark) > /a\nFROM ${BASE}\nCOPY --from=one /a /b\n"
            let recipe = await stage.recipe("ARG BASE\n" + stages, arguments: Self.arguments)
            _ = try await stage.build(recipe)
            #expect(try await !left().contains(mark))
            let failing = await stage.recipe(
                Self.base + "RUN echo \(mark)\nRUN exit 1\n", arguments: Self.arguments)
            await #expect(throws: BuildFailure.self) { try await stage.build(failing) }
            #expect(try await !left().contains(mark))
            #expect(try await stage.images.engine.image("parity-test/busybox") != nil)
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `A builder's next start removes what its last life left`() async throws {
        try await Stage.set { stage in
            let tag = "\(stage.building.repository):left"
            try await stage.images.docker("tag", "parity-test/busybox", tag)
            let plan = try await stage.building.plan(
                await stage.recipe("FROM scratch\nCOPY Dockerfile /\n"), fetch: stage.blobs.fetch)
            #expect(FileManager.default.fileExists(atPath: plan.context))
            try await stage.building.start()
            #expect(!FileManager.default.fileExists(atPath: plan.context))
            #expect(try await stage.images.engine.image(tag) == nil)
        }
    }
}
