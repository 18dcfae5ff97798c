import CPostgres

/// One round trip: what is sent, and who gets the answer.
struct Exchange: Sendable {
    enum Answer: Sendable {
        /// All results up to the end of the round trip, errors of the server among them.
        case results([ResultStorage])
        case failure(PostgresError)
        case cancelled
    }

    /// Puts the message into libpq's buffer; false when libpq refuses.
    let send: @Sendable (OpaquePointer) -> Bool
    let isPipeline: Bool
    /// What the canceller knows it by; nil when it must not be cancelled.
    let ticket: UInt64?
    let complete: @Sendable (Answer) -> Void
    var results: [ResultStorage] = []

    init(
        isPipeline: Bool = false, ticket: UInt64?, send: @escaping @Sendable (OpaquePointer) -> Bool,
        complete: @escaping @Sendable (Answer) -> Void
    ) {
        self.isPipeline = isPipeline
        self.ticket = ticket
        self.send = send
        self.complete = complete
    }
}

/// Parameters laid out as libpq wants them: one block of memory, pointers into it.
struct Parameters: Sendable {
    private var block: [UInt8] = []
    private var offsets: [Int?] = []
    private var lengths: [Int32] = []

    init(_ values: [PostgresValue]) {
        for value in values.map(\.binary) {
            offsets.append(value == nil ? nil : block.count)
            lengths.append(Int32(value?.count ?? 0))
            guard let value else { continue }
            block += value
            // One byte more, so that an empty value still has an address of its own.
            block.append(0)
        }
    }

    func withPointers<T>(_ body: (Int32, [UnsafePointer<CChar>?], [Int32], [Int32]) -> T) -> T {
        block.withUnsafeBytes { buffer in
            let pointers = offsets.map { offset in
                offset.flatMap { buffer.baseAddress?.advanced(by: $0).assumingMemoryBound(to: CChar.self) }
            }
            return body(Int32(lengths.count), pointers, lengths, Array(repeating: 1, count: lengths.count))
        }
    }
}

/// What is prepared on one connection, by text and parameter types: the same text with other types is another
/// statement to the server.
struct StatementCache {
    struct Key: Hashable, Sendable {
        let sql: SQL
        let types: [UInt32]
    }

    /// The oldest goes when there are more.
    static let capacity = 256

    private var names: [Key: String] = [:]
    private var order: [Key] = []
    private var count = 0

    func name(of key: Key) -> String? { names[key] }

    mutating func newName() -> String {
        count += 1
        return "s\(count)"
    }

    mutating func insert(_ key: Key, name: String) {
        if names.updateValue(name, forKey: key) == nil { order.append(key) }
    }

    /// The name to deallocate before there is room for one more.
    mutating func evict() -> String? {
        guard order.count >= Self.capacity else { return nil }
        return names.removeValue(forKey: order.removeFirst())
    }
}
