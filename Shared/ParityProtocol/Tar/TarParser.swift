/// Why an archive cannot be read.
package struct TarError: Error, Sendable, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}

/// Reads a tar archive piece by piece in constant memory. Nothing in it is believed: sizes are bounded where they are
/// stored, and names are only bytes.
package struct TarParser: Sendable {
    package enum Event: Sendable {
        case entry(TarEntry)
        /// Content of the entry announced last.
        case content([UInt8])
        case endOfEntry
    }

    private enum State: Sendable {
        case header
        case content(remaining: Int64, padding: Int)
        case extended(TarExtension, remaining: Int64, padding: Int, collected: [UInt8])
        case padding(Int)
        case ended
    }

    private enum TarExtension: Sendable { case pax, global, longName, longLink }

    private var state = State.header
    private var buffer: [UInt8] = []
    private var longPath: [UInt8]?
    private var longLink: [UInt8]?
    private var longSize: Int64?
    /// Extended headers hold paths; 64 KiB is more than any system's.
    private static let maximumExtension: Int64 = 65_536
    /// Far above any file, far below where adding to it could overflow.
    private static let maximumSize: Int64 = 1 << 53

    package init() {}

    /// Whether the end marker was seen.
    package var isAtEnd: Bool { if case .ended = state { true } else { false } }

    /// Takes the next bytes in and says what they hold.
    package mutating func feed(_ bytes: [UInt8]) throws(TarError) -> [Event] {
        var events: [Event] = []
        var input = bytes[...]
        while !input.isEmpty {
            switch state {
            case .ended: return events
            case .header:
                let take = input.prefix(512 - buffer.count)
                buffer += take
                input = input.dropFirst(take.count)
                if buffer.count == 512 {
                    let block = buffer
                    buffer = []
                    try readHeader(block, into: &events)
                }
            case .content(let remaining, let padding):
                let take = input.prefix(Int(min(remaining, Int64(input.count))))
                events.append(.content(Array(take)))
                input = input.dropFirst(take.count)
                let left = remaining - Int64(take.count)
                if left == 0 {
                    events.append(.endOfEntry)
                    state = padding == 0 ? .header : .padding(padding)
                } else {
                    state = .content(remaining: left, padding: padding)
                }
            case .extended(let kind, let remaining, let padding, var collected):
                let take = input.prefix(Int(min(remaining, Int64(input.count))))
                collected += take
                input = input.dropFirst(take.count)
                let left = remaining - Int64(take.count)
                if left == 0 {
                    try apply(kind, collected)
                    state = padding == 0 ? .header : .padding(padding)
                } else {
                    state = .extended(kind, remaining: left, padding: padding, collected: collected)
                }
            case .padding(let count):
                let take = min(count, input.count)
                input = input.dropFirst(take)
                state = take == count ? .header : .padding(count - take)
            }
        }
        return events
    }

    private mutating func readHeader(_ block: [UInt8], into events: inout [Event]) throws(TarError) {
        if block.allSatisfy({ $0 == 0 }) {
            state = .ended
            return
        }
        let sum = try Self.number(block[148..<156])
        let actual = block.enumerated().reduce(Int64(0)) {
            $0 + ((148..<156).contains($1.offset) ? 32 : Int64($1.element))
        }
        guard sum == actual else { throw TarError("a header's checksum is wrong") }
        let flag = block[156]
        var size = try Self.number(block[124..<136])
        guard (0...Self.maximumSize).contains(size) else { throw TarError("a size out of range") }
        if let kind = Self.extensionKind(flag) {
            guard size <= Self.maximumExtension else { throw TarError("an extended header is too large") }
            let padding = TarEntry.padding(after: size).count
            state = size == 0 ? .header : .extended(kind, remaining: size, padding: padding, collected: [])
            return
        }
        size = longSize ?? size
        var entry = TarEntry(
            path: longPath ?? Self.path(block), kind: Self.kind(flag),
            mode: Int(truncatingIfNeeded: try Self.number(block[100..<108])), size: size,
            link: longLink ?? Self.text(block[157..<257]))
        (longPath, longLink, longSize) = (nil, nil, nil)
        if entry.kind != .file { entry.size = 0 }
        events.append(.entry(entry))
        if entry.size == 0 {
            events.append(.endOfEntry)
            // Content of what has none by its kind is skipped.
            state =
                entry.kind == .file || size == 0 || entry.kind == .hardlink || entry.kind == .directory
                ? .header : .padding(Int(size) + TarEntry.padding(after: size).count)
        } else {
            state = .content(remaining: entry.size, padding: TarEntry.padding(after: entry.size).count)
        }
    }

    private static func extensionKind(_ flag: UInt8) -> TarExtension? {
        switch flag {
        case UInt8(ascii: "x"): .pax
        case UInt8(ascii: "g"): .global
        case UInt8(ascii: "L"): .longName
        case UInt8(ascii: "K"): .longLink
        default: nil
        }
    }

    private static func kind(_ flag: UInt8) -> TarEntry.Kind {
        switch flag {
        case 0, UInt8(ascii: "0"): .file
        case UInt8(ascii: "1"): .hardlink
        case UInt8(ascii: "2"): .symlink
        case UInt8(ascii: "5"): .directory
        default: .other(flag)
        }
    }

    private mutating func apply(_ kind: TarExtension, _ bytes: [UInt8]) throws(TarError) {
        switch kind {
        case .global: break
        case .longName: longPath = Self.text(bytes[...])
        case .longLink: longLink = Self.text(bytes[...])
        case .pax:
            var rest = bytes[...]
            while !rest.isEmpty {
                guard let space = rest.firstIndex(of: UInt8(ascii: " ")),
                    let length = Int(String(decoding: rest[..<space], as: UTF8.self)), length > 0,
                    length <= rest.count, rest.startIndex + length > space
                else { throw TarError("a malformed pax record") }
                let record = rest[(space + 1)..<(rest.startIndex + length)].dropLast()
                rest = rest.dropFirst(length)
                guard let equals = record.firstIndex(of: UInt8(ascii: "=")) else {
                    throw TarError("a malformed pax record")
                }
                let value = Array(record[(equals + 1)...])
                switch String(decoding: record[..<equals], as: UTF8.self) {
                case "path": longPath = value
                case "linkpath": longLink = value
                case "size":
                    guard let size = Int64(String(decoding: value, as: UTF8.self)),
                        (0...Self.maximumSize).contains(size)
                    else {
                        throw TarError("a malformed size")
                    }
                    longSize = size
                default: break
                }
            }
        }
    }

    private static func path(_ block: [UInt8]) -> [UInt8] {
        let name = text(block[0..<100])
        guard block[257..<263].elementsEqual("ustar\0".utf8) else { return name }
        let prefix = text(block[345..<500])
        return prefix.isEmpty ? name : prefix + [UInt8(ascii: "/")] + name
    }

    private static func text(_ field: ArraySlice<UInt8>) -> [UInt8] { Array(field.prefix { $0 != 0 }) }

    /// An octal number, or GNU's binary form for large ones.
    private static func number(_ field: ArraySlice<UInt8>) throws(TarError) -> Int64 {
        if let first = field.first, first & 0x80 != 0 {
            var value: Int64 = Int64(first & 0x3F)
            for byte in field.dropFirst() {
                guard value < 1 << 54 else { throw TarError("a number is too large") }
                value = value << 8 | Int64(byte)
            }
            return value
        }
        let digits = field.drop { $0 == 32 }.prefix { $0 != 0 && $0 != 32 }
        if digits.isEmpty { return 0 }
        guard let value = Int64(String(decoding: digits, as: UTF8.self), radix: 8) else {
            throw TarError("a malformed number")
        }
        return value
    }
}
