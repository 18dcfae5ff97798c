import AsyncHTTPClient
import Foundation
package import Logging
import NIOCore
package import ParityProtocol
import Synchronization

/// What a build may use. The operator's, not the submitter's: a build runs a stranger's commands with a network.
package struct BuildLimits: Sendable {
    package var memoryBytes: Int64
    package var cpuMilli: Int64
    package var wall: Duration
    package var network: String
    package var contextBytes: Int64
    /// Of the image's archive.
    package var imageBytes: Int64

    package init(
        memoryBytes: Int64 = 2 << 30, cpuMilli: Int64 = 2000, wall: Duration = .seconds(1800),
        network: String = "default", contextBytes: Int64 = 1 << 30, imageBytes: Int64 = 4 << 30
    ) {
        self.memoryBytes = memoryBytes
        self.cpuMilli = cpuMilli
        self.wall = wall
        self.network = network
        self.contextBytes = contextBytes
        self.imageBytes = imageBytes
    }
}

/// What must be known and there before a build starts.
package struct BuildPlan: Sendable {
    package let bases: [BuildBase]
    let recipe: BuildRecipe
    let context: String
    let folder: String
    let finalBase: String?
    let held: [HeldImage]
}

/// What a build made: an archive in a file.
package struct BuiltArchive: Sendable {
    package let image: BuildStatement.Image
    package let path: String
}

/// Turns contexts into image archives, on the engine's classic builder, and leaves nothing of them on the engine.
package struct ImageBuilding: Sendable {
    private let engine: DockerEngine
    private let images: ImageCache
    private let limits: BuildLimits
    private let folder: String
    private let logger: Logger

    /// `images` fetches what is built on; `folder` is the builder's own.
    package init(engine: DockerEngine, images: ImageCache, limits: BuildLimits, folder: String, logger: Logger) {
        self.engine = engine
        self.images = images
        self.limits = limits
        self.folder = folder
        self.logger = logger
    }

    /// Removes what an earlier life of this builder left.
    package func start() async throws {
        try await images.start()
        for tag in try await engine.tags(inRepository: repository) { try await engine.removeImage(tag) }
        try? FileManager.default.removeItem(atPath: folder)
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    /// Under which an image stands while it is exported.
    var repository: String {
        "parity.invalid/builds/" + Digest.sha256(of: Array(folder.utf8)).hex.prefix(16)
    }

    // MARK: - Before

    /// Fetches the context and all images that its Dockerfile builds on. Whoever plans must discard. Throws
    /// ``BuildFailure`` when that shows already that it cannot be built.
    package func plan(_ recipe: BuildRecipe, fetch: ImageCache.Fetch) async throws -> BuildPlan {
        let own = "\(folder)/\(UUID().uuidString.lowercased())"
        try FileManager.default.createDirectory(atPath: own, withIntermediateDirectories: true)
        var held: [HeldImage] = []
        do {
            let context = "\(own)/context.tar"
            try await fetch(recipe.context, context, limits.contextBytes)
            let file = try Dockerfile(
                try BuildContext.dockerfile(at: recipe.path, in: context), arguments: recipe.arguments)
            guard file.references.count <= BuildClaim.maximumBases else {
                throw BuildFailure("the Dockerfile builds on more than \(BuildClaim.maximumBases) images")
            }
            var bases: [BuildBase] = []
            for reference in file.references {
                let image = try await base(reference)
                held.append(image)
                try await checkTriggers(of: image, reference)
                bases.append(BuildBase(reference: reference, image: image.id))
            }
            return BuildPlan(
                bases: bases, recipe: recipe, context: context, folder: own, finalBase: file.finalBase, held: held)
        } catch {
            for image in held { await images.release(image) }
            try? FileManager.default.removeItem(atPath: own)
            if let error = error as? EnvironmentRejected { throw BuildFailure(error.description) }
            throw error
        }
    }

    package func discard(_ plan: BuildPlan) async {
        for image in plan.held { await images.release(image) }
        try? FileManager.default.removeItem(atPath: plan.folder)
    }

    /// By name alone: an id, or a name of ours, would reach images that this machine holds for others.
    private func base(_ reference: String) async throws -> HeldImage {
        guard !reference.hasPrefix("parity.invalid/"), !reference.hasPrefix("sha256:"), !reference.hasSuffix(":"),
            reference.range(of: "^[0-9a-f]{12,64}$", options: .regularExpression) == nil
        else { throw BuildFailure("\(reference) is not the name of an image that can be built on") }
        let source = reference.contains("@") ? ImageSource.pinned(reference) : .base(reference)
        return try await images.acquire(from: source) { _, _, _ in
            throw BuildFailure("\(reference) is no archive")
        }
    }

    /// Triggers are read by the engine alone, and could name an image that nobody looked at.
    private func checkTriggers(of image: HeldImage, _ reference: String) async throws {
        let triggers = try await engine.image("\(image.id)")?.triggers ?? []
        guard triggers.isEmpty else {
            throw BuildFailure("\(reference) has ONBUILD instructions, which are not carried out here: write them out")
        }
    }

    // MARK: - Building

    /// Builds what was planned within the limits and exports it. The log is told as it comes. Cancelling stops the
    /// build. Throws ``BuildFailure`` when it cannot be built.
    package func build(
        _ plan: BuildPlan, id: BuildAttemptID, log: @escaping @Sendable (String) throws -> Void
    ) async throws -> BuiltArchive {
        let tag = "\(repository):\(id.build)-\(id.attempt)"
        let steps = StepImages()
        do {
            let image = try await withinWall { try await engineBuild(plan, tag, steps, log) }
            try await check(image, plan)
            let archive = try await export(image, to: plan.folder)
            await remove(tag, steps)
            return archive
        } catch {
            await remove(tag, steps)
            throw error
        }
    }

    private func engineBuild(
        _ plan: BuildPlan, _ tag: String, _ steps: StepImages, _ log: (String) throws -> Void
    ) async throws -> String {
        let size = try ArchiveFile(path: plan.context).size
        let options = DockerEngine.BuildOptions(
            dockerfile: plan.recipe.path, arguments: plan.recipe.arguments, tag: tag,
            memoryBytes: limits.memoryBytes, cpuMilli: limits.cpuMilli, network: limits.network, timeout: limits.wall)
        return try await engine.build(
            InputArchive(file: plan.context, size: size), options, log: log, onStep: steps.add)
    }

    private func withinWall<T: Sendable>(_ body: @escaping @Sendable () async throws -> T) async throws -> T {
        try await withThrowingTaskGroup(of: T.self) { group in
            let limits = limits
            group.addTask { try await body() }
            group.addTask {
                try await Task.sleep(for: limits.wall)
                throw BuildFailure("the build took longer than the \(limits.wall.components.seconds) s that it may")
            }
            defer { group.cancelAll() }
            guard let value = try await group.next() else { throw CancellationError() }
            return value
        }
    }

    /// A tag may have moved between the plan and the build; the image must stand on what was planned.
    private func check(_ image: String, _ plan: BuildPlan) async throws {
        guard let finalBase = plan.finalBase,
            let planned = plan.bases.first(where: { $0.reference == finalBase })
        else { return }
        guard let base = try await engine.image("\(planned.image)"), let built = try await engine.image(image),
            built.layers.starts(with: base.layers)
        else { throw DockerError(.malformed, "build", "\(finalBase) changed while it was built on") }
    }

    /// The image as runners will take it: read and checked as they do, written anew so that it holds nothing else.
    private func export(_ image: String, to folder: String) async throws -> BuiltArchive {
        let raw = "\(folder)/saved.tar"
        let limit = limits.imageBytes
        let file = try FileWriter(raw)
        for try await chunk in try await engine.save(image) {
            guard file.count + Int64(chunk.readableBytes) <= limit else {
                throw BuildFailure("the image takes more than the \(limit) bytes that it may")
            }
            try file.write(chunk)
        }
        let archive: ImageArchive
        do {
            archive = try ImageArchive(path: raw)
        } catch let error as EnvironmentRejected {
            throw DockerError(.malformed, "save image", error.description)
        }
        let path = "\(folder)/image.tar"
        let target = try FileWriter(path)
        for try await chunk in archive.contents(named: nil) { try target.write(chunk) }
        try? FileManager.default.removeItem(atPath: raw)
        let bytes = target.count
        return BuiltArchive(
            image: BuildStatement.Image(archive: target.finish(), id: archive.image, bytes: bytes), path: path)
    }

    /// Removes the image and what its steps left: those of other stages, and all of them when a later one failed.
    private func remove(_ tag: String, _ steps: StepImages) async {
        let engine = engine
        await Sandbox.shielded { try await engine.removeImage(tag) }
        for step in steps.all.reversed() {
            await Sandbox.shielded {
                // One with a name is not the build's: what it builds on is told as a step too.
                guard let image = try await engine.image(step), image.repoTags.isEmpty, image.repoDigests.isEmpty else {
                    return
                }
                try await engine.removeImage(image.id)
            }
        }
    }

    /// Which images the steps of a build have made.
    private final class StepImages: Sendable {
        private let images = Mutex<[String]>([])
        /// Far more than layers are allowed; a step's own output could look like this.
        private static let maximum = 1000

        var all: [String] { images.withLock { $0 } }
        func add(_ image: String) { images.withLock { if $0.count < Self.maximum { $0.append(image) } } }
    }
}
