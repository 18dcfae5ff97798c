package import FoundationEssentials

/// One value of a row: its type and its bytes, nil for NULL.
package struct PostgresCell: Sendable {
    package let column: String
    let oid: UInt32
    let bytes: [UInt8]?

    var required: [UInt8] {
        get throws(PostgresError) {
            guard let bytes else { throw mismatch("a value") }
            return bytes
        }
    }

    func mismatch(_ wanted: String) -> PostgresError {
        let found = bytes == nil ? "NULL" : "type \(oid)"
        return PostgresError(code: .decoding, message: "column \(column): expected \(wanted), found \(found)")
    }

    /// A big-endian integer of exactly this width.
    func integer<T: FixedWidthInteger>(_: T.Type) throws(PostgresError) -> T {
        let bytes = try required
        guard bytes.count == MemoryLayout<T>.size else { throw mismatch("\(T.self)") }
        return bytes.reduce(0) { $0 << 8 | T(truncatingIfNeeded: $1) }
    }

    /// The elements of a one-dimensional array.
    func elements() throws(PostgresError) -> [PostgresCell] {
        var reader = ArrayReader(bytes: try required)
        guard let dimensions = reader.int32(), reader.int32() != nil, let type = reader.int32() else {
            throw mismatch("an array")
        }
        if dimensions == 0 { return [] }
        guard dimensions == 1, let count = reader.int32(), count >= 0, reader.int32() != nil else {
            throw mismatch("an array of one dimension")
        }
        var cells: [PostgresCell] = []
        for _ in 0..<count {
            guard let length = reader.int32() else { throw mismatch("a whole array") }
            let element = length < 0 ? nil : reader.take(Int(length))
            if length >= 0, element == nil { throw mismatch("a whole array") }
            cells.append(PostgresCell(column: column, oid: UInt32(bitPattern: type), bytes: element))
        }
        return cells
    }

    private struct ArrayReader {
        let bytes: [UInt8]
        var position = 0

        init(bytes: [UInt8]) { self.bytes = bytes }

        mutating func int32() -> Int32? {
            guard let slice = take(4) else { return nil }
            return slice.reduce(0) { $0 << 8 | Int32(truncatingIfNeeded: $1) }
        }

        mutating func take(_ count: Int) -> [UInt8]? {
            guard position + count <= bytes.count else { return nil }
            defer { position += count }
            return Array(bytes[position..<position + count])
        }
    }
}

/// What can be read from a column. A wrong type is an error, never a guess.
package protocol PostgresDecodable: Sendable {
    static func decode(_ cell: PostgresCell) throws(PostgresError) -> Self
}

extension Bool: PostgresDecodable {
    package static func decode(_ cell: PostgresCell) throws(PostgresError) -> Bool {
        guard cell.oid == TypeOID.bool else { throw cell.mismatch("boolean") }
        return try cell.required.first == 1
    }
}

extension Int64: PostgresDecodable {
    package static func decode(_ cell: PostgresCell) throws(PostgresError) -> Int64 {
        switch cell.oid {
        case TypeOID.int8: try cell.integer(Int64.self)
        case TypeOID.int4: Int64(try cell.integer(Int32.self))
        case TypeOID.int2: Int64(try cell.integer(Int16.self))
        default: throw cell.mismatch("an integer")
        }
    }
}

extension Int: PostgresDecodable {
    package static func decode(_ cell: PostgresCell) throws(PostgresError) -> Int { Int(try Int64.decode(cell)) }
}

extension Int32: PostgresDecodable {
    package static func decode(_ cell: PostgresCell) throws(PostgresError) -> Int32 {
        guard let value = Int32(exactly: try Int64.decode(cell)) else { throw cell.mismatch("a 32-bit integer") }
        return value
    }
}

extension Double: PostgresDecodable {
    package static func decode(_ cell: PostgresCell) throws(PostgresError) -> Double {
        switch cell.oid {
        case TypeOID.float8: Double(bitPattern: try cell.integer(UInt64.self))
        case TypeOID.float4: Double(Float(bitPattern: try cell.integer(UInt32.self)))
        default: throw cell.mismatch("a float")
        }
    }
}

extension String: PostgresDecodable {
    package static func decode(_ cell: PostgresCell) throws(PostgresError) -> String {
        let bytes = try cell.required
        switch cell.oid {
        case TypeOID.text, TypeOID.varchar, TypeOID.bpchar, TypeOID.name, TypeOID.json:
            return String(decoding: bytes, as: UTF8.self)
        case TypeOID.jsonb: return String(decoding: bytes.dropFirst(), as: UTF8.self)
        default: throw cell.mismatch("text")
        }
    }
}

extension UUID: PostgresDecodable {
    package static func decode(_ cell: PostgresCell) throws(PostgresError) -> UUID {
        let bytes = try cell.required
        guard cell.oid == TypeOID.uuid, bytes.count == 16 else { throw cell.mismatch("a uuid") }
        var value: uuid_t = (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
        withUnsafeMutableBytes(of: &value) { $0.copyBytes(from: bytes) }
        return UUID(uuid: value)
    }
}

extension PostgresTimestamp: PostgresDecodable {
    package static func decode(_ cell: PostgresCell) throws(PostgresError) -> PostgresTimestamp {
        guard cell.oid == TypeOID.timestamptz else { throw cell.mismatch("a timestamptz") }
        return PostgresTimestamp(microsecondsSince1970: try cell.integer(Int64.self) &+ epochOffset)
    }
}

extension Optional: PostgresDecodable where Wrapped: PostgresDecodable {
    package static func decode(_ cell: PostgresCell) throws(PostgresError) -> Wrapped? {
        if cell.bytes == nil { return nil }
        return try Wrapped.decode(cell)
    }
}

/// An element that arrays can be read of.
package protocol PostgresArrayDecodable: PostgresDecodable {
    static func decodeArray(_ cell: PostgresCell) throws(PostgresError) -> [Self]
}

extension PostgresArrayDecodable {
    package static func decodeArray(_ cell: PostgresCell) throws(PostgresError) -> [Self] {
        var values: [Self] = []
        for element in try cell.elements() { values.append(try Self.decode(element)) }
        return values
    }
}

extension Bool: PostgresArrayDecodable {}
extension Int64: PostgresArrayDecodable {}
extension Int32: PostgresArrayDecodable {}
extension String: PostgresArrayDecodable {}
extension UUID: PostgresArrayDecodable {}
extension Optional: PostgresArrayDecodable where Wrapped: PostgresArrayDecodable {}

extension UInt8: PostgresArrayDecodable {
    package static func decode(_ cell: PostgresCell) throws(PostgresError) -> UInt8 { throw cell.mismatch("a byte") }
    /// Bytes are one `bytea`.
    package static func decodeArray(_ cell: PostgresCell) throws(PostgresError) -> [UInt8] {
        guard cell.oid == TypeOID.bytea else { throw cell.mismatch("bytea") }
        return try cell.required
    }
}

extension Array: PostgresDecodable where Element: PostgresArrayDecodable {
    package static func decode(_ cell: PostgresCell) throws(PostgresError) -> [Element] {
        try Element.decodeArray(cell)
    }
}

extension [UInt8]: PostgresArrayDecodable {}
