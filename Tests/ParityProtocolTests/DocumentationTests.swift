import Foundation
import TestSupport
import Testing

@testable import ParityProtocol

/// That the module's articles say what the code does.
@Suite struct DocumentationTests {
    private static let module = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../Shared/ParityProtocol").standardizedFileURL

    private static func article(_ name: String) throws -> String {
        try String(contentsOf: module.appending(path: "ParityProtocol.docc/\(name).md"), encoding: .utf8)
    }

    /// Every field by its path from the top, as `limits.pids` or `inputs[].path`.
    private static func fields(_ schema: JSONValue, under path: String = "") -> [String] {
        var found: [String] = []
        for (name, field) in schema["properties"]?.object ?? [:] {
            let place = path.isEmpty ? name : "\(path).\(name)"
            found.append(place)
            found += fields(field, under: place)
            if let items = field["items"] { found += fields(items, under: place + "[]") }
        }
        return found
    }

    @Test func `Each field of a spec has its heading, and there is no other`() throws {
        let fields = Self.fields(try JSONValue.parse(TaskSchema.bytes))
        let headings = try Self.article("TaskSpecFields").split(separator: "\n").compactMap { line -> String? in
            guard line.hasPrefix("### `"), line.hasSuffix("`") else { return nil }
            return String(line.dropFirst(5).dropLast())
        }
        #expect(fields.count > 45)
        #expect(headings.sorted() == fields.sorted())
    }

    @Test func `Each cause of a divergence stands with its title and its remedy`() throws {
        let article = try Self.article("Divergence")
        for cause in DivergenceCause.allCases where cause != .unknown {
            let row = article.split(separator: "\n").first { $0.hasPrefix("| `\(cause.rawValue)` |") }
            #expect(row?.contains("| \(cause.title) |") == true, "\(cause)")
            // A bar ends a cell, unless it is escaped.
            #expect(row?.contains("| \(cause.remedy.replacing("|", with: "\\|")) |") == true, "\(cause)")
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `The program of the article comes to the digests of the vectors`() async throws {
        let blocks = try Self.article("OutputManifestAndDigest").components(separatedBy: "```python\n").dropFirst()
        let program = blocks.map { $0.components(separatedBy: "```")[0] }.joined(separator: "\n")
        let file = FileManager.default.temporaryDirectory.appending(path: "\(TestEnvironment.uniqueName()).py")
        defer { try? FileManager.default.removeItem(at: file) }
        try Data(program.utf8).write(to: file)
        let vectors = Self.module.appending(path: "Vectors/output-vectors.json").path()
        #expect(try await Python.run([file.path(), vectors]).contains("23 digests agree"))
    }
}
