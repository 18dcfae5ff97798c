import ParityProtocol

/// Turns the tar of `/output` into manifest entries. The archive holds a stranger's files: names stay bytes and never
/// become paths of this machine, links are recorded and never followed, devices and pipes make the run fail. Contents are
/// hashed and stored as they pass; what is kept in memory are names and digests, within the limits below.
final class OutputCollector {
    /// Names can be nested deeper than any path can say (PATH_MAX is 4,096), and an engine leaves out silently what it
    /// cannot name; how deep that is depends on where it keeps its files. Half of it is the same everywhere, and each
    /// folder on the way down to an omission is seen.
    static let maximumPathBytes = 2048
    /// Of all paths and link targets together, as JSON may have to write them, so that the manifest stays within its own
    /// limit.
    static let maximumNameBytes = 32 << 20

    private let spool: ContentSpool
    private let maximumFiles: Int
    private var parser = TarParser()
    private var entries: [OutputManifest.Path: OutputManifest.Kind] = [:]
    private var nameBytes = 0
    private var current: (path: OutputManifest.Path, entry: TarEntry, file: SpooledFile)?

    init(spool: ContentSpool, maximumFiles: Int64) {
        self.spool = spool
        self.maximumFiles = Int(maximumFiles)
    }

    func feed(_ bytes: [UInt8]) throws {
        for event in try parser.feed(bytes) {
            switch event {
            case .entry(let entry): try begin(entry)
            case .content(let bytes):
                if let current { try bytes.withUnsafeBytes { try spool.append($0, to: current.file) } }
            case .endOfEntry: try end()
            }
        }
    }

    func finish() throws -> [OutputManifest.Entry] {
        guard parser.isAtEnd, current == nil else { throw TarError("the archive of /output ends too early") }
        return entries.map { OutputManifest.Entry(path: $0.key, kind: $0.value) }
    }

    private func begin(_ entry: TarEntry) throws {
        guard let path = try Self.inside(entry.path) else { return }
        guard entries.count < maximumFiles else { throw OutputLimitExceeded.files }
        guard path.bytes.count <= Self.maximumPathBytes else { throw OutputLimitExceeded.path }
        nameBytes += Self.writtenBytes(path.bytes) + (entry.kind == .symlink ? Self.writtenBytes(entry.link) : 0)
        guard nameBytes <= Self.maximumNameBytes else { throw OutputLimitExceeded.names }
        switch entry.kind {
        case .directory: entries[path] = .directory
        case .symlink: entries[path] = .symlink(target: OutputManifest.Path(bytes: entry.link))
        case .hardlink:
            // A hard link is the file that it names, which stands before it; or the symbolic link.
            guard let target = try Self.inside(entry.link), let kind = entries[target], kind != .directory else {
                throw TarError("a hard link names no file of the output")
            }
            entries[path] = kind
        case .file: current = (path, entry, try spool.begin())
        case .other: throw OutputLimitExceeded.kind
        }
    }

    private func end() throws {
        guard let current else { return }
        self.current = nil
        entries[current.path] = .file(
            try spool.finish(current.file), isExecutable: current.entry.mode & 0o111 != 0)
    }

    /// No less than a name takes in JSON: six bytes for a control character, two for a quotation mark, four thirds where it
    /// stands in base64.
    private static func writtenBytes(_ name: [UInt8]) -> Int { name.reduce(0) { $0 + ($1 < 0x20 ? 6 : 2) } }

    /// The path relative to `/output`; nil for the folder itself.
    private static func inside(_ bytes: [UInt8]) throws -> OutputManifest.Path? {
        var parts = bytes.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: true)
        guard bytes.first != UInt8(ascii: "/"), parts.first.map(Array.init) == Array("output".utf8),
            !parts.contains(where: { $0.elementsEqual("..".utf8) || $0.elementsEqual(".".utf8) || $0.contains(0) })
        else { throw TarError("the archive of /output holds a name outside of it") }
        parts.removeFirst()
        if parts.isEmpty { return nil }
        return OutputManifest.Path(bytes: Array(parts.joined(separator: [UInt8(ascii: "/")])))
    }
}
