import Foundation
package import NIOCore
import NIOPosix
import ParityProtocol

/// The bytes of a stored blob, read as they are asked for.
package struct BlobChunks: AsyncSequence, Sendable {
    package typealias Element = ByteBuffer
    let path: String
    let digest: Digest
    private static let chunkBytes = 262_144

    package func makeAsyncIterator() -> Iterator { Iterator(path: path, digest: digest) }

    package struct Iterator: AsyncIteratorProtocol {
        let path: String
        let digest: Digest
        private var file: OpenFile?

        init(path: String, digest: Digest) {
            self.path = path
            self.digest = digest
        }

        package mutating func next() async throws -> ByteBuffer? {
            let file = try file ?? OpenFile(path, digest)
            self.file = file
            let chunk = try await NIOThreadPool.singleton.runIfActive { try file.read(upTo: BlobChunks.chunkBytes) }
            return chunk.readableBytes == 0 ? nil : chunk
        }
    }

    /// Closes its descriptor when the last reader is gone.
    private final class OpenFile: Sendable {
        private let descriptor: Int32

        init(_ path: String, _ digest: Digest) throws {
            descriptor = open(path, O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else { throw BlobError(.notFound, "there is no blob \(digest)") }
        }

        deinit { close(descriptor) }

        func read(upTo limit: Int) throws -> ByteBuffer {
            var buffer = ByteBuffer()
            var failed = false
            buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: limit) { target in
                let count = Foundation.read(descriptor, target.baseAddress, limit)
                failed = count < 0
                return Swift.max(0, count)
            }
            if failed { throw BlobError(.storage, "a blob cannot be read") }
            return buffer
        }
    }
}
