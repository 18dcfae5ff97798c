import AsyncHTTPClient
import FoundationEssentials
import Logging
import ParityProtocol
import Sandbox

/// Gets image, inputs and a machine ready for a check: what builder and runners do with a task, on this machine's engine.
struct CheckPreparation {
    let submission: SpecBuilder.Submission
    let endpoint: String
    let allowsRoot: Bool
    let gateway: GatewayClient
    let owner: CheckOwner
    /// Told what a build says.
    var log: @Sendable (String) -> Void = { _ in }

    private var folder: String { owner.folder }

    /// Runs `body` with a laboratory; what was fetched for it goes again afterwards.
    func with<T: Sendable>(_ body: (ContainerLaboratory) async throws -> T) async throws -> T {
        // The shared client would ask for compressed archives.
        let client = HTTPClient(eventLoopGroupProvider: .singleton)
        do {
            let value = try await with(client, body)
            try await client.shutdown()
            return value
        } catch {
            try? await client.shutdown()
            throw error
        }
    }

    private func with<T: Sendable>(
        _ client: HTTPClient, _ body: (ContainerLaboratory) async throws -> T
    ) async throws -> T {
        let logger = Logger(label: "parity") { _ in SwiftLogNoOpLogHandler() }
        let engine = try DockerEngine(endpoint: endpoint, client: client)
        let sandbox = Sandbox(engine: engine, settings: SandboxSettings(allowsRoot: allowsRoot), logger: logger)
        try await CheckOwner.removeLeftovers(sandbox)
        // Nothing is kept: an image that the engine had before stays, one that was fetched for the check goes.
        let images = ImageCache(
            engine: engine, owner: owner.value, folder: folder, limits: .init(cacheBytes: 0), logger: logger)
        try await images.start()
        let spec = try TaskSpec(parsing: submission.spec)
        var blobs = CheckBlobs(uploads: submission.uploads, gateway: gateway, folder: folder)
        let image = try await image(of: spec, &blobs, images, engine, logger)
        do {
            let subject = ContainerLaboratory.Subject(
                spec: spec, image: image.id, inputs: try await blobs.inputs(of: spec), folder: folder,
                label: (CheckOwner.label, owner.value))
            let machine = try await engine.information()
            let facts = Self.facts(of: machine, endpoint: endpoint)
            let value = try await body(
                ContainerLaboratory(subject, sandbox: sandbox, machine: machine, facts: facts))
            await images.release(image)
            return value
        } catch {
            await images.release(image)
            throw error
        }
    }

    // MARK: - The image

    private func image(
        of spec: TaskSpec, _ blobs: inout CheckBlobs, _ images: ImageCache, _ engine: DockerEngine, _ logger: Logger
    ) async throws -> HeldImage {
        var environment = spec.environment
        if let recipe = environment.recipe {
            let built = try await build(recipe, blobs, images, engine, logger)
            blobs = CheckBlobs(uploads: blobs.uploads + [built], gateway: gateway, folder: folder)
            environment = .archive(built.digest)
        }
        let source = blobs
        do {
            return try await images.acquire(environment) { blob, path, limit in
                try await source.fetch(blob, to: path, maximumBytes: limit)
            }
        } catch let error as EnvironmentRejected {
            throw CommandFailure(.refused, error.description)
        }
    }

    /// Builds as a builder of the network does, with its limits.
    private func build(
        _ recipe: BuildRecipe, _ blobs: CheckBlobs, _ images: ImageCache, _ engine: DockerEngine, _ logger: Logger
    ) async throws -> LocalFile {
        let building = ImageBuilding(
            engine: engine, images: images, limits: BuildLimits(), folder: folder + "/builds", logger: logger)
        try await building.start()
        let log = log
        do {
            let plan = try await building.plan(recipe) { blob, path, limit in
                try await blobs.fetch(blob, to: path, maximumBytes: limit)
            }
            do {
                let id = BuildAttemptID(build: BuildID(UUID.v7()), attempt: 1)
                let built = try await building.build(plan, id: id) { log($0) }
                let path = "\(folder)/image.tar"
                try FileManager.default.moveItem(atPath: built.path, toPath: path)
                await building.discard(plan)
                return try LocalFile(path)
            } catch {
                await building.discard(plan)
                throw error
            }
        } catch let failure as BuildFailure {
            throw CommandFailure(.failed, "the image cannot be built: \(failure)")
        }
    }

    // MARK: - Facts

    /// What no run on this machine can show to be different elsewhere.
    static func facts(of machine: DockerEngine.Information, endpoint: String) -> [Witness] {
        let isLocal = endpoint.hasPrefix("unix://")
        let cpuinfo = isLocal ? (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? "" : ""
        let models = cpuinfo.split(separator: "\n").filter { $0.hasPrefix("model name") }.compactMap {
            $0.split(separator: ":", maxSplits: 1).last.map { String($0.drop(while: \.isWhitespace)) }
        }
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = .gmt
        let today = calendar.dateComponents([.year, .month, .day], from: Date())
        return Witness.facts(
            kernelRelease: machine.kernelRelease, memoryBytes: machine.memoryBytes, cpuModels: models,
            date: (today.year ?? 1970, today.month ?? 1, today.day ?? 1))
    }
}
