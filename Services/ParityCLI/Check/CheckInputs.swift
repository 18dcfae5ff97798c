import AsyncHTTPClient
import FoundationEssentials
import NIOCore
import ParityProtocol
import Sandbox

/// Everything that a task reads, as files of this machine.
struct CheckInputs: Sendable {
    var files: [SandboxJob.Input] = []
    var trees: [SandboxJob.Tree] = []
    var stdin: SandboxJob.Input.Content?

    /// All of it, trees as their archives.
    var contents: [SandboxJob.Input.Content] {
        files.map(\.content) + trees.map { .file(path: $0.archive, size: (try? LocalFile.size($0.archive)) ?? 0) }
            + [stdin].compactMap { $0 }
    }

    var bytes: Int64 {
        contents.reduce(0) { sum, content in
            switch content {
            case .bytes(let bytes): sum + Int64(bytes.count)
            case .file(_, let size): sum + size
            }
        }
    }
}

/// Where the blobs of a task come from: this machine, where the task was put together, or the gateway.
struct CheckBlobs: Sendable {
    let uploads: [LocalFile]
    let gateway: GatewayClient
    /// For what the gateway sends.
    let folder: String

    func inputs(of spec: TaskSpec) async throws -> CheckInputs {
        var inputs = CheckInputs()
        for input in spec.inputs {
            switch input.content {
            case .inline(let bytes): inputs.files.append(.init(path: input.path, content: .bytes(bytes)))
            case .blob(let digest):
                inputs.files.append(.init(path: input.path, content: try await content(of: digest)))
            case .tree(let digest):
                let archive = try await file(of: digest).path
                do {
                    try InputTree.check(archive)
                } catch let error as TarError {
                    throw CommandFailure(.refused, "the tree for /input/\(input.path) cannot be unpacked: \(error)")
                }
                inputs.trees.append(.init(path: input.path, archive: archive))
            }
        }
        switch spec.stdin {
        case .inline(let bytes): inputs.stdin = bytes.isEmpty ? nil : .bytes(bytes)
        case .blob(let digest): inputs.stdin = try await content(of: digest)
        }
        return inputs
    }

    private func content(of blob: Digest) async throws -> SandboxJob.Input.Content {
        let file = try await file(of: blob)
        return .file(path: file.path, size: file.size)
    }

    private func file(of blob: Digest) async throws -> LocalFile {
        if let file = uploads.first(where: { $0.digest == blob }) { return file }
        let path = "\(folder)/blob-\(blob.hex)"
        try await fetch(blob, to: path, maximumBytes: .max)
        return try LocalFile(path)
    }

    /// Brings a blob of at most so many bytes into a file of its own at `path`.
    func fetch(_ blob: Digest, to path: String, maximumBytes: Int64) async throws {
        if let file = uploads.first(where: { $0.digest == blob }) {
            guard file.size <= maximumBytes else {
                throw CommandFailure(.refused, "\(file.path) is larger than \(maximumBytes) bytes")
            }
            return try FileManager.default.copyItem(atPath: file.path, toPath: path)
        }
        try await OutputFile.write(try await gateway.download("/v1/blobs/\(blob)").body, to: path, isForced: true)
        let file = try LocalFile(path)
        guard file.digest == blob, file.size <= maximumBytes else {
            throw CommandFailure(.mismatch, "the gateway sent something else than blob \(blob)")
        }
    }
}
