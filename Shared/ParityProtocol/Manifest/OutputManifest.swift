import FoundationEssentials

/// The canonical list of all that a run produced: `parity.output/v1`. Its digest is what runners vote on.
///
/// To recompute it: list the files under `/output` with the members below, sort by the bytes of the paths, write the
/// object in RFC 8785 form, and take its SHA-256. Times, owners, stderr and host facts are no part of it.
package struct OutputManifest: Sendable, Hashable {
    package static let schema = "parity.output/v1"
    /// No reader takes a longer one. It is a list of names and digests; 10,000 files fit many times.
    package static let maximumBytes = 64 << 20
    /// More than any spec may allow (`limits.output_files`).
    package static let maximumFiles = 100_000

    /// A path or link target: bytes, since file systems know no encoding.
    package struct Path: Sendable, Hashable, Comparable {
        package let bytes: [UInt8]
        package init(bytes: [UInt8]) { self.bytes = bytes }
        package init(_ text: String) { bytes = Array(text.utf8) }
        package var text: String? { String(validating: bytes, as: UTF8.self) }
        package static func < (left: Path, right: Path) -> Bool { left.bytes.lexicographicallyPrecedes(right.bytes) }
    }

    package struct Content: Sendable, Hashable {
        package let digest: Digest
        package let size: Int64
        package init(digest: Digest, size: Int64) {
            self.digest = digest
            self.size = size
        }
        static let empty = Content(digest: Digest.sha256(of: [UInt8]()), size: 0)
    }

    package enum Kind: Sendable, Hashable {
        case directory
        case file(Content, isExecutable: Bool)
        case symlink(target: Path)
    }

    package struct Entry: Sendable, Hashable {
        package let path: Path
        package let kind: Kind
        package init(path: Path, kind: Kind) {
            self.path = path
            self.kind = kind
        }
    }

    package let exitCode: Int64
    package let stdout: Content
    /// Sorted by path.
    package let files: [Entry]

    package init(exitCode: Int64, stdout: Content, files: [Entry]) {
        self.exitCode = exitCode
        self.stdout = stdout
        self.files = files.sorted { $0.path < $1.path }
    }

    package var canonicalBytes: [UInt8] { json.canonicalBytes() }
    package var digest: Digest { Digest.sha256(of: canonicalBytes) }

    /// Every blob that the output consists of.
    package var contents: [Content] {
        [stdout] + files.compactMap { if case .file(let content, _) = $0.kind { content } else { nil } }
    }

    /// The sizes of ``contents`` together, or the largest number: a manifest may state anything.
    package var contentBytes: Int64 {
        contents.reduce(Int64(0)) { total, content in
            let (sum, isTooLarge) = total.addingReportingOverflow(content.size)
            return isTooLarge ? .max : sum
        }
    }

    /// Of ``contents``, each once, those that fit into `limit` bytes together: stdout first, then by path.
    package func contents(within limit: Int64) -> [Content] {
        var seen: Set<Content> = []
        var room = limit
        return contents.filter { content in
            guard content.size <= room, seen.insert(content).inserted else { return false }
            room -= content.size
            return true
        }
    }

    /// What is voted on when a run went over its limits: the digest of this statement, which every runner can form
    /// without the output that was too large.
    package static func limitDigest(_ limit: String) -> Digest {
        let statement: JSONValue = ["schema": .string(schema), "limit_exceeded": .string(limit)]
        return Digest.sha256(of: statement.canonicalBytes())
    }

    private var json: JSONValue {
        [
            "schema": .string(Self.schema), "exit_code": .integer(exitCode), "stdout": stdout.json,
            "files": .array(files.map(\.json)),
        ]
    }

    /// The manifest that `bytes` hold; nil unless they are exactly its canonical form.
    package init?(canonical bytes: [UInt8]) {
        guard let json = try? JSONValue.parse(bytes), json["schema"]?.string == Self.schema,
            let exitCode = json["exit_code"]?.integer, let stdout = json["stdout"].flatMap({ Content($0) }),
            let files = json["files"]?.array, files.count <= Self.maximumFiles
        else { return nil }
        var entries: [Entry] = []
        for file in files {
            guard let entry = Entry(file) else { return nil }
            entries.append(entry)
        }
        self.init(exitCode: exitCode, stdout: stdout, files: entries)
        guard Set(entries.map(\.path)).count == entries.count, canonicalBytes == bytes else { return nil }
    }
}

extension OutputManifest.Content {
    var json: JSONValue { ["digest": .string(digest.description), "size": .integer(size)] }

    init?(_ json: JSONValue) {
        guard let digest = json["digest"]?.string.flatMap({ Digest($0) }), let size = json["size"]?.integer, size >= 0
        else { return nil }
        self.init(digest: digest, size: size)
    }
}

extension OutputManifest.Path {
    func put(into members: inout [String: JSONValue], as name: String) {
        if let text {
            members[name] = .string(text)
        } else {
            members[name + "_base64"] = .string(Data(bytes).base64EncodedString())
        }
    }

    init?(_ json: JSONValue, _ name: String) {
        if let text = json[name]?.string {
            self.init(text)
        } else if let data = json[name + "_base64"]?.string.flatMap({ Data(base64Encoded: $0) }) {
            self.init(bytes: Array(data))
        } else {
            return nil
        }
    }
}

extension OutputManifest.Entry {
    var json: JSONValue {
        var members: [String: JSONValue] = [:]
        path.put(into: &members, as: "path")
        switch kind {
        case .directory: members["kind"] = "directory"
        case .symlink(let target):
            members["kind"] = "symlink"
            target.put(into: &members, as: "target")
        case .file(let content, let isExecutable):
            members["kind"] = "file"
            members["mode"] = .string(isExecutable ? "0755" : "0644")
            members["digest"] = .string(content.digest.description)
            members["size"] = .integer(content.size)
        }
        return .object(members)
    }

    init?(_ json: JSONValue) {
        guard let path = OutputManifest.Path(json, "path") else { return nil }
        switch json["kind"]?.string {
        case "directory": self.init(path: path, kind: .directory)
        case "symlink":
            guard let target = OutputManifest.Path(json, "target") else { return nil }
            self.init(path: path, kind: .symlink(target: target))
        case "file":
            guard let content = OutputManifest.Content(json), let mode = json["mode"]?.string else { return nil }
            self.init(path: path, kind: .file(content, isExecutable: mode == "0755"))
        default: return nil
        }
    }
}
