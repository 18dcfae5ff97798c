import AsyncHTTPClient
import NIOCore
import ParityProtocol

/// The output that a task's runners agreed on, fetched from a gateway that nobody has to believe: what comes is hashed
/// and compared with the digest of the verdict.
struct VerifiedOutput: Sendable {
    let manifest: OutputManifest
    private let base: String
    private let gateway: GatewayClient

    /// Fetches the manifest of a verified task. Throws what the gateway says of a task without an output, and
    /// ``CommandExit/mismatch`` for a manifest of another digest.
    static func of(_ id: TaskID, from gateway: GatewayClient) async throws -> VerifiedOutput {
        let task = try await gateway.task(id).value
        guard let verdict = task.verdict, verdict.kind == .verified, let digest = verdict.outputDigest else {
            throw CommandFailure(.failure, "the task is \(task.state.rawValue); only a verified task has an output")
        }
        guard verdict.outcome == .completed else {
            throw CommandFailure(.failure, "the runners agree that the task goes over its limits; there is no output")
        }
        let bytes = try await gateway.blob(digest, maximumBytes: OutputManifest.maximumBytes)
        guard Digest.sha256(of: bytes) == digest, let manifest = OutputManifest(canonical: bytes) else {
            throw mismatch("the list of its files")
        }
        return VerifiedOutput(manifest: manifest, base: "/v1/tasks/\(id)/output", gateway: gateway)
    }

    static func mismatch(_ what: String) -> CommandFailure {
        CommandFailure(
            .mismatch, "\(what), as the gateway sent it, is not what the runners agreed on; nothing of it was kept",
            "  Try again; if it stays so, tell whoever runs the gateway.")
    }

    /// The content of the file at `path`; nil if the output has none there.
    func content(at path: OutputManifest.Path) -> OutputManifest.Content? {
        for entry in manifest.files where entry.path == path {
            if case .file(let content, _) = entry.kind { return content }
        }
        return nil
    }

    /// The bytes of `content`; the last of them come with an error if they are not what its digest says.
    func bytes(of content: OutputManifest.Content, named name: String) async throws -> CheckedBytes {
        CheckedBytes(
            source: try await gateway.download("/v1/blobs/\(content.digest)").body, content: content, name: name)
    }

    /// The whole output as a tar archive, not checked yet: ``ArchiveCheck`` does that.
    func archive() async throws -> HTTPClientResponse.Body { try await gateway.download(base).body }
}

/// Bytes that must have a given size and digest.
struct CheckedBytes: AsyncSequence {
    let source: HTTPClientResponse.Body
    let content: OutputManifest.Content
    let name: String

    struct AsyncIterator: AsyncIteratorProtocol {
        var source: HTTPClientResponse.Body.AsyncIterator
        var hasher = DigestHasher()
        let content: OutputManifest.Content
        let name: String

        mutating func next() async throws -> ByteBuffer? {
            let chunk = try await source.next(isolation: #isolation)
            if let chunk { chunk.withUnsafeReadableBytes { hasher.update($0) } }
            let isWrong = chunk == nil ? hasher.finalize() != content.digest : hasher.count > content.size
            guard !isWrong else { throw VerifiedOutput.mismatch(name) }
            return chunk
        }
    }

    func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(source: source.makeAsyncIterator(), content: content, name: name)
    }
}

/// A tar archive, handed on as it comes and read along: every event goes to `onEvent` once it is known to be in order.
/// Ends with ``CommandExit/mismatch`` unless the archive is exactly what the manifest says.
struct CheckedArchive<Source: AsyncSequence>: AsyncSequence where Source.Element == ByteBuffer {
    let source: Source
    let manifest: OutputManifest
    let onEvent: (TarParser.Event) throws -> Void

    struct AsyncIterator: AsyncIteratorProtocol {
        var source: Source.AsyncIterator
        var parser = TarParser()
        var check: ArchiveCheck
        let onEvent: (TarParser.Event) throws -> Void

        mutating func next() async throws -> ByteBuffer? {
            guard let chunk = try await source.next(isolation: #isolation) else {
                guard parser.isAtEnd else { throw CommandFailure(.failure, "the archive ends early; try again") }
                try check.finish()
                return nil
            }
            do {
                for event in try parser.feed(Array(chunk.readableBytesView)) {
                    try check.take(event)
                    try onEvent(event)
                }
            } catch let error as TarError {
                throw CommandFailure(.failure, "the archive cannot be read: \(error)")
            }
            return chunk
        }
    }

    func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(source: source.makeAsyncIterator(), check: ArchiveCheck(manifest), onEvent: onEvent)
    }
}

/// Compares an archive, as it is read, with the manifest that it should be.
struct ArchiveCheck {
    private let expected: [OutputManifest.Path: OutputManifest.Kind]
    private var found: Set<OutputManifest.Path> = []
    private var file: (path: OutputManifest.Path, isExecutable: Bool, hasher: DigestHasher)?

    init(_ manifest: OutputManifest) {
        expected = Dictionary(manifest.files.map { ($0.path, $0.kind) }) { first, _ in first }
    }

    /// Throws ``CommandExit/mismatch`` as soon as something is not as it should be.
    mutating func take(_ event: TarParser.Event) throws {
        switch event {
        case .entry(let entry):
            let path = OutputManifest.Path(
                bytes: entry.path.last == UInt8(ascii: "/") ? entry.path.dropLast() : entry.path)
            guard found.insert(path).inserted else { throw mismatch(path) }
            switch entry.kind {
            case .directory: try compare(path, .directory)
            case .symlink: try compare(path, .symlink(target: OutputManifest.Path(bytes: entry.link)))
            case .file: file = (path, entry.mode & 0o111 != 0, DigestHasher())
            case .hardlink, .other: throw mismatch(path)
            }
        case .content(let bytes): file?.hasher.update(bytes)
        case .endOfEntry:
            guard let file else { return }
            self.file = nil
            let content = OutputManifest.Content(digest: file.hasher.finalize(), size: file.hasher.count)
            try compare(file.path, .file(content, isExecutable: file.isExecutable))
        }
    }

    /// To be asked at the archive's end: whether everything came.
    func finish() throws {
        for path in expected.keys where !found.contains(path) { throw mismatch(path) }
    }

    private func compare(_ path: OutputManifest.Path, _ kind: OutputManifest.Kind) throws {
        guard expected[path] == kind else { throw mismatch(path) }
    }

    private func mismatch(_ path: OutputManifest.Path) -> CommandFailure {
        VerifiedOutput.mismatch(String(decoding: path.bytes, as: UTF8.self))
    }
}
