import ParityProtocol

/// Turns the tar of `/output` into manifest entries. The archive holds a stranger's files: names stay bytes and never
/// become paths of this machine, links are recorded and never followed, devices and pipes make the run fail.
final class OutputCollector {
    private let spool: ContentSpool
    private let maximumFiles: Int
    private var parser = TarParser()
    private var entries: [OutputManifest.Path: OutputManifest.Kind] = [:]
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
        guard entries.count < maximumFiles else { throw OutputLimitExceeded(what: "output_files") }
        switch entry.kind {
        case .directory: entries[path] = .directory
        case .symlink: entries[path] = .symlink(target: OutputManifest.Path(bytes: entry.link))
        case .hardlink:
            // A hard link is the file it names, which stands before it.
            guard let target = try Self.inside(entry.link), case .file(let content, let isExecutable)? = entries[target]
            else { throw TarError("a hard link names no file of the output") }
            entries[path] = .file(content, isExecutable: isExecutable)
        case .file: current = (path, entry, try spool.begin())
        case .other: throw OutputLimitExceeded(what: "output_kind")
        }
    }

    private func end() throws {
        guard let current else { return }
        self.current = nil
        entries[current.path] = .file(
            try spool.finish(current.file), isExecutable: current.entry.mode & 0o111 != 0)
    }

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
