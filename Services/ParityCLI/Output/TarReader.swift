import NIOCore

/// One entry of an archive.
struct TarEntry: Sendable, Equatable {
    enum Kind: Sendable, Equatable {
        case file(executable: Bool)
        case directory
        case symlink(target: String)
        /// A device, a hard link or anything else that an output does not hold.
        case other(UInt8)
    }

    var path: String
    var kind: Kind
    var size: Int64
}

/// Reads a tar archive as it comes: POSIX.1-1988 ustar headers, POSIX.1-2001 `x` records, and GNU's long names.
struct TarReader<Source: AsyncIteratorProtocol> where Source.Element == ByteBuffer {
    /// Extended headers hold a path or two.
    static var maximumExtensionBytes: Int64 { 1 << 20 }

    private var source: Source
    private var buffer = ByteBuffer()
    /// What is left of the current entry's content, and the zeros that fill its last block.
    private var remaining: Int64 = 0
    private var padding: Int64 = 0

    init(_ source: Source) { self.source = source }

    /// The next entry; nil at the end. Skips what was not read of the entry before. Throws ``CommandFailure`` when
    /// the bytes are no tar archive or end early.
    mutating func next() async throws -> TarEntry? {
        var extended: [String: String] = [:]
        while true {
            while try await read(upTo: 1 << 20) != nil {}
            try await skip(padding)
            padding = 0
            guard let header = try await header() else { return nil }
            remaining = header.size
            padding = (512 - header.size % 512) % 512
            switch header.type {
            case UInt8(ascii: "x"): extended.merge(Self.records(try await extensionBytes())) { _, new in new }
            case UInt8(ascii: "g"): _ = try await extensionBytes()
            case UInt8(ascii: "L"): extended["path"] = Self.text(try await extensionBytes()[...])
            case UInt8(ascii: "K"): extended["linkpath"] = Self.text(try await extensionBytes()[...])
            default: return try entry(header, extended)
            }
        }
    }

    /// Up to `limit` bytes of the current entry's content; nil when all of it was read.
    mutating func read(upTo limit: Int) async throws -> ByteBuffer? {
        guard remaining > 0 else { return nil }
        if buffer.readableBytes == 0 { try await fill() }
        let count = Int(min(Int64(min(limit, buffer.readableBytes)), remaining))
        remaining -= Int64(count)
        return buffer.readSlice(length: count)
    }

    private mutating func entry(_ header: Header, _ extended: [String: String]) throws -> TarEntry {
        if let text = extended["size"] {
            guard let size = Int64(text), size >= 0 else { throw Self.broken("a size is not a number") }
            remaining = size
            padding = (512 - size % 512) % 512
        }
        let kind: TarEntry.Kind
        switch header.type {
        case UInt8(ascii: "0"), 0: kind = .file(executable: header.mode & 0o111 != 0)
        case UInt8(ascii: "5"): kind = .directory
        case UInt8(ascii: "2"): kind = .symlink(target: extended["linkpath"] ?? header.target)
        default: kind = .other(header.type)
        }
        return TarEntry(path: extended["path"] ?? header.path, kind: kind, size: remaining)
    }

    // MARK: - Headers

    private struct Header {
        var path: String
        var target: String
        var type: UInt8
        var size: Int64
        var mode: Int64
    }

    /// nil at the end of the archive: a block of zeros, or the end of the bytes at a block's border.
    private mutating func header() async throws -> Header? {
        while buffer.readableBytes < 512 {
            let before = buffer.readableBytes
            do { try await fill() } catch let failure as CommandFailure where before > 0 {
                throw failure
            } catch is EndOfBytes { return nil }
        }
        guard let block = buffer.readBytes(length: 512) else { return nil }
        if block.allSatisfy({ $0 == 0 }) { return nil }
        let sum = block.enumerated().reduce(0) { $0 + ((148..<156).contains($1.offset) ? 32 : Int64($1.element)) }
        guard Self.number(block[148..<156]) == sum else { throw Self.broken("a header's checksum is wrong") }
        guard let size = Self.number(block[124..<136]), let mode = Self.number(block[100..<108]) else {
            throw Self.broken("a header's number is wrong")
        }
        let isUstar = block[257..<262].elementsEqual("ustar".utf8)
        let prefix = isUstar ? Self.text(block[345..<500]) : ""
        let name = Self.text(block[0..<100])
        return Header(
            path: prefix.isEmpty ? name : "\(prefix)/\(name)", target: Self.text(block[157..<257]), type: block[156],
            size: size, mode: mode)
    }

    /// Octal digits, or GNU's base 256 (first bit set) for what does not fit; nil otherwise.
    private static func number(_ field: ArraySlice<UInt8>) -> Int64? {
        if let first = field.first, first & 0x80 != 0 {
            let start = Int64(first & 0x7F)
            return field.dropFirst().reduce(start) { value, byte in
                value.map { $0 > Int64.max >> 9 ? nil : $0 << 8 | Int64(byte) } ?? nil
            }
        }
        let digits = field.drop { $0 == 0x20 }.prefix { (48...55).contains($0) }
        if digits.isEmpty { return 0 }
        return Int64(String(decoding: digits, as: UTF8.self), radix: 8)
    }

    private static func text(_ field: ArraySlice<UInt8>) -> String {
        String(decoding: field.prefix { $0 != 0 }, as: UTF8.self)
    }

    /// `25 path=some/long/name\n` and so on (POSIX pax, "extended header").
    private static func records(_ bytes: [UInt8]) -> [String: String] {
        var records: [String: String] = [:]
        var rest = bytes[...]
        while let space = rest.firstIndex(of: 0x20), let length = Int(String(decoding: rest[..<space], as: UTF8.self)),
            length > space - rest.startIndex + 1, length <= rest.count
        {
            let record = rest[(space + 1)..<(rest.startIndex + length)].dropLast()
            if let equals = record.firstIndex(of: UInt8(ascii: "=")) {
                records[String(decoding: record[..<equals], as: UTF8.self)] = String(
                    decoding: record[(equals + 1)...], as: UTF8.self)
            }
            rest = rest[(rest.startIndex + length)...]
        }
        return records
    }

    // MARK: - Bytes

    private struct EndOfBytes: Error {}

    private mutating func extensionBytes() async throws -> [UInt8] {
        guard remaining <= Self.maximumExtensionBytes else { throw Self.broken("an extended header is too long") }
        var bytes: [UInt8] = []
        while let piece = try await read(upTo: 1 << 16) { bytes.append(contentsOf: piece.readableBytesView) }
        return bytes
    }

    private mutating func skip(_ count: Int64) async throws {
        var left = count
        while left > 0 {
            if buffer.readableBytes == 0 { try await fill() }
            let step = min(Int64(buffer.readableBytes), left)
            buffer.moveReaderIndex(forwardBy: Int(step))
            left -= step
        }
    }

    private mutating func fill() async throws {
        guard var chunk = try await source.next(isolation: #isolation) else {
            if buffer.readableBytes == 0, remaining == 0 { throw EndOfBytes() }
            throw Self.broken("it ends early")
        }
        buffer.discardReadBytes()
        buffer.writeBuffer(&chunk)
    }

    private static func broken(_ what: String) -> CommandFailure {
        CommandFailure(.failure, "the archive cannot be read: \(what)")
    }
}
