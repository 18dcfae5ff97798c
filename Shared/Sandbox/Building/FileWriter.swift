import Foundation
package import NIOCore
package import ParityProtocol

/// A file that is written once and hashed on the way.
package final class FileWriter {
    private let descriptor: Int32
    private var hasher = DigestHasher()

    /// Makes the file at `path`, which must not be there.
    package init(_ path: String) throws {
        descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw DockerError(.refused, "write", "\(path) cannot be made") }
    }

    deinit { close(descriptor) }

    /// How many bytes were written.
    package var count: Int64 { hasher.count }

    package func write(_ chunk: ByteBuffer) throws { try chunk.withUnsafeReadableBytes(write) }

    package func write(_ text: String) throws {
        try Array(text.utf8).withUnsafeBytes(write)
    }

    private func write(_ bytes: UnsafeRawBufferPointer) throws {
        hasher.update(bytes)
        var rest = bytes[...]
        while !rest.isEmpty {
            let written = Foundation.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
            if written < 0, errno == EINTR { continue }
            guard written > 0 else { throw DockerError(.refused, "write", "the disk is full") }
            rest = rest.dropFirst(written)
        }
    }

    /// The digest of what was written so far.
    package func finish() -> Digest {
        let copy = hasher
        return copy.finalize()
    }
}
