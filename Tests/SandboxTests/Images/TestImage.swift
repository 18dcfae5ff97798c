import AsyncHTTPClient
import Foundation
import Logging
import ParityProtocol
import Synchronization
import TestSupport

@testable import Sandbox

/// An image of one small layer that no engine holds yet, as `docker save` would write it.
struct TestImage {
    /// A file of a tar: its name and content.
    typealias File = (name: String, bytes: [UInt8])

    let layer: [UInt8]
    let configuration: [UInt8]
    var layerID: Digest { Digest.sha256(of: layer) }
    var id: Digest { Digest.sha256(of: configuration) }

    init(_ content: String = UUID().uuidString) {
        layer = Self.tar([("hello.txt", Array(content.utf8))])
        let configuration: JSONValue = [
            "architecture": "amd64", "os": "linux", "config": ["Cmd": ["hello"]],
            "rootfs": ["type": "layers", "diff_ids": [.string("\(Digest.sha256(of: layer))")]],
        ]
        self.configuration = configuration.canonicalBytes()
    }

    /// The files of its archive, which a test may change before it makes a tar of them.
    func files(tags: [String] = []) -> [File] {
        let manifest: JSONValue = [
            [
                "Config": .string("\(id.hex).json"), "RepoTags": .array(tags.map(JSONValue.string)),
                "Layers": ["layer/layer.tar"],
            ]
        ]
        return [
            ("\(id.hex).json", configuration), ("layer/layer.tar", layer), ("manifest.json", manifest.canonicalBytes()),
        ]
    }

    func archive(tags: [String] = []) -> [UInt8] { Self.tar(files(tags: tags)) }

    static func tar(_ files: [File], extra: [TarEntry] = []) -> [UInt8] {
        extra.flatMap { $0.headerBytes() }
            + files.flatMap { name, bytes in
                TarEntry(path: Array(name.utf8), kind: .file, size: Int64(bytes.count)).headerBytes() + bytes
                    + TarEntry.padding(after: Int64(bytes.count))
            } + TarEntry.trailer
    }
}

/// An engine with caches on it, all of whose images are gone at the end.
struct ImageStage {
    let engine: DockerEngine
    let folder: String
    /// Names that tests gave to images.
    private let names = TestNames()
    private static let client = HTTPClient(eventLoopGroupProvider: .singleton)
    static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    static func set(_ body: (ImageStage) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: TestEnvironment.uniqueName()).path()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let stage = ImageStage(
            engine: try DockerEngine(endpoint: try TestEnvironment.docker, client: client), folder: folder)
        let result: Result<Void, any Error>
        do { result = .success(try await body(stage)) } catch { result = .failure(error) }
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
            for tag in try await stage.engine.tags(inRepository: stage.cache(name).repository) {
                try? await stage.engine.removeImage(tag)
            }
        }
        for name in stage.names.all { try? await stage.engine.removeImage(name) }
        try? FileManager.default.removeItem(atPath: folder)
        try result.get()
    }

    /// Takes the name away at the end.
    func willRemove(_ name: String) { names.add(name) }

    /// The cache of an agent of this stage's own.
    func cache(_ agent: String = "agent", limits: ImageCache.Limits = .init()) -> ImageCache {
        ImageCache(
            engine: engine, owner: folder + agent, folder: "\(folder)/\(agent)", limits: limits, logger: Self.logger)
    }

    func started(_ agent: String = "agent", limits: ImageCache.Limits = .init()) async throws -> ImageCache {
        let cache = cache(agent, limits: limits)
        try await cache.start()
        return cache
    }

    func holds(_ image: TestImage) async throws -> Bool { try await engine.image("\(image.id)") != nil }

    /// `docker ARGUMENT…`
    @discardableResult
    func docker(_ arguments: String...) async throws -> String {
        try await TestCommand.run("docker", ["-H", try TestEnvironment.docker] + arguments)
    }
}

private final class TestNames: Sendable {
    private let names = Mutex<[String]>([])
    var all: [String] { names.withLock { $0 } }
    func add(_ name: String) { names.withLock { $0.append(name) } }
}

/// Archives in memory that a cache may fetch, and how often it did.
actor TestBlobs {
    private var blobs: [Digest: [UInt8]] = [:]
    private(set) var fetches = 0
    /// Held back until ``open()``.
    private var isShut: Bool
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(isShut: Bool = false) { self.isShut = isShut }

    func add(_ bytes: [UInt8]) -> TaskEnvironment {
        let digest = Digest.sha256(of: bytes)
        blobs[digest] = bytes
        return .archive(digest)
    }

    func open() {
        isShut = false
        for waiter in waiting { waiter.resume() }
        waiting = []
    }

    nonisolated var fetch: ImageCache.Fetch {
        { blob, path, limit in
            let bytes = await self.take(blob)
            try Task.checkCancellation()
            guard let bytes, Int64(bytes.count) <= limit else { throw EnvironmentRejected("missing or too large") }
            try Data(bytes).write(to: URL(filePath: path))
        }
    }

    private func take(_ blob: Digest) async -> [UInt8]? {
        fetches += 1
        if isShut { await withCheckedContinuation { waiting.append($0) } }
        return blobs[blob]
    }
}
