import FoundationEssentials
import ParityProtocol
import Yams

/// A spec file as JSON: strictly parsed JSON, or YAML read by rules that leave nothing to chance.
enum SpecDocument {
    static let maximumBytes = 4 << 20
    static let maximumNodes = 100_000

    /// Throws ``CommandFailure`` that says where the text is wrong.
    static func parse(_ bytes: [UInt8], name: String) throws -> JSONValue {
        guard bytes.count <= maximumBytes else {
            throw CommandFailure(.refused, "\(name): a spec may have \(maximumBytes) bytes; use blobs for data")
        }
        let first = bytes.first { !" \t\r\n".utf8.contains($0) }
        if first == UInt8(ascii: "{") {
            do {
                return try JSONValue.parse(bytes)
            } catch {
                throw CommandFailure(.refused, "\(name): \(error)")
            }
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw CommandFailure(.refused, "\(name): not UTF-8")
        }
        return try parseYAML(text, name: name)
    }

    private static func parseYAML(_ text: String, name: String) throws -> JSONValue {
        var documents: [Node] = []
        do {
            for node in try Yams.compose_all(yaml: text) { documents.append(node) }
        } catch {
            throw CommandFailure(.refused, "\(name): \(error)")
        }
        guard documents.count == 1, let document = documents.first else {
            throw CommandFailure(.refused, "\(name): one YAML document is expected, found \(documents.count)")
        }
        var budget = maximumNodes
        return try convert(document, depth: 0, budget: &budget, name: name)
    }

    /// Expanding aliases can make a small text huge: the budget counts what comes out.
    private static func convert(_ node: Node, depth: Int, budget: inout Int, name: String) throws -> JSONValue {
        budget -= 1
        guard budget > 0, depth < JSONValue.maximumDepth else {
            throw CommandFailure(.refused, "\(name): too large or nested too deep")
        }
        switch node {
        case .scalar(let scalar): return convert(scalar)
        case .sequence(let sequence):
            return .array(try sequence.map { try convert($0, depth: depth + 1, budget: &budget, name: name) })
        case .mapping(let mapping):
            var members: [String: JSONValue] = [:]
            for (key, value) in mapping {
                guard case .scalar(let scalar) = key else {
                    throw CommandFailure(.refused, "\(name): a field's name must be text\(place(key.mark))")
                }
                members[scalar.string] = try convert(value, depth: depth + 1, budget: &budget, name: name)
            }
            return .object(members)
        case .alias(let alias):
            throw CommandFailure(.refused, "\(name): the alias \(alias.anchor) names nothing")
        }
    }

    /// Plain `true`, `false`, `null`, `~` and integers are what they look like (YAML 1.2 core schema); everything
    /// else, quoted or not, is text. So `yes`, `1.10` and `0755` stay as they were written.
    private static func convert(_ scalar: Node.Scalar) -> JSONValue {
        let text = scalar.string
        guard scalar.style == .plain || scalar.style == .any else { return .string(text) }
        switch text {
        case "true": return .bool(true)
        case "false": return .bool(false)
        case "null", "~", "": return .null
        default: return integer(text).map(JSONValue.integer) ?? .string(text)
        }
    }

    private static func integer(_ text: String) -> Int64? {
        let digits = text.hasPrefix("-") ? text.dropFirst() : Substring(text)
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (48...57).contains($0) }),
            digits == "0" || !digits.hasPrefix("0")
        else { return nil }
        return Int64(text)
    }

    private static func place(_ mark: Mark?) -> String { mark.map { " (line \($0.line))" } ?? "" }
}
