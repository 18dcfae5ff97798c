import FoundationEssentials

extension PostgresValue {
    /// The parameter's type; 0 leaves an untyped NULL to the server.
    var oid: UInt32 {
        switch self {
        case .null: 0
        case .bool: TypeOID.bool
        case .int4: TypeOID.int4
        case .int8: TypeOID.int8
        case .float8: TypeOID.float8
        case .text: TypeOID.text
        case .bytea: TypeOID.bytea
        case .uuid: TypeOID.uuid
        case .jsonb: TypeOID.jsonb
        case .timestamptz: TypeOID.timestamptz
        case .boolArray: TypeOID.boolArray
        case .int4Array: TypeOID.int4Array
        case .int8Array, .int8OptionalArray: TypeOID.int8Array
        case .textArray, .textOptionalArray: TypeOID.textArray
        case .byteaArray, .byteaOptionalArray: TypeOID.byteaArray
        case .uuidArray, .uuidOptionalArray: TypeOID.uuidArray
        case .jsonbArray: TypeOID.jsonbArray
        }
    }

    /// The binary form; nil for NULL.
    var binary: [UInt8]? {
        switch self {
        case .null: nil
        case .bool(let value): [value ? 1 : 0]
        case .int4(let value): Self.bigEndian(value)
        case .int8(let value): Self.bigEndian(value)
        case .float8(let value): Self.bigEndian(Int64(bitPattern: value.bitPattern))
        case .text(let value): Array(value.utf8)
        case .bytea(let value): value
        case .uuid(let value): Self.bytes(of: value)
        case .jsonb(let value): [1] + Array(value.utf8)
        case .timestamptz(let value): Self.bigEndian(value.microsecondsSince1970 - PostgresTimestamp.epochOffset)
        case .boolArray(let values): Self.array(values.map { [$0 ? 1 : 0] }, of: TypeOID.bool)
        case .int4Array(let values): Self.array(values.map(Self.bigEndian), of: TypeOID.int4)
        case .int8Array(let values): Self.array(values.map(Self.bigEndian), of: TypeOID.int8)
        case .int8OptionalArray(let values): Self.array(values.map { $0.map(Self.bigEndian) }, of: TypeOID.int8)
        case .textArray(let values): Self.array(values.map { Array($0.utf8) }, of: TypeOID.text)
        case .textOptionalArray(let values): Self.array(values.map { $0.map { Array($0.utf8) } }, of: TypeOID.text)
        case .byteaArray(let values): Self.array(values, of: TypeOID.bytea)
        case .byteaOptionalArray(let values): Self.array(values, of: TypeOID.bytea)
        case .uuidArray(let values): Self.array(values.map(Self.bytes), of: TypeOID.uuid)
        case .uuidOptionalArray(let values): Self.array(values.map { $0.map(Self.bytes) }, of: TypeOID.uuid)
        case .jsonbArray(let values): Self.array(values.map { [1] + Array($0.utf8) }, of: TypeOID.jsonb)
        }
    }

    private static func bigEndian(_ value: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: value.bigEndian) { Array($0) }
    }

    private static func bytes(of value: UUID) -> [UInt8] { withUnsafeBytes(of: value.uuid) { Array($0) } }

    /// The binary form of a one-dimensional array: dimensions, null flag, element type, length, lower bound, then
    /// each element with its length, -1 for NULL (array_recv in the server's source).
    private static func array(_ elements: [[UInt8]?], of type: UInt32) -> [UInt8] {
        guard !elements.isEmpty else { return bigEndian(Int32(0)) + bigEndian(Int32(0)) + bigEndian(type) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(20 + elements.reduce(0) { $0 + 4 + ($1?.count ?? 0) })
        bytes += bigEndian(Int32(1))
        bytes += bigEndian(Int32(elements.contains { $0 == nil } ? 1 : 0))
        bytes += bigEndian(type)
        bytes += bigEndian(Int32(elements.count))
        bytes += bigEndian(Int32(1))
        for element in elements {
            guard let element else {
                bytes += bigEndian(Int32(-1))
                continue
            }
            bytes += bigEndian(Int32(element.count))
            bytes += element
        }
        return bytes
    }
}
