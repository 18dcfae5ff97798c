import Foundation
import TestSupport
import Testing

@testable import ParityProtocol

/// The vectors that `Shared/ParityProtocol/Vectors` publishes, checked here and by programs that share nothing with ours.
@Suite struct VectorTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    private static let module = folder.appending(path: "../../Shared/ParityProtocol").standardizedFileURL

    private static func vectors(_ name: String) throws -> JSONValue {
        try JSONValue.parse(Array(try Data(contentsOf: module.appending(path: "Vectors/\(name).json"))))
    }

    private static func python(_ script: String, _ files: [String]) async throws -> String {
        let paths = files.map { module.appending(path: $0).path() }
        return try await Python.run([folder.appending(path: "Python/\(script)").path()] + paths)
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }

    @Test func `Trees have the manifests and digests of the vectors`() throws {
        let cases = try #require(try Self.vectors("output-vectors")["cases"]?.array)
        #expect(cases.count > 20)
        for vector in cases {
            let manifest = try VectorTree(vector).manifest()
            let name = vector["name"]?.string ?? ""
            #expect(manifest.digest.description == vector["digest"]?.string, "\(name)")
            if let text = vector["manifest"]?.string {
                #expect(manifest.canonicalBytes == Array(text.utf8), "\(name)")
                #expect(OutputManifest(canonical: Array(text.utf8)) == manifest, "\(name)")
            }
        }
    }

    @Test func `Limits have the digests of the vectors`() throws {
        let limits = try #require(try Self.vectors("output-vectors")["limits"]?.array)
        for vector in limits {
            let limit = try #require(vector["limit"]?.string)
            #expect(OutputManifest.limitDigest(limit).description == vector["digest"]?.string, "\(limit)")
            let statement = Array(try #require(vector["statement"]?.string).utf8)
            #expect(Digest.sha256(of: statement).description == vector["digest"]?.string, "\(limit)")
        }
    }

    @Test func `Specs have the canonical forms and digests of the vectors`() throws {
        for vector in try #require(try Self.vectors("spec-vectors")["cases"]?.array) {
            let name = vector["name"]?.string ?? ""
            let spec = try TaskSpec(parsing: try #require(vector["spec"]))
            #expect(spec.json.canonicalString == vector["canonical"]?.string, "\(name)")
            #expect(spec.digest.description == vector["digest"]?.string, "\(name)")
            let again = try TaskSpec(
                parsing: try JSONValue.parse(Array(try #require(vector["canonical"]?.string).utf8)))
            #expect(again.digest == spec.digest, "\(name)")
        }
    }

    @Test func `JSON has the canonical forms of the vectors, and what they refuse is refused`() throws {
        let vectors = try Self.vectors("canonical-vectors")
        for vector in try #require(vectors["cases"]?.array) {
            let text = try #require(vector["json"]?.string)
            #expect(try JSONValue.parse(Array(text.utf8)).canonicalString == vector["canonical"]?.string, "\(text)")
        }
        for text in try #require(vectors["refused"]?.array).compactMap(\.string) {
            #expect(throws: JSONError.self, "\(text)") { try JSONValue.parse(Array(text.utf8)) }
        }
        for text in try #require(vectors["refused_base64"]?.array).compactMap(\.string) {
            let bytes = Array(try #require(Data(base64Encoded: text)))
            #expect(throws: JSONError.self, "\(text)") { try JSONValue.parse(bytes) }
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `An independent program comes to the same digests`() async throws {
        #expect(try await Self.python("output_digests.py", ["Vectors/output-vectors.json"]) == "23")
        let specs = ["Schemas/task.schema.json", "Vectors/spec-vectors.json", "Vectors/canonical-vectors.json"]
        #expect(try await Self.python("spec_digests.py", specs) == "36")
    }
}
