import Glibc
import NIOCore
import ParityProtocol

/// A regular file on this machine, hashed.
struct LocalFile: Sendable, Equatable {
    let path: String
    let size: Int64
    let digest: Digest

    /// Reads the whole file once. Throws ``CommandFailure`` when it is missing, unreadable or no regular file.
    init(_ path: String) throws {
        var hasher = DigestHasher()
        try Self.read(path) { hasher.update($0) }
        self.path = path
        size = hasher.count
        digest = hasher.finalize()
    }

    static func contents(_ path: String) throws -> [UInt8] {
        var bytes: [UInt8] = []
        try read(path) { bytes.append(contentsOf: $0) }
        return bytes
    }

    /// The size of a regular file; throws ``CommandFailure`` otherwise.
    static func size(_ path: String) throws -> Int64 {
        var status = stat()
        guard stat(path, &status) == 0 else { throw CommandFailure(.notFound, "\(path): \(systemError())") }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw CommandFailure(.refused, "\(path) is not a regular file")
        }
        return Int64(status.st_size)
    }

    private static func read(_ path: String, _ consume: (UnsafeRawBufferPointer) -> Void) throws {
        _ = try size(path)
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw CommandFailure(.notFound, "\(path): \(systemError())") }
        defer { close(descriptor) }
        try withUnsafeTemporaryAllocation(byteCount: FileChunks.chunkBytes, alignment: 8) { buffer in
            while true {
                let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
                if count == 0 { return }
                if count > 0 { consume(UnsafeRawBufferPointer(rebasing: buffer[..<count])) }
                if count < 0, errno != EINTR { throw CommandFailure(.failure, "\(path): \(systemError())") }
            }
        }
    }
}

/// A file's bytes in pieces, for an upload that need not fit in memory.
struct FileChunks: AsyncSequence, Sendable {
    typealias Element = ByteBuffer
    static let chunkBytes = 256 << 10

    let path: String

    func makeAsyncIterator() -> Iterator { Iterator(path: path) }

    final class Iterator: AsyncIteratorProtocol {
        private let path: String
        private var descriptor: Int32 = -1

        init(path: String) { self.path = path }
        deinit { if descriptor >= 0 { close(descriptor) } }

        func next() async throws -> ByteBuffer? {
            if descriptor < 0 {
                descriptor = open(path, O_RDONLY | O_CLOEXEC)
                guard descriptor >= 0 else { throw CommandFailure(.notFound, "\(path): \(systemError())") }
            }
            var chunk = ByteBufferAllocator().buffer(capacity: FileChunks.chunkBytes)
            let count = chunk.writeWithUnsafeMutableBytes(minimumWritableBytes: FileChunks.chunkBytes) { buffer in
                Swift.max(0, Glibc.read(descriptor, buffer.baseAddress, buffer.count))
            }
            return count == 0 ? nil : chunk
        }
    }
}
