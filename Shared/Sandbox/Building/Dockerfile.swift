import ParityProtocol

/// What a Dockerfile builds on, read as the engine's classic builder reads it: enough of the language to know every
/// image that a build needs before it starts. What this does not understand the build itself will refuse.
///
/// The builder must not find an image in it that this did not: it could be another submitter's. So everything is looked at
/// byte by byte, as engines do, and what they read differently from one version to the next is refused.
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
    /// Throws ``BuildFailure`` for what engines read differently.
    package init(_ text: String, arguments given: [String: String]) throws {
        for line in try Self.instructions(Self.lines(of: text)) {
            let words = line.utf8.split(whereSeparator: Self.isBlank).map { String(Substring($0)) }
            guard let verb = words.first?.uppercased() else { continue }
            switch verb {
            case "ARG" where stages.isEmpty: for word in words.dropFirst() { try declare(word, given) }
            case "FROM": try begin(words.dropFirst().map { try expand($0) })
            case "COPY": for word in words { if let source = Self.text(after: "--from=", in: word) { use(source) } }
            case "ONBUILD": throw BuildFailure("ONBUILD is not carried out here: it would be read by the engine alone")
            default: break
            }
            try Self.check(words, of: verb)
        }
        finalBase = stages.last?.base
    }

    private mutating func declare(_ word: String, _ given: [String: String]) throws {
        let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let standard = parts.count == 2 ? try expand(Self.unquoted(parts[1])) : nil
        if let value = given[parts[0]] ?? standard { arguments[parts[0]] = value }
    }

    private mutating func begin(_ words: [String]) {
        let plain = words.filter { Self.text(after: "--", in: $0) == nil }
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

    /// Engines take quotes and backslashes out of flags, and newer ones read documents that begin with `<<`.
    private static func check(_ words: [String], of verb: String) throws {
        if ["COPY", "ADD"].contains(verb),
            let flag = words.first(where: { word in
                text(after: "--", in: word) != nil && word.utf8.contains { "\"'\\".utf8.contains($0) }
            })
        {
            throw BuildFailure("the flag \(flag) of \(verb) holds quotes or backslashes: write it without")
        }
        if ["COPY", "ADD", "RUN"].contains(verb),
            let word = words.first(where: { word in
                let rest = Substring(word.utf8.drop { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
                return rest.utf8.starts(with: "<<".utf8) && !rest.utf8.starts(with: "<<<".utf8)
            })
        {
            throw BuildFailure("\(verb) begins a here-document, \(word), which engines read differently")
        }
    }

    private static func text(after prefix: String, in word: String) -> String? {
        word.utf8.starts(with: prefix.utf8) ? String(Substring(word.utf8.dropFirst(prefix.utf8.count))) : nil
    }

    // MARK: - Lines

    private static let (tab, newline, carriageReturn, blank, hash, backslash) = (
        UInt8(ascii: "\t"), UInt8(ascii: "\n"), UInt8(ascii: "\r"), UInt8(ascii: " "), UInt8(ascii: "#"),
        UInt8(ascii: "\\")
    )

    private static func isBlank(_ byte: UInt8) -> Bool { byte == blank || byte == tab }

    /// The lines without their ends, and without blanks behind.
    private static func lines(of text: String) throws -> [[UInt8]] {
        let mark = "\u{FEFF}".utf8
        let bytes = text.utf8.starts(with: mark) ? text.utf8.dropFirst(mark.count) : text.utf8[...]
        let lines = bytes.split(separator: newline, omittingEmptySubsequences: false)
        return try lines.enumerated().map { index, line in
            let content = line.last == carriageReturn ? line.dropLast() : line
            // A blank to some, a letter to others; or the end of a line.
            let odd = Substring(content).unicodeScalars.first {
                $0.value != UInt32(tab) && $0.value != UInt32(blank)
                    && ($0.properties.isWhitespace || $0.properties.generalCategory == .control)
            }
            if let odd {
                let code = String(odd.value, radix: 16, uppercase: true)
                throw BuildFailure(
                    "line \(index + 1) of the Dockerfile holds U+\(code): use plain blanks and line ends")
            }
            return Array(content.prefix(content.count - content.reversed().prefix(while: isBlank).count))
        }
    }

    /// Whole instructions: comments dropped, continued lines joined.
    private static func instructions(_ lines: [[UInt8]]) throws -> [String] {
        var instructions: [String] = []
        var open: [UInt8] = []
        var isOpen = false
        for (index, whole) in lines.enumerated() {
            let start = whole.drop(while: isBlank)
            if start.isEmpty { continue }
            if start.first == hash {
                try check(Array(start), index + 1)
                // To some a comment, to others the instruction's end.
                guard !isOpen || whole.first == hash else {
                    throw BuildFailure(
                        "line \(index + 1) of the Dockerfile is a comment inside an instruction, which engines read "
                            + "differently when it is indented: begin the line with #")
                }
                continue
            }
            // Blanks before a line that goes on count.
            let line = isOpen ? whole : Array(start)
            guard line.last == backslash else {
                instructions.append(String(decoding: open + line, as: UTF8.self))
                open = []
                isOpen = false
                continue
            }
            if line.dropLast().last == backslash {
                throw BuildFailure(
                    "line \(index + 1) of the Dockerfile ends with two backslashes, which engines read differently")
            }
            open += line.dropLast()
            isOpen = true
        }
        return open.isEmpty ? instructions : instructions + [String(decoding: open, as: UTF8.self)]
    }

    /// `# escape=` says which character continues a line; where it counts differs between engines.
    private static func check(_ comment: [UInt8], _ number: Int) throws {
        let words = comment.dropFirst().filter { !isBlank($0) }
        if String(decoding: words, as: UTF8.self).lowercased().hasPrefix("escape=") {
            throw BuildFailure(
                "line \(number) of the Dockerfile sets the escape character, which is not supported here")
        }
    }

    private static func unquoted(_ text: String) -> String {
        let quotes = [UInt8(ascii: "\""), UInt8(ascii: "'")]
        guard text.utf8.count >= 2, let quote = text.utf8.first, quotes.contains(quote), text.utf8.last == quote
        else { return text }
        return String(text.unicodeScalars.dropFirst().dropLast())
    }

    // MARK: - Variables

    /// `$NAME`, `${NAME}`, `${NAME:-word}` and `${NAME:+word}`.
    private func expand(_ text: String) throws -> String {
        var result = String.UnicodeScalarView()
        var rest = text.unicodeScalars[...]
        while let scalar = rest.popFirst() {
            if scalar == "\\", let next = rest.popFirst() {
                result.append(next)
            } else if scalar == "$" {
                result += try variable(&rest).unicodeScalars
            } else {
                result.append(scalar)
            }
        }
        return String(result)
    }

    private func variable(_ rest: inout Substring.UnicodeScalarView) throws -> String {
        func isName(_ scalar: Unicode.Scalar) -> Bool {
            scalar == "_" || ("0"..."9").contains(scalar) || ("a"..."z").contains(scalar)
                || ("A"..."Z").contains(scalar)
        }
        guard rest.first == "{" else {
            let name = rest.prefix(while: isName)
            rest = rest.dropFirst(name.count)
            return name.isEmpty ? "$" : arguments[String(name)] ?? ""
        }
        let inside = rest.dropFirst().prefix { $0 != "}" }
        let name = inside.prefix(while: isName)
        let modifier = inside.dropFirst(name.count)
        rest = rest.dropFirst(inside.count + 1)
        guard let close = rest.popFirst(), close == "}", !name.isEmpty else { throw Self.unreadable(inside) }
        let value = arguments[String(name)] ?? ""
        if modifier.isEmpty { return value }
        let word = String(modifier.dropFirst(2))
        // A word with an expansion of its own would end at another brace.
        guard !word.unicodeScalars.contains("$"), !word.unicodeScalars.contains("\\") else {
            throw Self.unreadable(inside)
        }
        switch String(modifier.prefix(2)) {
        case ":-": return value.isEmpty ? word : value
        case ":+": return value.isEmpty ? "" : word
        default: throw Self.unreadable(inside)
        }
    }

    private static func unreadable(_ inside: Substring.UnicodeScalarView) -> BuildFailure {
        BuildFailure("the Dockerfile expands ${\(String(inside))}, which is not understood here: write it out")
    }
}
