import Logging

/// What a run has on the engine, by name.
struct RunRemains: Sendable, Hashable {
    var containers: [String]
    var volumes: [String]

    init(of job: SandboxJob, _ demands: ImageDemands) {
        containers = [job.name, job.keeperName]
        volumes =
            [job.inputVolume, job.outputVolume, job.viewVolume] + demands.volumes.indices.map { job.imageVolume($0) }
    }
}

/// Removes what runs leave on the engine. What cannot be removed, because the engine is away or busy, is remembered and
/// tried again: a runner lives for months, and an output stands in memory.
actor Janitor {
    private let engine: DockerEngine
    private let logger: Logger
    private var undone: [RunRemains] = []

    init(engine: DockerEngine, logger: Logger) {
        self.engine = engine
        self.logger = logger
    }

    /// Removes containers, running or not, and then volumes. What is not there is no error.
    func remove(_ remains: RunRemains) async {
        do {
            try await Self.remove(remains, engine)
        } catch {
            undone.append(remains)
            logger.warning(
                "A container could not be removed yet",
                metadata: ["container": "\(remains.containers.first ?? "-")", "error": "\(error)"])
        }
    }

    /// Tries again what failed before.
    func catchUp() async {
        let again = undone
        undone = []
        for remains in again { await remove(remains) }
    }

    private static func remove(_ remains: RunRemains, _ engine: DockerEngine) async throws {
        try await withThrowingTaskGroup { group in
            for container in remains.containers { group.addTask { try await engine.removeContainer(container) } }
            try await group.waitForAll()
        }
        for volume in remains.volumes { try await engine.removeVolume(volume) }
    }
}
