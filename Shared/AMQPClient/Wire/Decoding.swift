import CRabbitMQ

extension String {
    init(_ bytes: amqp_bytes_t) {
        self = String(decoding: UnsafeRawBufferPointer(start: bytes.bytes, count: bytes.len), as: UTF8.self)
    }
}

/// The name that was read last: deliveries of one queue mostly have the same, which then costs no memory.
struct LastName {
    private var text = ""

    mutating func read(_ bytes: amqp_bytes_t) -> String {
        let raw = UnsafeRawBufferPointer(start: bytes.bytes, count: bytes.len)
        let isSame = text.utf8.withContiguousStorageIfAvailable { raw.elementsEqual(UnsafeRawBufferPointer($0)) }
        if isSame != true { text = String(bytes) }
        return text
    }
}

extension [UInt8] {
    init(_ bytes: amqp_bytes_t) { self = Array(UnsafeRawBufferPointer(start: bytes.bytes, count: bytes.len)) }
}

extension AMQPValue {
    init(_ field: amqp_field_value_t) {
        switch field.kind {
        case Arena.Kind.boolean: self = .bool(field.value.boolean != 0)
        case UInt8(ascii: "b"): self = .int64(Int64(field.value.i8))
        case UInt8(ascii: "B"): self = .int64(Int64(field.value.u8))
        case UInt8(ascii: "s"): self = .int64(Int64(field.value.i16))
        case UInt8(ascii: "u"): self = .int64(Int64(field.value.u16))
        case Arena.Kind.int32: self = .int32(field.value.i32)
        case UInt8(ascii: "i"): self = .int64(Int64(field.value.u32))
        case Arena.Kind.int64, UInt8(ascii: "L"): self = .int64(field.value.i64)
        case UInt8(ascii: "f"): self = .double(Double(field.value.f32))
        case Arena.Kind.double: self = .double(field.value.f64)
        case Arena.Kind.utf8: self = .string(String(field.value.bytes))
        case Arena.Kind.bytes: self = .bytes([UInt8](field.value.bytes))
        case Arena.Kind.timestamp: self = .timestamp(field.value.u64)
        case Arena.Kind.table: self = .table(AMQPTable(field.value.table))
        case Arena.Kind.array:
            let array = field.value.array
            self = .array((0..<Int(array.num_entries)).map { AMQPValue(array.entries[$0]) })
        default: self = .null
        }
    }
}

extension AMQPTable {
    init(_ table: amqp_table_t) {
        self.init()
        for index in 0..<Int(table.num_entries) {
            self[String(table.entries[index].key)] = AMQPValue(table.entries[index].value)
        }
    }
}

extension AMQPProperties {
    init(_ wire: amqp_basic_properties_t) {
        self.init()
        let flags = wire._flags
        func text(_ flag: UInt32, _ bytes: amqp_bytes_t) -> String? { flags & flag != 0 ? String(bytes) : nil }
        contentType = text(parity_property_content_type, wire.content_type)
        contentEncoding = text(parity_property_content_encoding, wire.content_encoding)
        if flags & parity_property_headers != 0 { headers = AMQPTable(wire.headers) }
        persistent = flags & parity_property_delivery_mode != 0 && wire.delivery_mode == 2
        if flags & parity_property_priority != 0 { priority = wire.priority }
        correlationID = text(parity_property_correlation_id, wire.correlation_id)
        replyTo = text(parity_property_reply_to, wire.reply_to)
        expiration = text(parity_property_expiration, wire.expiration)
        messageID = text(parity_property_message_id, wire.message_id)
        if flags & parity_property_timestamp != 0 { timestamp = wire.timestamp }
        type = text(parity_property_type, wire.type)
        userID = text(parity_property_user_id, wire.user_id)
        appID = text(parity_property_app_id, wire.app_id)
    }

    /// The wire form, whose strings live in `arena`.
    func wire(in arena: Arena) -> amqp_basic_properties_t {
        var wire = amqp_basic_properties_t()
        func put(_ value: String?, _ flag: UInt32, _ path: WritableKeyPath<amqp_basic_properties_t, amqp_bytes_t>) {
            guard let value else { return }
            wire._flags |= flag
            wire[keyPath: path] = arena.bytes(value)
        }
        put(contentType, parity_property_content_type, \.content_type)
        put(contentEncoding, parity_property_content_encoding, \.content_encoding)
        put(correlationID, parity_property_correlation_id, \.correlation_id)
        put(replyTo, parity_property_reply_to, \.reply_to)
        put(expiration, parity_property_expiration, \.expiration)
        put(messageID, parity_property_message_id, \.message_id)
        put(type, parity_property_type, \.type)
        put(userID, parity_property_user_id, \.user_id)
        put(appID, parity_property_app_id, \.app_id)
        wire._flags |= parity_property_delivery_mode
        wire.delivery_mode = persistent ? 2 : 1
        if let priority {
            wire._flags |= parity_property_priority
            wire.priority = priority
        }
        if let timestamp {
            wire._flags |= parity_property_timestamp
            wire.timestamp = timestamp
        }
        if !headers.isEmpty {
            wire._flags |= parity_property_headers
            wire.headers = arena.table(headers)
        }
        return wire
    }
}
