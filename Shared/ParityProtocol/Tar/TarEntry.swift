/// One member of a tar archive (POSIX.1-2001 ustar with pax extensions, as Docker speaks it).
package struct TarEntry: Sendable, Hashable {
    package enum Kind: Sendable, Hashable {
        case file
        case directory
        case symlink
        case hardlink
        /// Devices, pipes and whatever else: never taken over.
        case other(UInt8)
    }

    package var path: [UInt8]
    package var kind: Kind
    package var mode: Int
    package var size: Int64
    /// The target of a link.
    package var link: [UInt8]
    package var owner: Int

    package init(
        path: [UInt8], kind: Kind, mode: Int = 0o644, size: Int64 = 0, link: [UInt8] = [], owner: Int = 0
    ) {
        self.path = path
        self.kind = kind
        self.mode = mode
        self.size = size
        self.link = link
        self.owner = owner
    }

    /// The headers that stand before the content. Times are zero, so equal trees make equal archives.
    package func headerBytes() -> [UInt8] {
        var bytes: [UInt8] = []
        var records: [UInt8] = []
        if path.count > 100 { records += Self.paxRecord("path", path) }
        if link.count > 100 { records += Self.paxRecord("linkpath", link) }
        if size >= 1 << 33 { records += Self.paxRecord("size", Array(String(size).utf8)) }
        if !records.isEmpty {
            let extended = TarEntry(
                path: Array("pax".utf8), kind: .other(UInt8(ascii: "x")), size: Int64(records.count))
            bytes += extended.block() + records + Self.padding(after: Int64(records.count))
        }
        return bytes + block()
    }

    /// Zero bytes up to the next block of 512.
    package static func padding(after size: Int64) -> [UInt8] {
        Array(repeating: 0, count: Int((512 - size % 512) % 512))
    }

    /// What ends an archive.
    package static let trailer = [UInt8](repeating: 0, count: 1024)

    private static func paxRecord(_ key: String, _ value: [UInt8]) -> [UInt8] {
        let rest = Array(" \(key)=".utf8) + value + [UInt8(ascii: "\n")]
        var length = rest.count + 1
        // The length counts its own digits.
        while String(length).utf8.count + rest.count != length { length = String(length).utf8.count + rest.count }
        return Array(String(length).utf8) + rest
    }

    private func block() -> [UInt8] {
        var block = [UInt8](repeating: 0, count: 512)
        func put(_ bytes: some Sequence<UInt8>, at offset: Int, limit: Int) {
            for (index, byte) in bytes.prefix(limit).enumerated() { block[offset + index] = byte }
        }
        func octal(_ value: Int64, at offset: Int, digits: Int) {
            let text = String(value, radix: 8)
            put((String(repeating: "0", count: max(0, digits - text.count)) + text).utf8, at: offset, limit: digits)
        }
        put(path, at: 0, limit: 100)
        octal(Int64(mode), at: 100, digits: 7)
        octal(Int64(owner), at: 108, digits: 7)
        octal(Int64(owner), at: 116, digits: 7)
        octal(size < 1 << 33 ? size : 0, at: 124, digits: 11)
        octal(0, at: 136, digits: 11)
        block[156] = typeFlag
        put(link, at: 157, limit: 100)
        put("ustar\0".utf8, at: 257, limit: 6)
        put("00".utf8, at: 263, limit: 2)
        put("        ".utf8, at: 148, limit: 8)
        octal(block.reduce(0) { $0 + Int64($1) }, at: 148, digits: 6)
        block[154] = 0
        block[155] = UInt8(ascii: " ")
        return block
    }

    private var typeFlag: UInt8 {
        switch kind {
        case .file: UInt8(ascii: "0")
        case .hardlink: UInt8(ascii: "1")
        case .symlink: UInt8(ascii: "2")
        case .directory: UInt8(ascii: "5")
        case .other(let flag): flag
        }
    }
}
