/// Why a text is not the JSON that Parity accepts, and where.
package struct JSONError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Byte offset of the fault.
    package let offset: Int
    package let message: String
    package var description: String { "\(message) at byte \(offset)" }
}

extension JSONValue {
    /// Deeper nesting than this is refused: no spec needs it, and recursion must end.
    package static let maximumDepth = 64

    /// The value that `bytes` spell, strictly by RFC 8259 and I-JSON (RFC 7493): UTF-8, no duplicate names, no
    /// lone surrogates; integers within ±(2^53-1), and no fractions or exponents, since a spec is hashed.
    package static func parse(_ bytes: [UInt8]) throws(JSONError) -> JSONValue {
        var parser = JSONParser(bytes: bytes)
        return try parser.parseDocument()
    }
}

private struct JSONParser {
    let bytes: [UInt8]
    var position = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    func fault(_ message: String) -> JSONError { JSONError(offset: position, message: message) }

    var current: UInt8? { position < bytes.count ? bytes[position] : nil }

    mutating func skipSpace() {
        while let byte = current, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { position += 1 }
    }

    mutating func parseDocument() throws(JSONError) -> JSONValue {
        skipSpace()
        let value = try parseValue(depth: 0)
        skipSpace()
        guard position == bytes.count else { throw fault("unexpected text after the value") }
        return value
    }

    mutating func parseValue(depth: Int) throws(JSONError) -> JSONValue {
        guard depth < JSONValue.maximumDepth else { throw fault("nested deeper than \(JSONValue.maximumDepth) levels") }
        guard let byte = current else { throw fault("the text ends where a value is expected") }
        switch byte {
        case UInt8(ascii: "{"): return try parseObject(depth: depth)
        case UInt8(ascii: "["): return try parseArray(depth: depth)
        case UInt8(ascii: "\""): return .string(try parseString())
        case UInt8(ascii: "t"): return try parseWord("true", .bool(true))
        case UInt8(ascii: "f"): return try parseWord("false", .bool(false))
        case UInt8(ascii: "n"): return try parseWord("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try parseInteger()
        default: throw fault("a value cannot start here")
        }
    }

    mutating func parseWord(_ word: String, _ value: JSONValue) throws(JSONError) -> JSONValue {
        guard bytes[position...].starts(with: word.utf8) else { throw fault("expected \(word)") }
        position += word.utf8.count
        return value
    }

    mutating func parseObject(depth: Int) throws(JSONError) -> JSONValue {
        position += 1
        var members: [String: JSONValue] = [:]
        skipSpace()
        if current == UInt8(ascii: "}") {
            position += 1
            return .object(members)
        }
        while true {
            skipSpace()
            guard current == UInt8(ascii: "\"") else { throw fault("expected a member name in quotes") }
            let start = position
            let name = try parseString()
            guard members[name] == nil else {
                throw JSONError(offset: start, message: "the member \"\(name)\" stands twice")
            }
            skipSpace()
            guard current == UInt8(ascii: ":") else { throw fault("expected ':'") }
            position += 1
            skipSpace()
            members[name] = try parseValue(depth: depth + 1)
            skipSpace()
            if current == UInt8(ascii: ",") {
                position += 1
                continue
            }
            guard current == UInt8(ascii: "}") else { throw fault("expected ',' or '}'") }
            position += 1
            return .object(members)
        }
    }

    mutating func parseArray(depth: Int) throws(JSONError) -> JSONValue {
        position += 1
        var elements: [JSONValue] = []
        skipSpace()
        if current == UInt8(ascii: "]") {
            position += 1
            return .array(elements)
        }
        while true {
            skipSpace()
            elements.append(try parseValue(depth: depth + 1))
            skipSpace()
            if current == UInt8(ascii: ",") {
                position += 1
                continue
            }
            guard current == UInt8(ascii: "]") else { throw fault("expected ',' or ']'") }
            position += 1
            return .array(elements)
        }
    }

    mutating func parseInteger() throws(JSONError) -> JSONValue {
        let start = position
        if current == UInt8(ascii: "-") { position += 1 }
        let digits = position
        while let byte = current, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
        guard position > digits else { throw fault("expected a digit") }
        if bytes[digits] == UInt8(ascii: "0"), position > digits + 1 { throw fault("a number has a leading zero") }
        if let byte = current, byte == UInt8(ascii: ".") || byte | 0x20 == UInt8(ascii: "e") {
            throw fault("only integers are allowed")
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        guard let value = Int64(text), value.magnitude < 1 << 53 else {
            throw JSONError(offset: start, message: "the integer is outside ±(2^53-1)")
        }
        return .integer(value)
    }

    mutating func parseString() throws(JSONError) -> String {
        position += 1
        var text: [UInt8] = []
        while let byte = current {
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let string = String(validating: text, as: UTF8.self) else {
                    throw fault("a string is not valid UTF-8")
                }
                return string
            case UInt8(ascii: "\\"): try parseEscape(into: &text)
            case 0..<0x20: throw fault("a control character stands unescaped in a string")
            default: text.append(byte)
            }
        }
        throw fault("a string does not end")
    }

    mutating func parseEscape(into text: inout [UInt8]) throws(JSONError) {
        guard let byte = current else { throw fault("a string does not end") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"): text.append(contentsOf: Character(try parseUnicodeEscape()).utf8)
        default: throw fault("unknown escape in a string")
        }
    }

    mutating func parseUnicodeEscape() throws(JSONError) -> Unicode.Scalar {
        let first = try parseHexUnit()
        if let scalar = Unicode.Scalar(UInt32(first)) { return scalar }
        guard UTF16.isLeadSurrogate(first), current == UInt8(ascii: "\\") else { throw fault("a lone surrogate") }
        position += 1
        guard current == UInt8(ascii: "u") else { throw fault("a lone surrogate") }
        position += 1
        let second = try parseHexUnit()
        guard UTF16.isTrailSurrogate(second) else { throw fault("a lone surrogate") }
        let value = 0x10000 + ((UInt32(first) - 0xD800) << 10) + (UInt32(second) - 0xDC00)
        guard let scalar = Unicode.Scalar(value) else { throw fault("a lone surrogate") }
        return scalar
    }

    mutating func parseHexUnit() throws(JSONError) -> UInt16 {
        guard position + 4 <= bytes.count else { throw fault("a \\u escape needs four hex digits") }
        var value: UInt16 = 0
        for byte in bytes[position..<position + 4] {
            guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw fault("a \\u escape needs four hex digits")
            }
            value = value << 4 | UInt16(digit)
        }
        position += 4
        return value
    }
}
