import ParityProtocol

/// Reads what a container writes: stdout whole, within the limit of the output, and the last of stderr.
final class AttachedOutput {
    private let spool: ContentSpool
    private let stdout: SpooledFile
    private var frames = StreamFrames()
    private var tail: [UInt8] = []
    private var stderrBytes = 0
    private static let maximumTail = 4096
    /// Nobody keeps stderr, yet somebody must read it. More than any program has to say: a run that writes on and on
    /// would keep the runner busy for as long as it may run.
    static let maximumStderrBytes = 256 << 20

    init(spool: ContentSpool) throws {
        self.spool = spool
        stdout = try spool.begin()
    }

    /// The end of stderr as text.
    var detail: String { String(decoding: tail.suffix(Self.maximumTail), as: UTF8.self) }

    /// Throws ``OutputLimitExceeded`` when there is too much of either.
    func feed(_ chunk: [UInt8]) throws {
        for part in frames.feed(chunk) {
            if part.isStdout {
                try part.bytes.withUnsafeBytes { try spool.append($0, to: stdout) }
            } else {
                stderrBytes += part.bytes.count
                guard stderrBytes <= Self.maximumStderrBytes else { throw OutputLimitExceeded.stderr }
                tail += part.bytes
                if tail.count > 2 * Self.maximumTail { tail.removeFirst(tail.count - Self.maximumTail) }
            }
        }
    }

    /// What stdout held. Throws if the stream broke off within a frame.
    func finish() throws -> OutputManifest.Content {
        guard frames.isAtBoundary else { throw DockerError(.malformed, "attach", "the output broke off") }
        return try spool.finish(stdout)
    }
}
