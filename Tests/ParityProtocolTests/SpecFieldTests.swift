import Foundation
import Testing

@testable import ParityProtocol

/// Every field of a spec at its bounds and one beyond, what is of the wrong kind, and what contradicts what: the cases
/// stand in `Specs/corpus.json`, which is put to the JSON Schema as well.
@Suite struct SpecFieldTests {
    private struct Case {
        let spec: JSONValue
        let faults: Set<String>
        let text: String
    }

    private static let digest = "sha256:" + String(repeating: "a", count: 64)

    private static func cases() throws -> [Case] {
        let corpus = try JSONValue.parse(Array(try Data(contentsOf: SpecCorpus.file)))
        let base = try #require(corpus["base"])
        return try #require(corpus["cases"]?.array).map { entry in
            let sets = try #require(entry["set"]?.object).sorted { $0.key < $1.key }
            let spec = sets.reduce(base) { spec, set in
                spec.setting(set.key.dropFirst().split(separator: "/", omittingEmptySubsequences: false), to: set.value)
            }
            return Case(
                spec: spec.expanded(number: 0) ?? .null,
                faults: Set((entry["faults"]?.array ?? []).compactMap(\.string)), text: entry.canonicalString)
        }
    }

    /// How many the corpus has.
    static var count: Int { get throws { try cases().count } }

    @Test(.timeLimit(.minutes(25)))
    func `A field takes its bounds and nothing beyond, and every fault is named by its place`() throws {
        let cases = try Self.cases()
        #expect(cases.count > 300 && cases.count { $0.faults.isEmpty } > 80)
        for entry in cases {
            var found: Set<String> = []
            do { _ = try TaskSpec(parsing: entry.spec) } catch { found = Set(error.faults.map(\.pointer)) }
            #expect(found == entry.faults, "\(entry.text)")
        }
    }

    @Test func `The recorded spec says everything, and means the same when it is read again`() throws {
        for entry in try Self.cases() where entry.faults.isEmpty {
            let spec = try TaskSpec(parsing: entry.spec)
            let again = try TaskSpec(parsing: spec.json)
            #expect(again == spec && again.digest == spec.digest, "\(entry.text)")
        }
        let base: JSONValue = [
            "schema": "parity.task/v1", "environment": ["image_id": .string(Self.digest)], "reward": 5,
        ]
        let short = try TaskSpec(parsing: base).json
        #expect(short["stdin"] == ["base64": ""])
        #expect(
            short["expect"] == [
                "exit_code": 0, "output_digest": .null, "files": [], "max_output_bytes": .null, "stdout": .null,
            ])
        let written = try TaskSpec(parsing: base.setting(["stdin"], to: ["text": "in"])).json
        #expect(written["stdin"] == ["base64": "aW4="])
    }

    @Test func `Every blob that a task needs is named, wherever it stands`() throws {
        func name(_ character: Character) -> String { "sha256:" + String(repeating: character, count: 64) }
        let spec: JSONValue = [
            "schema": "parity.task/v1", "environment": ["image_archive": .string(name("e"))], "reward": 5,
            "stdin": ["blob": .string(name("b"))],
            "inputs": [["path": "f", "blob": .string(name("c"))], ["path": "t", "tree": .string(name("d"))]],
        ]
        let blobs = try TaskSpec(parsing: spec).blobs
        #expect(Set(blobs.keys.map(\.description)) == Set("bcde".map { name($0) }))
        let places = [
            "b": "/stdin/blob", "c": "/inputs/0/blob", "d": "/inputs/1/tree", "e": "/environment/image_archive",
        ]
        for (character, place) in places { #expect(blobs[try #require(Digest(name(Character(character))))] == [place]) }
    }
}

/// Where the specs are that reader and schema must judge alike.
enum SpecCorpus {
    static let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Specs/corpus.json")
}

extension JSONValue {
    /// This value with another at a path of member names; objects are made where they are missing.
    fileprivate func setting(_ path: [Substring], to value: JSONValue) -> JSONValue {
        guard let first = path.first else { return value }
        let name = String(first).replacing("~1", with: "/").replacing("~0", with: "~")
        var members = object ?? [:]
        members[name] = (members[name] ?? [:]).setting(Array(path.dropFirst()), to: value)
        return .object(members)
    }

    fileprivate func setting(_ path: [String], to value: JSONValue) -> JSONValue {
        setting(path.map { Substring($0) }, to: value)
    }

    /// The value with the corpus's rules for long ones carried out; nil where there is to be none.
    fileprivate func expanded(number: Int) -> JSONValue? {
        switch self {
        case .string(let text): return .string(text.replacing("%", with: "\(number)"))
        case .array(let elements): return .array(elements.compactMap { $0.expanded(number: number) })
        case .object(let members):
            if members["$absent"] != nil { return nil }
            return members.keys.contains { $0.hasPrefix("$") }
                ? ruled(members) : .object(members.compactMapValues { $0.expanded(number: number) })
        default: return self
        }
    }

    private func ruled(_ rule: [String: JSONValue]) -> JSONValue {
        func count(_ name: String) -> Int? { rule[name]?.integer.map { Int($0) } }
        if let count = count("$text") {
            let text = String(repeating: rule["$of"]?.string ?? "x", count: count)
            return .string((rule["$first"]?.string ?? "") + text + (rule["$then"]?.string ?? ""))
        }
        if let count = count("$names") {
            return .object(Dictionary(uniqueKeysWithValues: (0..<count).map { ("V\($0)", "") }))
        }
        if let count = count("$parts") { return .string(Array(repeating: "d", count: count).joined(separator: "/")) }
        if let count = count("$path") {
            return .string(String((0..<count).map { $0 % 100 == 99 && $0 < count - 1 ? "/" : "p" }))
        }
        guard let list = rule["$list"]?.array, list.count == 2, let count = list[0].integer else { return .null }
        return .array((0..<Int(count)).compactMap { list[1].expanded(number: $0) })
    }
}
