import Foundation
import NIOCore
import ParityProtocol
import TestSupport
import Testing

@testable import BlobStore

@Suite struct DiskBlobStoreTests {
    private func withStore(_ body: (DiskBlobStore, String) async throws -> Void) async throws {
        let root = FileManager.default.temporaryDirectory.appending(path: "blobs-\(UUID().uuidString)").path()
        defer { try? FileManager.default.removeItem(atPath: root) }
        try await body(try DiskBlobStore(root: root), root)
    }

    private func chunks(_ parts: [String]) -> AsyncStream<ByteBuffer> {
        AsyncStream { sink in
            for part in parts { sink.yield(ByteBuffer(string: part)) }
            sink.finish()
        }
    }

    /// Uploads that are not whole, of all processes.
    private func incoming(_ root: String) throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: root + "/incoming").filter { path in
            var isFolder: ObjCBool = false
            let exists = FileManager.default.fileExists(atPath: "\(root)/incoming/\(path)", isDirectory: &isFolder)
            return exists && !isFolder.boolValue && !path.hasSuffix("lock")
        }
    }

    @Test func `A blob comes back as it went, in whatever pieces`() async throws {
        try await withStore { store, root in
            let digest = Digest.sha256(of: Array("hello world".utf8))
            let size = try await store.put(digest, maximumBytes: 100, chunks: chunks(["hello", "", " world"]))
            #expect(size == 11 && store.size(of: digest) == 11)
            let loaded = try await store.load(digest, limit: 11)
            #expect(loaded == Array("hello world".utf8))
            let tooLarge = try await store.load(digest, limit: 10)
            #expect(tooLarge == nil)
            // Again is no error: the same bytes have the same name.
            _ = try await store.put(digest, maximumBytes: 100, chunks: chunks(["hello world"]))
            let left = try incoming(root)
            #expect(left.isEmpty)
        }
    }

    @Test func `An empty blob is a blob`() async throws {
        try await withStore { store, _ in
            let digest = Digest.sha256(of: [])
            let size = try await store.put(digest, maximumBytes: 0, chunks: chunks([]))
            #expect(size == 0)
            let loaded = try await store.load(digest, limit: 0)
            #expect(loaded == [])
        }
    }

    @Test func `Bytes under a false name, too many bytes and a broken upload leave nothing`() async throws {
        struct Gone: Error {}
        try await withStore { store, root in
            let digest = Digest.sha256(of: Array("right".utf8))
            let wrong = await #expect(throws: BlobError.self) {
                try await store.put(digest, maximumBytes: 100, chunks: chunks(["wrong"]))
            }
            #expect(wrong?.code == .digestMismatch)
            let large = await #expect(throws: BlobError.self) {
                try await store.put(digest, maximumBytes: 4, chunks: chunks(["rig", "ht"]))
            }
            #expect(large?.code == .tooLarge)
            let broken = AsyncThrowingStream<ByteBuffer, any Error> { sink in
                sink.yield(ByteBuffer(string: "ri"))
                sink.finish(throwing: Gone())
            }
            await #expect(throws: Gone.self) { try await store.put(digest, maximumBytes: 100, chunks: broken) }
            #expect(store.size(of: digest) == nil)
            let left = try incoming(root)
            #expect(left.isEmpty)
            let missing = await #expect(throws: BlobError.self) {
                for try await _ in store.chunks(of: digest) {}
            }
            #expect(missing?.code == .notFound)
        }
    }

    @Test func `Twenty uploads of one blob at once end in one file`() async throws {
        try await withStore { store, root in
            let bytes = [UInt8](repeating: 7, count: 1 << 20)
            let digest = Digest.sha256(of: bytes)
            try await withThrowingDiscardingTaskGroup { group in
                for _ in 0..<20 {
                    group.addTask {
                        let body = AsyncStream<ByteBuffer> { sink in
                            for start in stride(from: 0, to: bytes.count, by: 65_536) {
                                sink.yield(ByteBuffer(bytes: bytes[start..<start + 65_536]))
                            }
                            sink.finish()
                        }
                        _ = try await store.put(digest, maximumBytes: 1 << 20, chunks: body)
                    }
                }
            }
            let loaded = try await store.load(digest, limit: 1 << 20)
            #expect(loaded == bytes)
            let left = try incoming(root)
            #expect(left.isEmpty)
        }
    }

    @Test func `What an interrupted upload left is gone after a restart`() async throws {
        try await withStore { store, root in
            // As a process leaves it that was killed: nobody holds the lock.
            let dead = root + "/incoming/dead"
            try FileManager.default.createDirectory(atPath: dead, withIntermediateDirectories: false)
            try Data().write(to: URL(filePath: dead + "/lock"))
            try Data("half".utf8).write(to: URL(filePath: dead + "/x"))
            _ = try DiskBlobStore(root: root)
            #expect(!FileManager.default.fileExists(atPath: dead))
            withExtendedLifetime(store) {}
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `A second gateway that starts leaves the uploads of the first alone`() async throws {
        try await withStore { store, root in
            let digest = Digest.sha256(of: Array("hello world".utf8))
            let (body, sink) = AsyncStream<ByteBuffer>.makeStream()
            sink.yield(ByteBuffer(string: "hello"))
            let upload = Task { try await store.put(digest, maximumBytes: 100, chunks: body) }
            let isUnderWay = try await TestEnvironment.eventually { try !incoming(root).isEmpty }
            #expect(isUnderWay)
            let second = try DiskBlobStore(root: root)
            sink.yield(ByteBuffer(string: " world"))
            sink.finish()
            let size = try await upload.value
            #expect(size == 11 && second.size(of: digest) == 11)
        }
    }
}
