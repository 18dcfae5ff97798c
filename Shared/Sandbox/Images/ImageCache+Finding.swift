import Foundation
import ParityProtocol

extension ImageCache {
    /// The id of the source's image, which is on the engine now. Runs once at a time for each source.
    func find(_ source: ImageSource, _ fetch: Fetch) async throws -> Digest {
        await leaving[source.key]?.value
        if let id = try await present(source) {
            noteUse(of: source)
            return id
        }
        switch source {
        case .pinned(let reference), .base(let reference): return try await pulled(reference, source)
        case .archive(let blob): return try await loaded(blob, source, fetch)
        }
    }

    /// The image as the ledger knows it, if the engine still holds that very image.
    private func present(_ source: ImageSource) async throws -> Digest? {
        guard let entry = ledger[source], try await engine.image(entry.id.description) != nil else { return nil }
        // A tag may stand for another image by now: the engine decides.
        if case .base(let reference) = source, try await engine.image(reference)?.id != entry.id.description {
            return nil
        }
        return entry.id
    }

    /// Takes an image that the engine holds already; nil if another gave it up in this moment.
    private func taken(_ source: ImageSource, _ image: DockerEngine.Image) async throws -> Digest? {
        do {
            return try await note(source, image, isNew: false)
        } catch let error as DockerError where error.code == .notFound {
            return nil
        }
    }

    // MARK: - From a registry

    private func pulled(_ reference: String, _ source: ImageSource) async throws -> Digest {
        if let image = try await engine.image(reference), Self.isNamed(image, reference),
            let id = try await taken(source, try Self.checked(image, reference))
        {
            return id
        }
        do {
            try await engine.pull(reference)
        } catch let error as DockerError where error.code != .unreachable && !Self.mayPass(error) {
            throw EnvironmentRejected("\(reference) cannot be pulled: \(error.message)")
        }
        guard let image = try await engine.image(reference) else {
            throw EnvironmentRejected("\(reference) is not on the engine after its pull")
        }
        guard image.size <= limits.imageBytes else {
            try await engine.removeImage(reference)
            throw EnvironmentRejected("\(reference) takes \(image.size) bytes, \(limits.imageBytes) are allowed")
        }
        return try await note(source, try Self.checked(image, reference), isNew: true)
    }

    /// What an engine says of a registry, a network or a disk that has a bad minute: it is nobody's image that is at fault.
    private static func mayPass(_ error: DockerError) -> Bool {
        let signs = [
            "timeout", "timed out", "toomanyrequests", "too many requests", "connection refused", "connection reset",
            "temporary failure", "no space left", "unexpected eof", "status: 5", "server error", "service unavailable",
            "network is unreachable", "context deadline exceeded",
        ]
        let message = error.message.lowercased()
        return signs.contains { message.contains($0) }
    }

    /// An engine takes the beginning of an id for a name as well; that could be an image of anybody's.
    private static func isNamed(_ image: DockerEngine.Image, _ reference: String) -> Bool {
        reference.contains("@") || image.repoTags.contains(ImageSource.listed(reference))
    }

    /// The engine compares what it pulls with the digest and notes it; one without that note is not what was asked for.
    private static func checked(_ image: DockerEngine.Image, _ reference: String) throws -> DockerEngine.Image {
        guard let digest = reference.split(separator: "@").dropFirst().last else { return image }
        guard image.repoDigests.contains(where: { $0.hasSuffix("@\(digest)") }) else {
            throw EnvironmentRejected("what the engine holds as \(reference) has another digest")
        }
        return image
    }

    // MARK: - From an archive

    private func loaded(_ blob: Digest, _ source: ImageSource, _ fetch: Fetch) async throws -> Digest {
        // A name of its own: a download that was given up may still be writing.
        let path = "\(spool)/\(UUID().uuidString.lowercased())"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try await fetch(blob, path, limits.imageBytes)
        let archive = try ImageArchive(path: path)
        if let image = try await engine.image(archive.image.description), let id = try await taken(source, image) {
            return id
        }
        let name = name(ofKey: source.key)
        do {
            try await engine.load(archive.contents(named: name))
        } catch let error as DockerError where error.code != .unreachable {
            throw EnvironmentRejected("the image archive cannot be loaded: \(error.message)")
        }
        guard let image = try await engine.image(name) else {
            throw EnvironmentRejected("the image is not on the engine after it was loaded")
        }
        guard Self.isSame(image, archive) else {
            try await engine.removeImage(name)
            throw EnvironmentRejected("the engine made another image of the archive than the one that it holds")
        }
        return try await note(source, image, isNew: true)
    }

    /// An engine names an image by its configuration, as the archive does; or, with containerd's store, by a manifest
    /// that it made itself, and then the layers must be the archive's.
    private static func isSame(_ image: DockerEngine.Image, _ archive: ImageArchive) -> Bool {
        if image.id == archive.image.description { return true }
        return image.manifest == image.id && image.layers == archive.layers.map(\.description)
    }
}
