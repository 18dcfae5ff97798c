package import FoundationEssentials

/// A parameter with its type. Everything is sent in binary, with its type's OID, so that the server guesses nothing.
package enum PostgresValue: Sendable, Hashable {
    case null
    case bool(Bool)
    case int4(Int32)
    case int8(Int64)
    case float8(Double)
    case text(String)
    case bytea([UInt8])
    case uuid(UUID)
    case jsonb(String)
    case timestamptz(PostgresTimestamp)
    case boolArray([Bool])
    case int4Array([Int32])
    case int8Array([Int64])
    case int8OptionalArray([Int64?])
    case textArray([String])
    case textOptionalArray([String?])
    case byteaArray([[UInt8]])
    case byteaOptionalArray([[UInt8]?])
    case uuidArray([UUID])
    case uuidOptionalArray([UUID?])
    case jsonbArray([String])
}

/// A point in time, as the server counts: microseconds, here since 1970-01-01 UTC.
package struct PostgresTimestamp: Sendable, Hashable, Comparable {
    package let microsecondsSince1970: Int64

    package init(microsecondsSince1970: Int64) { self.microsecondsSince1970 = microsecondsSince1970 }

    package static func < (left: Self, right: Self) -> Bool { left.microsecondsSince1970 < right.microsecondsSince1970 }

    /// The server counts from 2000-01-01.
    static let epochOffset: Int64 = 946_684_800_000_000
}

/// What can be a parameter.
package protocol PostgresEncodable: Sendable {
    var postgresValue: PostgresValue { get }
}

extension PostgresValue: PostgresEncodable { package var postgresValue: PostgresValue { self } }
extension Bool: PostgresEncodable { package var postgresValue: PostgresValue { .bool(self) } }
extension Int32: PostgresEncodable { package var postgresValue: PostgresValue { .int4(self) } }
extension Int64: PostgresEncodable { package var postgresValue: PostgresValue { .int8(self) } }
extension Int: PostgresEncodable { package var postgresValue: PostgresValue { .int8(Int64(self)) } }
extension Double: PostgresEncodable { package var postgresValue: PostgresValue { .float8(self) } }
extension String: PostgresEncodable { package var postgresValue: PostgresValue { .text(self) } }
extension UUID: PostgresEncodable { package var postgresValue: PostgresValue { .uuid(self) } }
extension PostgresTimestamp: PostgresEncodable { package var postgresValue: PostgresValue { .timestamptz(self) } }

extension Optional: PostgresEncodable where Wrapped: PostgresEncodable {
    package var postgresValue: PostgresValue { self?.postgresValue ?? .null }
}

/// An element of an array parameter.
package protocol PostgresArrayElement: Sendable {
    static func postgresArray(_ elements: [Self]) -> PostgresValue
}

extension UInt8: PostgresArrayElement {
    /// Bytes are one `bytea`, not an array of numbers.
    package static func postgresArray(_ elements: [UInt8]) -> PostgresValue { .bytea(elements) }
}
extension Bool: PostgresArrayElement {
    package static func postgresArray(_ elements: [Bool]) -> PostgresValue { .boolArray(elements) }
}
extension Int32: PostgresArrayElement {
    package static func postgresArray(_ elements: [Int32]) -> PostgresValue { .int4Array(elements) }
}
extension Int64: PostgresArrayElement {
    package static func postgresArray(_ elements: [Int64]) -> PostgresValue { .int8Array(elements) }
}
extension String: PostgresArrayElement {
    package static func postgresArray(_ elements: [String]) -> PostgresValue { .textArray(elements) }
}
extension UUID: PostgresArrayElement {
    package static func postgresArray(_ elements: [UUID]) -> PostgresValue { .uuidArray(elements) }
}
extension [UInt8]: PostgresArrayElement {
    package static func postgresArray(_ elements: [[UInt8]]) -> PostgresValue { .byteaArray(elements) }
}

extension Array: PostgresEncodable where Element: PostgresArrayElement {
    package var postgresValue: PostgresValue { Element.postgresArray(self) }
}
