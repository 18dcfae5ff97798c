/// Bytes of strangers as text that is safe to show: on one line, without control characters, without characters that
/// change the direction of writing or that nobody can see.
package enum VisibleText {
    /// `bytes` as text; what is no UTF-8 stands as `\xNN`, other invisible characters as `\u{…}`.
    package static func escape(_ bytes: some Collection<UInt8>) -> String {
        var text = ""
        var rest = Array(bytes)[...]
        while !rest.isEmpty {
            guard let (scalar, length) = firstScalar(of: rest) else {
                text += "\\x" + CollectionOfOne(rest.removeFirst()).hexadecimal
                continue
            }
            rest = rest.dropFirst(length)
            text += escape(scalar)
        }
        return text
    }

    /// As ``escape(_:)``, at most about `limit` characters, with `…` where something was left out.
    package static func escape(_ bytes: some Collection<UInt8>, limit: Int) -> String {
        // A character has at most four bytes, and at least one.
        let text = escape(bytes.prefix(limit * 4))
        return text.count > limit || bytes.count > limit * 4 ? text.prefix(limit - 1) + "…" : text
    }

    private static func escape(_ scalar: Unicode.Scalar) -> String {
        switch scalar {
        case "\\": "\\\\"
        case "\t": "\\t"
        case "\n": "\\n"
        case "\r": "\\r"
        default: isVisible(scalar) ? String(scalar) : "\\u{\(String(scalar.value, radix: 16))}"
        }
    }

    private static func isVisible(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
        default: true
        }
    }

    private static func firstScalar(of bytes: ArraySlice<UInt8>) -> (Unicode.Scalar, length: Int)? {
        guard let first = bytes.first else { return nil }
        if first < 0x80 { return (Unicode.Scalar(first), 1) }
        let length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2
        guard first >= 0xC2, bytes.count >= length,
            let text = String(validating: bytes.prefix(length), as: UTF8.self), let scalar = text.unicodeScalars.first
        else { return nil }
        return (scalar, length)
    }
}
