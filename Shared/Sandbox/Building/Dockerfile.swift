/// What a Dockerfile builds on, read as the engine's classic builder reads it: enough of the language to know every
/// image that a build needs before it starts. What this does not understand the build itself will refuse.
package struct Dockerfile: Sendable, Equatable {
    /// The images of `FROM` and `COPY --from`, each once, in order.
    package private(set) var references: [String] = []
    /// What the last stage stands on in the end; nil for `scratch`.
    package private(set) var finalBase: String?

    /// The base of every stage so far, by number and by name.
    private var stages: [(name: String?, base: String?)] = []
    private var arguments: [String: String] = [:]

    package static func == (left: Dockerfile, right: Dockerfile) -> Bool {
        left.references == right.references && left.finalBase == right.finalBase
    }

    /// `given` are the values of build arguments; they count for `FROM` only where an `ARG` before it declares them.
    package init(_ text: String, arguments given: [String: String]) {
        let escape = Self.escapeCharacter(text)
        for line in Self.instructions(text, escape: escape) {
            let words = line.split(whereSeparator: \.isWhitespace).map(String.init)
            guard let verb = words.first?.uppercased() else { continue }
            switch verb {
            case "ARG" where stages.isEmpty: for word in words.dropFirst() { declare(word, given, escape) }
            case "FROM": begin(words.dropFirst().map { expand($0, escape) })
            case "COPY": for word in words where word.hasPrefix("--from=") { use(String(word.dropFirst(7))) }
            default: break
            }
        }
        finalBase = stages.last?.base
    }

    private mutating func declare(_ word: String, _ given: [String: String], _ escape: Character) {
        let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let standard = parts.count == 2 ? expand(Self.unquoted(parts[1]), escape) : nil
        if let value = given[parts[0]] ?? standard { arguments[parts[0]] = value }
    }

    private mutating func begin(_ words: [String]) {
        let plain = words.filter { !$0.hasPrefix("--") }
        guard let image = plain.first else { return }
        let name = plain.count == 3 && plain[1].lowercased() == "as" ? plain[2].lowercased() : nil
        if let earlier = stages.last(where: { $0.name == image.lowercased() }) {
            stages.append((name, earlier.base))
        } else if image == "scratch" {
            stages.append((name, nil))
        } else {
            add(image)
            stages.append((name, image))
        }
    }

    private mutating func use(_ source: String) {
        if let number = Int(source), stages.indices.contains(number) { return }
        if stages.contains(where: { $0.name == source.lowercased() }) { return }
        add(source)
    }

    private mutating func add(_ image: String) {
        if !references.contains(image) { references.append(image) }
    }

    // MARK: - Lines

    /// `# escape=` among the directives at the top.
    private static func escapeCharacter(_ text: String) -> Character {
        for line in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) {
            let parts = line.drop(while: \.isWhitespace).dropFirst().split(separator: "=", maxSplits: 1)
            guard line.drop(while: \.isWhitespace).first == "#", parts.count == 2 else { break }
            let name = parts[0].filter { !$0.isWhitespace }.lowercased()
            if name == "escape", parts[1].filter({ !$0.isWhitespace }) == "`" { return "`" }
        }
        return "\\"
    }

    /// Whole instructions: comments dropped, continued lines joined.
    private static func instructions(_ text: String, escape: Character) -> [String] {
        var instructions: [String] = []
        var open = ""
        for line in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) {
            let content = line.drop(while: \.isWhitespace)
            if content.first == "#" || content.isEmpty { continue }
            var end = content[...]
            while end.last?.isWhitespace == true { end.removeLast() }
            if end.last == escape {
                open += end.dropLast()
                continue
            }
            instructions.append(open + content)
            open = ""
        }
        return open.isEmpty ? instructions : instructions + [open]
    }

    private static func unquoted(_ text: String) -> String {
        guard text.count >= 2, let quote = text.first, quote == "\"" || quote == "'", text.last == quote else {
            return text
        }
        return String(text.dropFirst().dropLast())
    }

    // MARK: - Variables

    /// `$NAME`, `${NAME}`, `${NAME:-word}` and `${NAME:+word}`.
    private func expand(_ text: String, _ escape: Character) -> String {
        var result = ""
        var rest = text[...]
        while let character = rest.popFirst() {
            if character == escape, let next = rest.popFirst() {
                result.append(next)
            } else if character == "$" {
                result += variable(&rest)
            } else {
                result.append(character)
            }
        }
        return result
    }

    private func variable(_ rest: inout Substring) -> String {
        guard rest.first == "{" else {
            let name = rest.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
            rest = rest.dropFirst(name.count)
            return name.isEmpty ? "$" : arguments[String(name)] ?? ""
        }
        guard let close = rest.firstIndex(of: "}") else { return "$" }
        let inside = rest[rest.index(after: rest.startIndex)..<close]
        rest = rest[rest.index(after: close)...]
        guard let colon = inside.firstIndex(of: ":") else { return arguments[String(inside)] ?? "" }
        let value = arguments[String(inside[..<colon])] ?? ""
        let word = inside[inside.index(after: colon)...]
        switch word.first {
        case "-": return value.isEmpty ? String(word.dropFirst()) : value
        case "+": return value.isEmpty ? "" : String(word.dropFirst())
        default: return value
        }
    }
}
