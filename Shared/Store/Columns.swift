import FoundationEssentials
package import ParityProtocol
package import PostgresClient

// How the protocol's own types stand in columns: ids as uuid, digests as bytea, enums as text.

extension Identifier {
    package var postgresValue: PostgresValue { .uuid(uuid) }
    package static func decode(_ cell: PostgresCell) throws(PostgresError) -> Self { Self(try UUID.decode(cell)) }
}
extension TaskID: PostgresEncodable, PostgresDecodable {}
extension RunnerID: PostgresEncodable, PostgresDecodable {}
extension BuildID: PostgresEncodable, PostgresDecodable {}
extension AccountID: PostgresEncodable, PostgresDecodable {}
extension MessageID: PostgresEncodable, PostgresDecodable {}

extension Digest: PostgresEncodable, PostgresDecodable {
    package var postgresValue: PostgresValue { .bytea(bytes) }
    package static func decode(_ cell: PostgresCell) throws(PostgresError) -> Digest {
        guard let digest = Digest(bytes: try [UInt8].decode(cell)) else {
            throw PostgresError(code: .decoding, message: "a digest column does not hold 32 bytes")
        }
        return digest
    }
}

extension Amount: PostgresEncodable, PostgresDecodable {
    package var postgresValue: PostgresValue { .int8(units) }
    package static func decode(_ cell: PostgresCell) throws(PostgresError) -> Amount {
        guard let amount = Amount(units: try Int64.decode(cell)) else {
            throw PostgresError(code: .decoding, message: "an amount column holds a negative or too large number")
        }
        return amount
    }
}

/// An enum that stands in a column as its raw text.
package protocol TextColumn: PostgresEncodable, PostgresDecodable, RawRepresentable where RawValue == String {}

extension TextColumn {
    package var postgresValue: PostgresValue { .text(rawValue) }
    package static func decode(_ cell: PostgresCell) throws(PostgresError) -> Self {
        let text = try String.decode(cell)
        guard let value = Self(rawValue: text) else {
            throw PostgresError(code: .decoding, message: "a column holds \(text), which is no \(Self.self)")
        }
        return value
    }
}

extension Outcome: TextColumn {}
extension TaskState: TextColumn {}
extension ReplicaState: TextColumn {}
extension BuildState: TextColumn {}
extension VerdictKind: TextColumn {}
extension EventType: TextColumn {}

extension Duration {
    /// Whole milliseconds, for intervals that SQL computes.
    package var milliseconds: Int64 {
        components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
    }
}
