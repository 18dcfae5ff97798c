package import Crypto
import FoundationEssentials

/// A runner's public key: Ed25519 (RFC 8032), written `ed25519:` and 64 lower-case hex digits.
package struct RunnerKey: Sendable, Hashable, CustomStringConvertible {
    /// Exactly 32 bytes.
    package let bytes: [UInt8]

    package init?(_ text: some StringProtocol) {
        guard text.hasPrefix("ed25519:"), let bytes = [UInt8](lowercaseHex: text.dropFirst(8)) else { return nil }
        self.init(bytes: bytes)
    }

    package init?(bytes: some Sequence<UInt8>) {
        self.bytes = Array(bytes)
        guard self.bytes.count == 32 else { return nil }
    }

    package init(_ key: Curve25519.Signing.PublicKey) { bytes = Array(key.rawRepresentation) }

    package var description: String { "ed25519:" + bytes.hexadecimal }

    /// Whether `signature` is this key's over `message`.
    package func isValidSignature(_ signature: [UInt8], for message: [UInt8]) -> Bool {
        guard let key = try? Curve25519.Signing.PublicKey(rawRepresentation: bytes) else { return false }
        return key.isValidSignature(signature, for: message)
    }
}

extension RunnerKey: Codable {
    package init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let key = RunnerKey(text) else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "not a key of the form ed25519:<64 hex digits>")
            )
        }
        self = key
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
