import CRabbitMQ

/// Memory for what one call of librabbitmq reads: strings and tables. Freed, or used again, all at once.
final class Arena {
    private var blocks: [UnsafeMutableRawPointer] = []
    private var current: UnsafeMutableRawPointer
    private var used = 0
    private static let blockSize = 8192

    init() { current = .allocate(byteCount: Self.blockSize, alignment: 16) }

    deinit {
        reset()
        current.deallocate()
    }

    /// All that was handed out becomes invalid.
    func reset() {
        for block in blocks { block.deallocate() }
        blocks.removeAll(keepingCapacity: true)
        used = 0
    }

    private func allocate(_ size: Int) -> UnsafeMutableRawPointer {
        let rounded = (size + 15) & ~15
        if rounded > Self.blockSize - used {
            let block = UnsafeMutableRawPointer.allocate(byteCount: max(rounded, 16), alignment: 16)
            blocks.append(block)
            return block
        }
        defer { used += rounded }
        return current + used
    }

    func bytes(_ string: String) -> amqp_bytes_t {
        var copy = string
        return copy.withUTF8 { bytes(UnsafeRawBufferPointer($0)) }
    }

    func bytes(_ source: UnsafeRawBufferPointer) -> amqp_bytes_t {
        let target = allocate(source.count)
        if let base = source.baseAddress { target.copyMemory(from: base, byteCount: source.count) }
        return amqp_bytes_t(len: source.count, bytes: target)
    }

    func table(_ table: AMQPTable) -> amqp_table_t {
        let entries = allocate(table.count * MemoryLayout<amqp_table_entry_t>.stride)
            .bindMemory(to: amqp_table_entry_t.self, capacity: table.count)
        for (index, (name, value)) in table.enumerated() {
            entries[index] = amqp_table_entry_t(key: bytes(name), value: field(value))
        }
        return amqp_table_t(num_entries: Int32(table.count), entries: entries)
    }

    private func field(_ value: AMQPValue) -> amqp_field_value_t {
        var field = amqp_field_value_t()
        switch value {
        case .null: field.kind = Kind.void
        case .bool(let value):
            field.kind = Kind.boolean
            field.value.boolean = value ? 1 : 0
        case .int32(let value):
            field.kind = Kind.int32
            field.value.i32 = value
        case .int64(let value):
            field.kind = Kind.int64
            field.value.i64 = value
        case .double(let value):
            field.kind = Kind.double
            field.value.f64 = value
        case .timestamp(let value):
            field.kind = Kind.timestamp
            field.value.u64 = value
        case .string(let value):
            field.kind = Kind.utf8
            field.value.bytes = bytes(value)
        case .bytes(let value):
            field.kind = Kind.bytes
            field.value.bytes = value.withUnsafeBytes { bytes($0) }
        case .table(let value):
            field.kind = Kind.table
            field.value.table = table(value)
        case .array(let values):
            field.kind = Kind.array
            let entries = allocate(values.count * MemoryLayout<amqp_field_value_t>.stride)
                .bindMemory(to: amqp_field_value_t.self, capacity: values.count)
            for (index, value) in values.enumerated() { entries[index] = self.field(value) }
            field.value.array = amqp_array_t(num_entries: Int32(values.count), entries: entries)
        }
        return field
    }

    /// The letters that stand for kinds in a field table (AMQP 0-9-1 with RabbitMQ's errata).
    enum Kind {
        static let boolean = UInt8(ascii: "t")
        static let int32 = UInt8(ascii: "I")
        static let int64 = UInt8(ascii: "l")
        static let double = UInt8(ascii: "d")
        static let timestamp = UInt8(ascii: "T")
        static let utf8 = UInt8(ascii: "S")
        static let bytes = UInt8(ascii: "x")
        static let table = UInt8(ascii: "F")
        static let array = UInt8(ascii: "A")
        static let void = UInt8(ascii: "V")
    }
}
