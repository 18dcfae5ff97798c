import Foundation
import ParityProtocol

/// Which images this agent has brought to its engine, and when each was used last: a pure value that is kept in a file.
struct ImageLedger: Sendable, Equatable, Codable {
    struct Entry: Sendable, Equatable, Codable {
        /// By which the engine knows the image, found right when it was fetched.
        let id: Digest
        /// What the image takes, layers that it shares with others included.
        let bytes: Int64
        /// The agent brought it and may remove it. False for one that the engine held before.
        let isOwned: Bool
        var used: Int64
    }

    private static let schema = "parity.images/v1"
    /// More than any disk holds; a ledger that grew beyond it would be a leak.
    static let maximumEntries = 10_000
    /// Images may be as small as they like; an engine lists them all.
    static let maximumOwned = 1000

    private var schema = Self.schema
    /// By the source's key.
    private(set) var entries: [String: Entry] = [:]
    /// Counts up with every use: the order of uses needs no clock.
    private var uses: Int64 = 0

    /// What is noted of a source. Noting its use is ``use(_:)``.
    subscript(source: ImageSource) -> Entry? { entries[source.key] }

    mutating func use(_ source: ImageSource) {
        uses += 1
        entries[source.key]?.used = uses
    }

    mutating func add(_ source: ImageSource, id: Digest, bytes: Int64, isOwned: Bool) {
        uses += 1
        entries[source.key] = Entry(id: id, bytes: bytes, isOwned: isOwned, used: uses)
        // Notes of what is not ours cost nothing but the note.
        if entries.count > Self.maximumEntries, let oldest = byUse.first(where: { !$0.value.isOwned }) {
            entries[oldest.key] = nil
        }
    }

    mutating func remove(key: String) { entries[key] = nil }

    mutating func restore(key: String, _ entry: Entry) { entries[key] = entry }

    private var byUse: [(key: String, value: Entry)] { entries.sorted { $0.value.used < $1.value.used } }

    /// What the agent's own images take; one that came from two sources counts once.
    var ownedBytes: Int64 {
        var seen: Set<Digest> = []
        return entries.values.reduce(0) { $1.isOwned && seen.insert($1.id).inserted ? $0 + $1.bytes : $0 }
    }

    /// The key to give up so that own images take no more than `limit` and are not too many: the one unused for longest, of those that are
    /// neither in use nor in `kept`. Nil when nothing need or can go.
    func victim(limit: Int64, kept: Set<String>) -> String? {
        guard ownedBytes > limit || entries.values.count(where: \.isOwned) > Self.maximumOwned else { return nil }
        return byUse.first { $0.value.isOwned && !kept.contains($0.key) }?.key
    }
}

extension ImageLedger {
    /// The ledger in the file at `path`. One that is missing or cannot be read is empty: its images are fetched again.
    static func load(_ path: String) -> ImageLedger {
        guard let data = FileManager.default.contents(atPath: path),
            let ledger = try? JSONDecoder().decode(ImageLedger.self, from: data), ledger.schema == Self.schema
        else { return ImageLedger() }
        return ledger
    }

    /// Replaces the file at `path` as a whole.
    func save(_ path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        try encoder.encode(self).write(to: URL(filePath: path), options: .atomic)
    }
}
