package import FoundationEssentials

/// An identifier that is a UUID, with a type of its own so that a task's is never taken for a runner's.
package protocol Identifier: Sendable, Hashable, Codable, CustomStringConvertible {
    var uuid: UUID { get }
    init(_ uuid: UUID)
}

extension Identifier {
    /// The identifier that `text` spells (RFC 9562, any case); nil otherwise.
    package init?(_ text: String) {
        guard let uuid = UUID(uuidString: text) else { return nil }
        self.init(uuid)
    }

    /// Lower case, as every surface of Parity writes it.
    package var description: String { uuid.uuidString.lowercased() }

    package init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let uuid = UUID(uuidString: text) else {
            throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: "not a UUID"))
        }
        self.init(uuid)
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

package struct TaskID: Identifier {
    package let uuid: UUID
    package init(_ uuid: UUID) { self.uuid = uuid }
}

package struct RunnerID: Identifier {
    package let uuid: UUID
    package init(_ uuid: UUID) { self.uuid = uuid }
}

package struct BuildID: Identifier {
    package let uuid: UUID
    package init(_ uuid: UUID) { self.uuid = uuid }
}

package struct AccountID: Identifier {
    package let uuid: UUID
    package init(_ uuid: UUID) { self.uuid = uuid }
}

/// The key by which an inbox knows that it has seen a message.
package struct MessageID: Identifier {
    package let uuid: UUID
    package init(_ uuid: UUID) { self.uuid = uuid }
}

extension UUID {
    /// A UUIDv7 (RFC 9562 section 5.7): 48 bits of milliseconds since 1970, then random bits. Ids made later sort
    /// later, so that an index on them grows at its end.
    package static func v7(
        millisecondsSince1970: UInt64, using generator: inout some RandomNumberGenerator
    ) -> UUID {
        let high = millisecondsSince1970 << 16 | 0x7000 | UInt64.random(in: 0...0xFFF, using: &generator)
        let low = 0x8000_0000_0000_0000 | UInt64.random(in: 0...0x3FFF_FFFF_FFFF_FFFF, using: &generator)
        var bytes: [UInt8] = []
        for shift in stride(from: 56, through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: high >> UInt64(shift)))
        }
        for shift in stride(from: 56, through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: low >> UInt64(shift)))
        }
        return UUID(
            uuid: (
                bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7],
                bytes[8], bytes[9], bytes[10], bytes[11], bytes[12], bytes[13], bytes[14], bytes[15]
            ))
    }

    /// A UUIDv7 of now.
    package static func v7() -> UUID {
        var generator = SystemRandomNumberGenerator()
        return v7(
            millisecondsSince1970: UInt64(max(0, Date().timeIntervalSince1970 * 1000)), using: &generator)
    }
}
