import Foundation
package import ParityProtocol

/// The environment of a task cannot be prepared, on this machine or anywhere.
package struct EnvironmentRejected: Error, Sendable, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}

/// Gets images onto the engine and says by which id to run them. Each is fetched once, however many runs wait for it.
package actor ImageResolver {
    private let engine: DockerEngine
    private var underWay: [TaskEnvironment: Task<Digest, any Error>] = [:]
    /// Which image each archive holds, so that it is fetched again only when the engine has lost the image.
    private var archives: [Digest: Digest] = [:]
    private static let rememberedArchives = 1000

    package init(engine: DockerEngine) { self.engine = engine }

    /// The id of the image that `environment` names, present on the engine. `fetch` brings an archive's blob as a file
    /// of this machine. Throws ``EnvironmentRejected`` when there is no such image.
    package func resolve(
        _ environment: TaskEnvironment, fetch: @escaping @Sendable (Digest) async throws -> (path: String, size: Int64)
    ) async throws -> Digest {
        if case .archive(let blob) = environment, let id = archives[blob],
            try await engine.image(id.description) != nil
        {
            return id
        }
        if let task = underWay[environment] { return try await task.value }
        let engine = engine
        let task = Task { try await Self.find(environment, engine, fetch) }
        underWay[environment] = task
        defer { underWay[environment] = nil }
        let id = try await task.value
        if case .archive(let blob) = environment {
            if archives.count >= Self.rememberedArchives { archives = [:] }
            archives[blob] = id
        }
        return id
    }

    private static func find(
        _ environment: TaskEnvironment, _ engine: DockerEngine,
        _ fetch: @Sendable (Digest) async throws -> (path: String, size: Int64)
    ) async throws -> Digest {
        switch environment {
        case .imageID(let digest):
            guard try await engine.image(digest.description) != nil else {
                throw EnvironmentRejected("the engine has no image \(digest)")
            }
            return digest
        case .image(let reference): return try await pulled(reference, engine)
        case .archive(let blob): return try await loaded(blob, engine, fetch)
        }
    }

    private static func pulled(_ reference: String, _ engine: DockerEngine) async throws -> Digest {
        if try await engine.image(reference) == nil {
            do {
                try await engine.pull(reference)
            } catch let error as DockerError where error.code != .unreachable {
                throw EnvironmentRejected("\(reference) cannot be pulled: \(error.message)")
            }
        }
        guard let image = try await engine.image(reference), let id = Digest(image.id) else {
            throw EnvironmentRejected("\(reference) is not on the engine after its pull")
        }
        return id
    }

    private static func loaded(
        _ blob: Digest, _ engine: DockerEngine, _ fetch: @Sendable (Digest) async throws -> (path: String, size: Int64)
    ) async throws -> Digest {
        let file = try await fetch(blob)
        defer { try? FileManager.default.removeItem(atPath: file.path) }
        let id = try imageID(inArchive: file.path)
        if try await engine.image(id.description) != nil { return id }
        do {
            try await engine.load(InputArchive(file: file.path, size: file.size))
        } catch let error as DockerError where error.code != .unreachable {
            throw EnvironmentRejected("the image archive cannot be loaded: \(error.message)")
        }
        guard try await engine.image(id.description) != nil else {
            throw EnvironmentRejected("the image archive did not hold the image that it names")
        }
        return id
    }

    /// The id that a `docker save` archive names for its one image: the digest of the image's configuration.
    static func imageID(inArchive path: String) throws -> Digest {
        guard let handle = FileHandle(forReadingAtPath: path) else {
            throw EnvironmentRejected("the image archive is gone")
        }
        defer { try? handle.close() }
        var parser = TarParser()
        var manifest: [UInt8]?
        var isManifest = false
        do {
            while let data = try handle.read(upToCount: 262_144), !data.isEmpty {
                for event in try parser.feed(Array(data)) {
                    switch event {
                    case .entry(let entry):
                        isManifest = entry.path == Array("manifest.json".utf8) && entry.size <= 1 << 20
                        if isManifest { manifest = [] }
                    case .content(let bytes): if isManifest { manifest? += bytes }
                    case .endOfEntry: isManifest = false
                    }
                }
            }
        } catch let error as TarError {
            throw EnvironmentRejected("the image archive is no readable tar: \(error)")
        }
        guard let manifest, let json = try? JSONValue.parse(manifest), let images = json.array else {
            throw EnvironmentRejected("the image archive has no manifest.json; make it with docker save")
        }
        guard images.count == 1, let config = images[0]["Config"]?.string else {
            throw EnvironmentRejected("the image archive must hold exactly one image")
        }
        let name = (config.split(separator: "/").last ?? "").replacing(".json", with: "")
        guard let id = Digest("sha256:" + name) else {
            throw EnvironmentRejected("the image archive does not name its image by digest")
        }
        return id
    }
}
