import AsyncHTTPClient
import Foundation
package import Logging
import NIOCore
import ParityProtocol

/// Runs jobs in fresh containers and leaves nothing of them behind.
package struct Sandbox: Sendable {
    package let engine: DockerEngine
    private let logger: Logger

    package init(engine: DockerEngine, logger: Logger) {
        self.engine = engine
        self.logger = logger
    }

    /// Makes volumes and container, inputs in place, ready to start. Whoever prepares must execute or discard.
    package func prepare(_ job: SandboxJob) async throws -> PreparedRun {
        do {
            try await Self.uncancelled { [engine] in
                try await engine.createVolume(job.inputVolume, labels: job.labels)
                try await engine.createVolume(job.outputVolume, labels: job.labels)
            }
            let loader = try await create(ContainerPolicy.loader(for: job))
            do {
                try await engine.putArchive(loader, path: "/", InputArchive(job.inputs))
            } catch {
                await Self.shielded { try await engine.removeContainer(loader) }
                throw error
            }
            try await Self.uncancelled { [engine] in try await engine.removeContainer(loader) }
            return PreparedRun(
                job: job, container: try await create(ContainerPolicy.container(for: job)), engine: engine)
        } catch {
            await removeVolumes(of: job)
            throw error
        }
    }

    /// A call that was given up half-way would leave a container whose name nobody knows.
    private func create(_ settings: JSONValue) async throws -> String {
        try Task.checkCancellation()
        let container = try await Self.uncancelled { [engine] in try await engine.createContainer(settings) }
        if Task.isCancelled {
            await Self.shielded { [engine] in try await engine.removeContainer(container) }
            throw CancellationError()
        }
        return container
    }

    private func removeVolumes(of job: SandboxJob) async {
        await Self.shielded {
            try await engine.removeVolume(job.inputVolume)
            try await engine.removeVolume(job.outputVolume)
        }
    }

    /// Removes every container and volume with this label: what an earlier life of the agent left.
    package func removeLeftovers(label: String) async throws {
        for container in try await engine.containers(label: label) {
            try await engine.removeContainer(container)
            logger.info("Removed a leftover container", metadata: ["container": "\(container.prefix(12))"])
        }
        for volume in try await engine.volumes(label: label) { try await engine.removeVolume(volume) }
    }

    /// Runs `body` to its end even when the present task is cancelled.
    private static func uncancelled<T: Sendable>(_ body: @escaping @Sendable () async throws -> T) async throws -> T {
        try await Task { try await body() }.value
    }

    /// As ``uncancelled(_:)``, for cleaning up: a failure has nobody to go to.
    static func shielded(_ body: @escaping @Sendable () async throws -> Void) async {
        await Task { try? await body() }.value
    }
}

/// A container that is ready to start.
package struct PreparedRun: Sendable {
    let job: SandboxJob
    let container: String
    let engine: DockerEngine

    /// Removes it without having started it.
    package func discard() async {
        let (job, container, engine) = (job, container, engine)
        await Sandbox.shielded {
            try await engine.removeContainer(container)
            try await engine.removeVolume(job.inputVolume)
            try await engine.removeVolume(job.outputVolume)
        }
    }

    /// Starts it, watches it within its limits, collects its output, and removes it. Cancelling kills it.
    package func execute() async throws -> SandboxResult {
        do {
            let result = try await run()
            await discard()
            return result
        } catch {
            await discard()
            throw error
        }
    }

    private func run() async throws -> SandboxResult {
        let spool = ContentSpool(folder: job.scratch, maximumBytes: job.limits.outputBytes)
        let wall = Duration.seconds(job.limits.wallSeconds)
        let attached = try await engine.attach(container, timeout: wall)
        do {
            try await engine.start(container)
        } catch let error as DockerError where error.code != .unreachable {
            // The image has no such program, or the like: the same on every machine.
            return SandboxResult(outcome: .rejected, detail: error.description)
        }
        let (engine, container) = (engine, container)
        let clock = Task { () -> Bool in
            do { try await Task.sleep(for: wall) } catch { return false }
            try? await engine.kill(container)
            return true
        }
        defer { clock.cancel() }
        let output = try AttachedOutput(spool: spool)
        do {
            for try await chunk in attached { try output.feed(chunk) }
        } catch let limit as OutputLimitExceeded {
            try await engine.kill(container)
            return .exceeded("output", detail: "more than limits.\(limit.what)")
        }
        let exitCode = try await engine.wait(container, timeout: wall)
        clock.cancel()
        if await clock.value {
            return SandboxResult(outcome: .timedOut, detail: "ran longer than limits.wall_seconds")
        }
        if try await engine.state(container).oomKilled {
            return .exceeded("memory", detail: "used more than limits.memory_bytes")
        }
        return try await collect(exitCode: exitCode, output: output, spool: spool)
    }

    private func collect(
        exitCode: Int64, output: AttachedOutput, spool: ContentSpool
    ) async throws -> SandboxResult {
        let stdout = try output.finish()
        let collector = OutputCollector(spool: spool, maximumFiles: job.limits.outputFiles)
        do {
            for try await chunk in try await engine.getArchive(container, path: "/output") {
                try collector.feed(Array(chunk.readableBytesView))
            }
        } catch let limit as OutputLimitExceeded {
            return .exceeded("output", detail: "more than limits.\(limit.what)")
        }
        let manifest = OutputManifest(exitCode: exitCode, stdout: stdout, files: try collector.finish())
        var result = SandboxResult(outcome: .completed, detail: output.detail)
        result.exitCode = exitCode
        result.manifest = manifest
        result.outputDigest = manifest.digest
        result.contents = spool.files
        return result
    }
}
