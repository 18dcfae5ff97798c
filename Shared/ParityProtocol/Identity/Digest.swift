import Crypto

/// A SHA-256 digest (FIPS 180-4), written `sha256:` and 64 lower-case hex digits.
package struct Digest: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// Exactly 32 bytes.
    package let bytes: [UInt8]

    /// The digest that `text` spells; nil unless it is exactly the canonical spelling.
    package init?(_ text: some StringProtocol) {
        guard text.hasPrefix("sha256:"), let bytes = [UInt8](lowercaseHex: text.dropFirst(7)), bytes.count == 32 else {
            return nil
        }
        self.bytes = bytes
    }

    /// The digest with these 32 bytes; nil for any other count.
    package init?(bytes: some Sequence<UInt8>) {
        self.bytes = Array(bytes)
        guard self.bytes.count == 32 else { return nil }
    }

    fileprivate init(_ digest: SHA256Digest) { bytes = Array(digest) }

    package static func sha256(of bytes: some Sequence<UInt8>) -> Digest {
        var hasher = DigestHasher()
        hasher.update(Array(bytes))
        return hasher.finalize()
    }

    package var hex: String { bytes.hexadecimal }
    package var description: String { "sha256:" + hex }

    package static func < (left: Digest, right: Digest) -> Bool { left.bytes.lexicographicallyPrecedes(right.bytes) }
}

extension Digest: Codable {
    package init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let digest = Digest(text) else {
            throw DecodingError.dataCorrupted(
                .init(
                    codingPath: decoder.codingPath, debugDescription: "not a digest of the form sha256:<64 hex digits>")
            )
        }
        self = digest
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

/// SHA-256 over a stream, in constant memory.
package struct DigestHasher: Sendable {
    private var state = SHA256()
    /// How many bytes went in.
    package private(set) var count: Int64 = 0

    package init() {}

    package mutating func update(_ bytes: some ContiguousBytesView) {
        bytes.withContiguousBytes { buffer in
            state.update(bufferPointer: buffer)
            count += Int64(buffer.count)
        }
    }

    package consuming func finalize() -> Digest { Digest(state.finalize()) }
}

/// Bytes that lie in one piece of memory; what a hasher can take without a copy.
package protocol ContiguousBytesView {
    func withContiguousBytes(_ body: (UnsafeRawBufferPointer) -> Void)
}

extension Array: ContiguousBytesView where Element == UInt8 {
    package func withContiguousBytes(_ body: (UnsafeRawBufferPointer) -> Void) { withUnsafeBytes(body) }
}

extension ArraySlice: ContiguousBytesView where Element == UInt8 {
    package func withContiguousBytes(_ body: (UnsafeRawBufferPointer) -> Void) { withUnsafeBytes(body) }
}

extension UnsafeRawBufferPointer: ContiguousBytesView {
    package func withContiguousBytes(_ body: (UnsafeRawBufferPointer) -> Void) { body(self) }
}
