import Foundation
import Logging
package import ParityProtocol
package import Sandbox

/// What turns a spec into a result. The agent has one; tests have others.
package protocol Executor: Sendable {
    /// Prepares all but the start: image, inputs, container. Throws ``EnvironmentRejected`` when the task cannot run.
    func prepare(_ spec: TaskSpec, _ id: AttemptID) async throws -> any PreparedExecution
}

/// An execution that waits for its grant. Exactly one of its methods is called.
package protocol PreparedExecution: Sendable {
    var image: Digest { get }
    func run() async throws -> SandboxResult
    func discard() async
}

/// Runs tasks in containers.
package struct SandboxExecutor: Executor {
    private let sandbox: Sandbox
    private let images: ImageCache
    private let gateway: GatewayLink
    private let folder: String
    private let runner: RunnerKey

    /// `images` belongs to the same engine as `sandbox`.
    package init(
        sandbox: Sandbox, images: ImageCache, gateway: GatewayLink, folder: String, runner: RunnerKey
    ) {
        self.sandbox = sandbox
        self.images = images
        self.gateway = gateway
        self.folder = folder
        self.runner = runner
    }

    /// The label by which this runner knows its containers.
    package static func label(of runner: RunnerKey) -> String { "network.parity.runner=\(runner)" }

    /// Removes what an earlier life of this runner left, but for the images that it keeps.
    package func removeLeftovers() async throws {
        try await images.start()
        try await sandbox.removeLeftovers(label: Self.label(of: runner))
        try? FileManager.default.removeItem(atPath: folder)
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    package func prepare(_ spec: TaskSpec, _ id: AttemptID) async throws -> any PreparedExecution {
        // Random, so that a second try of the same attempt never meets the first's remains.
        let name = "parity-\(UUID().uuidString.lowercased())"
        let scratch = "\(folder)/\(name)"
        try FileManager.default.createDirectory(atPath: scratch, withIntermediateDirectories: true)
        do {
            let gateway = gateway
            let image = try await images.acquire(spec.environment) { blob, path, limit in
                _ = try await gateway.download(blob, to: path, maximumBytes: limit)
            }
            return try await prepare(spec, id, image, name: name, scratch: scratch)
        } catch {
            try? FileManager.default.removeItem(atPath: scratch)
            throw error
        }
    }

    /// The image is held until the run is discarded.
    private func prepare(
        _ spec: TaskSpec, _ id: AttemptID, _ image: HeldImage, name: String, scratch: String
    ) async throws -> any PreparedExecution {
        do {
            let job = SandboxJob(
                name: name, image: image.id.description, spec: spec, inputs: try await inputs(of: spec, in: scratch),
                labels: [
                    "network.parity.runner": runner.description, "network.parity.task": id.task.description,
                    "network.parity.replica": String(id.replica), "network.parity.attempt": String(id.attempt),
                ], scratch: scratch)
            do {
                return Prepared(
                    held: image, images: images, run: try await sandbox.prepare(job), scratch: scratch)
            } catch let error as DockerError where error.code != .unreachable {
                throw EnvironmentRejected("the engine refuses the container: \(error.message)")
            }
        } catch {
            await images.release(image)
            throw error
        }
    }

    private func inputs(of spec: TaskSpec, in scratch: String) async throws -> [SandboxJob.Input] {
        var inputs: [SandboxJob.Input] = []
        for input in spec.inputs {
            switch input.content {
            case .inline(let bytes): inputs.append(.init(path: input.path, content: .bytes(bytes)))
            case .blob(let digest):
                let path = "\(scratch)/input-\(digest.hex)"
                let size = try await gateway.download(digest, to: path)
                inputs.append(.init(path: input.path, content: .file(path: path, size: size)))
            }
        }
        return inputs
    }

    private struct Prepared: PreparedExecution {
        let held: HeldImage
        let images: ImageCache
        let run: PreparedRun
        let scratch: String

        var image: Digest { held.id }

        func run() async throws -> SandboxResult { try await run.execute() }

        func discard() async {
            await run.discard()
            await images.release(held)
            try? FileManager.default.removeItem(atPath: scratch)
        }
    }
}
