import Foundation
package import ParityProtocol

/// A tree as a published vector describes it.
package struct VectorTree {
    package struct Entry {
        package enum Kind {
            case directory
            case file([UInt8], isExecutable: Bool)
            /// Too large to be there.
            case unseenFile(OutputManifest.Content)
            case symlink([UInt8])
            case hardLink([UInt8])
        }
        package let path: [UInt8]
        package let kind: Kind
    }

    package struct Malformed: Error { package let entry: JSONValue }

    package let name: String
    package let exitCode: Int64
    package let stdout: [UInt8]
    /// What a hard link names stands before it.
    package let entries: [Entry]

    package init(_ vector: JSONValue) throws {
        guard let name = vector["name"]?.string, let code = vector["exit_code"]?.integer,
            let stdout = Self.bytes(vector, "stdout"), let tree = vector["tree"]?.array
        else { throw Malformed(entry: vector) }
        self.name = name
        exitCode = code
        self.stdout = stdout
        var entries = try tree.map(Self.entry)
        if let rule = vector["numbered"], let folder = rule["folder"]?.string, let count = rule["count"]?.integer {
            entries += (0..<count).map { number in
                let digits = String(number)
                let path = "\(folder)/" + String(repeating: "0", count: 5 - digits.count) + digits
                return Entry(
                    path: Array(path.utf8), kind: .file(Array("\(number)\n".utf8), isExecutable: number % 10 == 0))
            }
        }
        self.entries = entries
    }

    private static func entry(_ json: JSONValue) throws -> Entry {
        guard let path = bytes(json, "path") else { throw Malformed(entry: json) }
        switch json["kind"]?.string {
        case "directory": return Entry(path: path, kind: .directory)
        case "symlink": if let target = bytes(json, "target") { return Entry(path: path, kind: .symlink(target)) }
        case "hardlink": if let target = bytes(json, "of") { return Entry(path: path, kind: .hardLink(target)) }
        case "file":
            if let digest = json["digest"]?.string.flatMap({ Digest($0) }), let size = json["size"]?.integer {
                return Entry(path: path, kind: .unseenFile(.init(digest: digest, size: size)))
            }
            if let content = json["base64"]?.string.flatMap({ Data(base64Encoded: $0) }) {
                return Entry(
                    path: path, kind: .file(Array(content), isExecutable: json["executable"] == .bool(true)))
            }
        default: break
        }
        throw Malformed(entry: json)
    }

    private static func bytes(_ json: JSONValue, _ name: String) -> [UInt8]? {
        json[name]?.string.map { Array($0.utf8) }
            ?? json["\(name)_base64"]?.string.flatMap { Data(base64Encoded: $0) }.map { Array($0) }
    }

    /// The manifest that a run has which leaves this tree.
    package func manifest() throws -> OutputManifest {
        func content(_ bytes: [UInt8]) -> OutputManifest.Content {
            .init(digest: Digest.sha256(of: bytes), size: Int64(bytes.count))
        }
        var kinds: [[UInt8]: OutputManifest.Kind] = [:]
        for entry in entries {
            switch entry.kind {
            case .directory: kinds[entry.path] = .directory
            case .file(let bytes, let isExecutable):
                kinds[entry.path] = .file(content(bytes), isExecutable: isExecutable)
            case .unseenFile(let content): kinds[entry.path] = .file(content, isExecutable: false)
            case .symlink(let target): kinds[entry.path] = .symlink(target: .init(bytes: target))
            case .hardLink(let target): kinds[entry.path] = kinds[target]
            }
        }
        return OutputManifest(
            exitCode: exitCode, stdout: content(stdout),
            files: kinds.map { .init(path: .init(bytes: $0.key), kind: $0.value) })
    }
}
