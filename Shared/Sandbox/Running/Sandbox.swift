package import Logging
import ParityProtocol

/// Runs jobs in fresh containers and leaves nothing of them behind.
package struct Sandbox: Sendable {
    package let engine: DockerEngine
    private let settings: SandboxSettings
    private let logger: Logger
    private let machines: MachineBook
    private let janitor: Janitor

    package init(engine: DockerEngine, settings: SandboxSettings = .init(), logger: Logger) {
        self.engine = engine
        self.settings = settings
        self.logger = logger
        machines = MachineBook(engine: engine)
        janitor = Janitor(engine: engine, logger: logger)
    }

    /// Makes volumes, keeper and container, inputs in place, ready to start. Whoever prepares must execute or discard.
    /// Throws ``EnvironmentRejected`` for what cannot run here.
    package func prepare(_ job: SandboxJob) async throws -> PreparedRun {
        await janitor.catchUp()
        let machine = try await machines.machine(labels: job.labels)
        let demands = try await demands(of: job, on: machine)
        try check(job, demands, on: machine)
        let remains = RunRemains(of: job, demands)
        do {
            let owner = demands.isRoot ? 0 : job.surroundings.user
            let viewFolder = try await createVolumes(for: job, demands, owner: owner)
            try await startKeeper(for: job, on: machine)
            try await fill(job, on: machine)
            try Task.checkCancellation()
            let cpus = try await machines.reserve(job.cpuCount, for: job.name, of: machine)
            let place = Placement(
                cpus: cpus, user: owner, imageVolumes: demands.volumes, viewFolder: viewFolder,
                runtime: settings.runtime)
            let body = ContainerPolicy.container(for: job, at: place)
            try await Self.uncancelled { [engine] in
                try await engine.createContainer(body, name: job.name)
            }
            await machines.release(job.name)
            try Task.checkCancellation()
            return PreparedRun(job: job, engine: engine, janitor: janitor, remains: remains)
        } catch {
            await machines.release(job.name)
            await Self.shielded { await janitor.remove(remains) }
            throw error
        }
    }

    /// Removes every container and volume with this label: what an earlier life of the agent left. The engine may still
    /// be busy with what it was told by that life, so it looks again until there is nothing.
    package func removeLeftovers(label: String) async throws {
        for look in 1...Self.leftoverLooks {
            do {
                let (containers, volumes) = (
                    try await engine.containers(label: label), try await engine.volumes(label: label)
                )
                if containers.isEmpty && volumes.isEmpty { return }
                for container in containers {
                    try await engine.removeContainer(container)
                    logger.info("Removed a leftover container", metadata: ["container": "\(container.prefix(12))"])
                }
                for volume in volumes { try await engine.removeVolume(volume) }
            } catch let error as DockerError where error.code == .conflict && look < Self.leftoverLooks {
                try await Task.sleep(for: .milliseconds(200))
            }
        }
    }

    /// Some ten seconds.
    private static let leftoverLooks = 50

    // MARK: - Steps of the preparation

    private func demands(of job: SandboxJob, on machine: Machine) async throws -> ImageDemands {
        guard let image = try await engine.image(job.image) else {
            throw EnvironmentRejected("the engine has no image \(job.image)")
        }
        // Init would end with a code of its own, and that would be a vote.
        guard image.architecture.isEmpty || image.architecture == machine.architecture else {
            throw EnvironmentRejected(
                "the image is for \(image.architecture), this machine is of \(machine.architecture)")
        }
        return try ImageDemands(user: image.user, volumes: image.volumes)
    }

    private func check(_ job: SandboxJob, _ demands: ImageDemands, on machine: Machine) throws {
        if demands.isRoot && !settings.allowsRoot {
            throw EnvironmentRejected("the image demands to run as root, which this runner does not allow")
        }
        guard job.cpuCount <= machine.cpus.count else {
            throw EnvironmentRejected("the task needs \(job.cpuCount) CPUs, this machine has \(machine.cpus.count)")
        }
        guard job.storage.memoryBytes <= machine.memoryBytes else {
            throw EnvironmentRejected(
                "the task may use \(job.storage.memoryBytes) bytes of memory, its storage included; this machine has "
                    + "\(machine.memoryBytes)")
        }
    }

    /// Returns the folder of the ``MachineView`` on the engine's machine.
    private func createVolumes(for job: SandboxJob, _ demands: ImageDemands, owner: Int64) async throws -> String {
        try await Self.uncancelled { [engine] in
            // The newest stands first in a tmpfs, and inputs are made in the order of their names.
            try await engine.createVolume(
                job.inputVolume, labels: job.labels,
                tmpfs: job.surroundings.listsInputsInReverse ? "mode=0755,nosuid,nodev" : nil)
            try await engine.createVolume(
                job.outputVolume, labels: job.labels, tmpfs: job.storage.outputOptions(owner: owner))
            for index in demands.volumes.indices {
                try await engine.createVolume(job.imageVolume(index), labels: job.labels)
            }
            return try await engine.createVolume(job.viewVolume, labels: job.labels)
        }
    }

    private func startKeeper(for job: SandboxJob, on machine: Machine) async throws {
        let body = ContainerPolicy.keeper(for: job, image: machine.keeper.name)
        try Task.checkCancellation()
        try await Self.uncancelled { [engine] in
            do {
                try await engine.createContainer(body, name: job.keeperName)
            } catch let error as DockerError where error.code == .notFound {
                // Somebody tidied up the engine's images.
                try await machine.keeper.ensure(on: engine)
                try await engine.createContainer(body, name: job.keeperName)
            }
            try await engine.start(job.keeperName)
        }
    }

    private func fill(_ job: SandboxJob, on machine: Machine) async throws {
        let view = MachineView(
            hostname: job.surroundings.hostname, cpuCount: job.cpuCount,
            memoryBytes: job.surroundings.memoryBytes ?? job.limits.memoryBytes,
            architecture: machine.architecture, clockSeconds: job.clockSeconds)
        let viewArchive = InputArchive(bytes: view.archive(under: SandboxJob.viewFolder))
        try await engine.putArchive(job.keeperName, path: "/", viewArchive)
        try await engine.putArchive(job.keeperName, path: "/", InputArchive(job.inputs, trees: job.trees))
    }

    // MARK: - Cancellation

    /// Runs `body` to its end even when the present task is cancelled: a call that was given up half-way could make a
    /// container after it was looked for and not found.
    @discardableResult
    static func uncancelled<T: Sendable>(_ body: @escaping @Sendable () async throws -> T) async throws -> T {
        try await Task { try await body() }.value
    }

    /// As ``uncancelled(_:)``, for cleaning up: a failure has nobody to go to.
    static func shielded(_ body: @escaping @Sendable () async throws -> Void) async {
        await Task { try? await body() }.value
    }
}
