import AsyncHTTPClient
import NIOCore
import ParityProtocol

/// Reads what a container writes: stdout whole, within the limit, and the last of stderr.
final class AttachedOutput {
    private let spool: ContentSpool
    private let stdout: SpooledFile
    private var tail: [UInt8] = []
    private var header: [UInt8] = []
    private var remaining = 0
    private var isStdout = false
    private static let maximumTail = 4096

    init(spool: ContentSpool) throws {
        self.spool = spool
        stdout = try spool.begin()
    }

    /// The end of stderr as text.
    var detail: String { String(decoding: tail.suffix(Self.maximumTail), as: UTF8.self) }

    func feed(_ chunk: ByteBuffer) throws {
        var bytes = chunk.readableBytesView[...]
        while !bytes.isEmpty {
            if remaining == 0 {
                // Eight bytes: the stream's number, three zeros, the length (Docker Engine API, attach).
                let take = bytes.prefix(8 - header.count)
                header += take
                bytes = bytes.dropFirst(take.count)
                guard header.count == 8 else { return }
                isStdout = header[0] == 1
                remaining = header[4...7].reduce(0) { $0 << 8 | Int($1) }
                header = []
                continue
            }
            let take = bytes.prefix(remaining)
            remaining -= take.count
            bytes = bytes.dropFirst(take.count)
            if isStdout {
                try Array(take).withUnsafeBytes { try spool.append($0, to: stdout) }
            } else {
                tail += take
                if tail.count > 2 * Self.maximumTail { tail.removeFirst(tail.count - Self.maximumTail) }
            }
        }
    }

    func finish() throws -> OutputManifest.Content { try spool.finish(stdout) }
}
