import Foundation
package import NIOCore
import NIOPosix
package import ParityProtocol

/// Why a blob was not taken in or given out.
package struct BlobError: Error, Sendable, CustomStringConvertible {
    package enum Code: Sendable { case digestMismatch, tooLarge, notFound, storage }
    package let code: Code
    package let description: String
    package init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}

/// Content-addressed files in a folder: `sha256/ab/abcd…`. A blob appears whole or not at all, under the name of what
/// it holds. Any number of processes may share the folder.
package struct DiskBlobStore: Sendable {
    private let root: String
    private let incoming: IncomingFolder

    /// Makes the folder where it is missing, and removes what uploads of another day left unfinished.
    package init(root: String) throws {
        self.root = root
        try FileManager.default.createDirectory(atPath: root + "/sha256", withIntermediateDirectories: true)
        incoming = try IncomingFolder(in: root + "/incoming")
    }

    private func path(_ digest: Digest) -> String { "\(root)/sha256/\(digest.hex.prefix(2))/\(digest.hex)" }

    /// The size of a blob; nil if it is not here.
    package func size(of digest: Digest) -> Int64? {
        let attributes = try? FileManager.default.attributesOfItem(atPath: path(digest))
        return (attributes?[.size] as? NSNumber)?.int64Value
    }

    /// Stores what `chunks` bring under `digest`, if that is what it is; returns its size. Constant memory.
    package func put<Chunks: AsyncSequence & Sendable>(
        _ digest: Digest, maximumBytes: Int64, chunks: Chunks
    ) async throws -> Int64 where Chunks.Element == ByteBuffer {
        let upload = "\(incoming.path)/\(UUID().uuidString)"
        let descriptor = open(upload, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw BlobError(.storage, "the blob folder cannot be written") }
        defer {
            close(descriptor)
            unlink(upload)
        }
        var hasher = DigestHasher()
        for try await chunk in chunks {
            chunk.withUnsafeReadableBytes { hasher.update($0) }
            guard hasher.count <= maximumBytes else {
                throw BlobError(.tooLarge, "the blob is larger than \(maximumBytes) bytes")
            }
            try await NIOThreadPool.singleton.runIfActive { try Self.write(chunk, to: descriptor) }
        }
        let size = hasher.count
        guard hasher.finalize() == digest else {
            throw BlobError(.digestMismatch, "the bytes have another digest than the address says")
        }
        let target = path(digest)
        try await NIOThreadPool.singleton.runIfActive {
            guard fsync(descriptor) == 0 else { throw BlobError(.storage, "the blob cannot be written to disk") }
            try FileManager.default.createDirectory(
                atPath: (target as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
            guard rename(upload, target) == 0 else { throw BlobError(.storage, "the blob cannot be stored") }
            // The name must survive a power cut as the bytes do.
            let folder = open((target as NSString).deletingLastPathComponent, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            guard folder >= 0 else { throw BlobError(.storage, "the blob's folder cannot be opened") }
            defer { close(folder) }
            guard fsync(folder) == 0 else { throw BlobError(.storage, "the blob cannot be written to disk") }
        }
        return size
    }

    private static func write(_ chunk: ByteBuffer, to descriptor: Int32) throws {
        try chunk.withUnsafeReadableBytes { bytes in
            var rest = bytes[...]
            while !rest.isEmpty {
                let written = Foundation.write(
                    descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
                if written < 0, errno == EINTR { continue }
                guard written > 0 else { throw BlobError(.storage, "the blob folder is full or broken") }
                rest = rest.dropFirst(written)
            }
        }
    }

    /// A blob in chunks. The first fails with `.notFound` if it is not here.
    package func chunks(of digest: Digest) -> BlobChunks { BlobChunks(path: path(digest), digest: digest) }

    /// A small blob as a whole; nil if it is missing or larger than `limit`.
    package func load(_ digest: Digest, limit: Int) async throws -> [UInt8]? {
        guard let size = size(of: digest), size <= Int64(limit) else { return nil }
        var bytes: [UInt8] = []
        for try await chunk in chunks(of: digest) { bytes += Array(chunk.readableBytesView) }
        return bytes
    }
}
