import Foundation
package import Logging
package import ParityProtocol

/// The environment of a task cannot be prepared, on this machine or anywhere.
package struct EnvironmentRejected: Error, Sendable, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}

/// An image that stays on the engine until it is given back.
package struct HeldImage: Sendable, Hashable {
    /// By which the engine runs it.
    package let id: Digest
    /// Nil for one that is the machine's own anyway.
    let source: ImageSource?
}

/// Gets images onto the engine and keeps those that were used last.
///
/// Each is fetched once, however many runs wait for it, and none is given out that is not what was asked for: a pulled
/// one carries the digest of its reference, one from an archive was compared byte by byte (``ImageArchive``). What the
/// agent brings carries a tag of the agent's own, which is how several agents share an engine: taking one's tag away
/// leaves the image to the others. Images that the engine held before are used and never removed.
package actor ImageCache {
    /// Brings a blob of at most so many bytes into the file at `path`.
    package typealias Fetch = @Sendable (_ blob: Digest, _ path: String, _ maximumBytes: Int64) async throws -> Void

    package struct Limits: Sendable {
        /// What the agent's own images may take together; more only while all of them are in use.
        package var cacheBytes: Int64
        /// The largest image that is taken at all.
        package var imageBytes: Int64

        package init(cacheBytes: Int64 = 20 << 30, imageBytes: Int64 = 8 << 30) {
            self.cacheBytes = cacheBytes
            self.imageBytes = imageBytes
        }
    }

    /// Holds every agent's tags. No registry can be there (RFC 6761), so nothing is ever pulled under these names.
    static let domain = "parity.invalid/images/"

    let engine: DockerEngine
    let limits: Limits
    let folder: String
    let repository: String
    let logger: Logger
    var ledger = ImageLedger()
    /// How many hold each source's image or wait for it.
    private(set) var uses: [ImageSource: Int] = [:]
    /// Images that are being given up, by their source's key.
    private(set) var leaving: [String: Task<Void, Never>] = [:]
    private let flights = SingleFlight<ImageSource, Digest>()

    /// `owner` names this agent among those of the engine; `folder` is its own and holds the ledger and archives on
    /// their way.
    package init(engine: DockerEngine, owner: String, folder: String, limits: Limits, logger: Logger) {
        self.engine = engine
        self.folder = folder
        self.limits = limits
        self.logger = logger
        repository = Self.domain + Digest.sha256(of: Array(owner.utf8)).hex.prefix(16)
    }

    private var ledgerPath: String { folder + "/images.json" }
    var spool: String { folder + "/archives" }

    /// Takes up what an earlier life of the agent left: its images stay, what is half done or forgotten goes.
    package func start() async throws {
        try? FileManager.default.removeItem(atPath: spool)
        try FileManager.default.createDirectory(atPath: spool, withIntermediateDirectories: true)
        ledger = ImageLedger.load(ledgerPath)
        var known: Set<String> = []
        for (key, entry) in ledger.entries {
            if try await engine.image(entry.id.description) == nil {
                ledger.remove(key: key)
            } else if entry.isOwned {
                known.insert(name(ofKey: key))
            }
        }
        for tag in try await engine.tags(inRepository: repository) where !known.contains(tag) {
            try await engine.removeImage(tag)
        }
        save()
        await evict()
    }

    /// The image of `environment`, on the engine and held there until ``release(_:)``. Cancelling leaves others that
    /// wait for the same image alone. Throws ``EnvironmentRejected`` when there is no such image to be had.
    package func acquire(_ environment: TaskEnvironment, fetch: @escaping Fetch) async throws -> HeldImage {
        switch environment {
        case .imageID(let digest):
            guard try await engine.image(digest.description) != nil else {
                throw EnvironmentRejected("the engine has no image \(digest)")
            }
            return HeldImage(id: digest, source: nil)
        case .image(let reference): return try await acquire(from: .pinned(reference), fetch: fetch)
        case .archive(let blob): return try await acquire(from: .archive(blob), fetch: fetch)
        case .dockerfile: throw EnvironmentRejected("a builder makes the image of a Dockerfile; runners never build")
        }
    }

    /// As ``acquire(_:fetch:)``, by source.
    package func acquire(from source: ImageSource, fetch: @escaping Fetch) async throws -> HeldImage {
        // Counted as in use from here on, or another's fetch could evict it as soon as it is there.
        uses[source, default: 0] += 1
        do {
            let id = try await flights.run(source) { try await self.find(source, fetch) }
            return HeldImage(id: id, source: source)
        } catch {
            endUse(of: source)
            throw error
        }
    }

    /// Lets an image go, now that no container stands on it any more.
    package func release(_ image: HeldImage) async {
        guard let source = image.source else { return }
        endUse(of: source)
        await evict()
    }

    private func endUse(of source: ImageSource) {
        guard let count = uses[source] else { return }
        uses[source] = count > 1 ? count - 1 : nil
    }

    // MARK: - What is ours

    func name(ofKey key: String) -> String { "\(repository):\(Digest.sha256(of: Array(key.utf8)).hex)" }

    /// Notes an image that is there now. It is the agent's own if the agent or another of its kind brought it: then it
    /// gets a tag of ours, which keeps it until we give it up.
    func note(_ source: ImageSource, _ image: DockerEngine.Image, isNew: Bool) async throws -> Digest {
        guard let id = Digest(image.id) else { throw EnvironmentRejected("the engine names its images by no digest") }
        let isOwned = isNew || image.repoTags.contains { $0.hasPrefix(Self.domain) }
        if isOwned { try await engine.tag(image.id, repository: repository, tag: source.tag) }
        ledger.add(source, id: id, bytes: image.size, isOwned: isOwned)
        save()
        await evict()
        return id
    }

    func noteUse(of source: ImageSource) {
        ledger.use(source)
        save()
    }

    private func save() {
        do {
            try ledger.save(ledgerPath)
        } catch {
            // What it would have said is fetched again after a restart.
            logger.warning("The image ledger cannot be written", metadata: ["error": "\(error)"])
        }
    }

    // MARK: - Eviction

    /// Gives up images, unused for longest first, until the rest is within the limit. One that a container stands on
    /// stays for now.
    private func evict() async {
        var kept = Set(uses.keys.map(\.key))
        while let key = ledger.victim(limit: limits.cacheBytes, kept: kept) {
            kept.insert(key)
            guard let entry = ledger.entries[key] else { continue }
            ledger.remove(key: key)
            let task = Task { await self.giveUp(key, entry) }
            // Who asks for it meanwhile waits: it would find an image that is about to go.
            leaving[key] = task
            await task.value
            leaving[key] = nil
            save()
            kept.formUnion(uses.keys.map(\.key))
        }
    }

    private func giveUp(_ key: String, _ entry: ImageLedger.Entry) async {
        do {
            try await remove(name(ofKey: key), pulledAs: ImageSource.reference(ofKey: key))
            logger.info("Gave up an image", metadata: ["image": "\(key)"])
        } catch {
            ledger.restore(key: key, entry)
            logger.debug("An image stays for now", metadata: ["image": "\(key)", "error": "\(error)"])
        }
    }

    /// Takes our tag away, and the name that the image was pulled by if no other agent has a tag on it.
    private func remove(_ tag: String, pulledAs reference: String?) async throws {
        guard let image = try await engine.image(tag) else { return }
        try await engine.removeImage(tag)
        guard let reference, let rest = try await engine.image(image.id),
            !rest.repoTags.contains(where: { $0.hasPrefix(Self.domain) })
        else { return }
        try await engine.removeImage(reference)
    }
}
