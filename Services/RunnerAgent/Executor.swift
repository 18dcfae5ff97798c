import Foundation
import Logging
package import ParityProtocol
package import Sandbox

/// What turns a spec into a result. The agent has one; tests have others.
package protocol Executor: Sendable {
    /// Prepares all but the start: image, inputs, container. Throws ``EnvironmentRejected`` when the task cannot run.
    func prepare(_ spec: TaskSpec, _ id: AttemptID) async throws -> any PreparedExecution
}

/// An execution that waits for its grant. It is run at most once, and discarded in the end.
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
            let (inputs, trees) = try await inputs(of: spec, in: scratch)
            let job = SandboxJob(
                name: name, image: image.id.description, spec: spec, inputs: inputs, trees: trees,
                stdin: try await stdin(of: spec, in: scratch),
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

    private func inputs(
        of spec: TaskSpec, in scratch: String
    ) async throws -> (files: [SandboxJob.Input], trees: [SandboxJob.Tree]) {
        var files: [SandboxJob.Input] = []
        var trees: [SandboxJob.Tree] = []
        for input in spec.inputs {
            switch input.content {
            case .inline(let bytes): files.append(.init(path: input.path, content: .bytes(bytes)))
            case .blob(let digest):
                files.append(.init(path: input.path, content: try await content(of: digest, in: scratch)))
            case .tree(let digest):
                let archive = "\(scratch)/input-\(digest.hex)"
                _ = try await gateway.download(digest, to: archive, maximumBytes: TreeArchive.maximumBytes)
                do {
                    try InputTree.check(archive)
                } catch let error as TarError {
                    throw EnvironmentRejected("the tree for /input/\(input.path) cannot be unpacked: \(error)")
                }
                trees.append(.init(path: input.path, archive: archive))
            }
        }
        return (files, trees)
    }

    private func stdin(of spec: TaskSpec, in scratch: String) async throws -> SandboxJob.Input.Content? {
        switch spec.stdin {
        case .empty: nil
        case .inline(let bytes): .bytes(bytes)
        case .blob(let digest): try await content(of: digest, in: scratch)
        }
    }

    private func content(of blob: Digest, in scratch: String) async throws -> SandboxJob.Input.Content {
        let path = "\(scratch)/input-\(blob.hex)"
        // It may stand at several places.
        if let file = try? ArchiveFile(path: path) { return .file(path: path, size: file.size) }
        return .file(path: path, size: try await gateway.download(blob, to: path))
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
