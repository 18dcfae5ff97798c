import Foundation
import TestSupport
import Testing

@testable import ParityProtocol

@Suite struct SchemaTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent()

    @Test(.timeLimit(.minutes(25)))
    func `A JSON Schema validator judges every spec of the corpus as the reader does`() async throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "\(TestEnvironment.uniqueName()).json")
        defer { try? FileManager.default.removeItem(at: file) }
        // As it is served, not as it lies in the source tree.
        try Data(TaskSchema.bytes).write(to: file)
        let script = Self.folder.appending(path: "Python/judge_specs.py").path()
        let judged = try await Python.run([script, file.path(), SpecCorpus.file.path()])
        #expect(
            judged.trimmingCharacters(in: .whitespacesAndNewlines) == "\(try SpecFieldTests.count) specs judged alike")
    }

    @Test func `Every recorded spec has the fields of the schema, and no other`() throws {
        let schema = try JSONValue.parse(TaskSchema.bytes)
        let recorded = try TaskSpec(
            parsing: [
                "schema": "parity.task/v1", "reward": 1,
                "environment": ["image_id": .string("sha256:" + String(repeating: "a", count: 64))],
            ]
        ).json
        for place in ["", "expect", "limits", "verification"] {
            let fields = place.isEmpty ? schema["properties"] : schema["properties"]?[place]?["properties"]
            let found = place.isEmpty ? recorded : recorded[place]
            #expect(Set(try #require(fields?.object).keys) == Set(try #require(found?.object).keys), "/\(place)")
        }
    }
}
