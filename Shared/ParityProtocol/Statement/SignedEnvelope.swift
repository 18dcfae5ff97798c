package import Crypto
import FoundationEssentials

/// A DSSE envelope (secure-systems-lab/dsse, protocol 1.0): a payload, its type, and signatures over both.
package struct SignedEnvelope: Sendable, Hashable, Codable {
    package static let inTotoPayloadType = "application/vnd.in-toto+json"

    package struct Signature: Sendable, Hashable, Codable {
        package let keyid: String
        /// Base64.
        package let sig: String
    }

    /// Base64.
    package let payload: String
    package let payloadType: String
    package let signatures: [Signature]

    /// `payload` signed by `key`.
    package static func sign(
        _ payload: [UInt8], type: String = inTotoPayloadType, with key: Curve25519.Signing.PrivateKey
    ) throws -> SignedEnvelope {
        let signature = try key.signature(for: preAuthenticationEncoding(type: type, payload: payload))
        let name = RunnerKey(key.publicKey).description
        return SignedEnvelope(
            payload: Data(payload).base64EncodedString(), payloadType: type,
            signatures: [Signature(keyid: name, sig: Data(signature).base64EncodedString())])
    }

    /// The payload, if one of the signatures is `key`'s and valid; nil otherwise.
    package func payload(verifiedBy key: RunnerKey) -> [UInt8]? {
        guard let payload = Data(base64Encoded: payload).map(Array.init) else { return nil }
        let message = Self.preAuthenticationEncoding(type: payloadType, payload: payload)
        let isSigned = signatures.prefix(8).contains { signature in
            guard signature.keyid == key.description, let bytes = Data(base64Encoded: signature.sig) else {
                return false
            }
            return key.isValidSignature(Array(bytes), for: message)
        }
        return isSigned ? payload : nil
    }

    /// PAE of the DSSE specification: lengths frame both parts, so that no two pairs share an encoding.
    static func preAuthenticationEncoding(type: String, payload: [UInt8]) -> [UInt8] {
        Array("DSSEv1 \(type.utf8.count) \(type) \(payload.count) ".utf8) + payload
    }
}
