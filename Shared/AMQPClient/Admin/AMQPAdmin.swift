/// Declares, checks and looks into a broker's topology over a short-lived connection.
///
/// Its calls block, and run on a thread of their own inside ``withConnection(_:_:)``.
package struct AMQPAdmin {
    private let wire: AMQPWire
    private static let channel: UInt16 = 1

    /// Connects, runs `body`, and closes. Throws `.connectionFailed` when the broker is not there.
    package static func withConnection<T: Sendable>(
        _ configuration: AMQPConfiguration, _ body: @escaping @Sendable (AMQPAdmin) throws -> T
    ) async throws -> T {
        try await onOwnThread(named: "amqp-admin") {
            let wire = try AMQPWire(configuration)
            defer { wire.close() }
            return try body(AMQPAdmin(wire: wire))
        }
    }

    /// Opens the channel anew for each command, since the broker closes it when a command fails. Always the same
    /// number: a connection has only so many.
    private func onChannel<T>(_ body: (UInt16) throws(AMQPError) -> T) throws(AMQPError) -> T {
        let channel = Self.channel
        try wire.openChannel(channel)
        let value = try body(channel)
        try wire.closeChannel(channel)
        return value
    }

    package func declareExchange(_ name: String, type: String, durable: Bool = true) throws(AMQPError) {
        try onChannel { channel throws(AMQPError) in
            try wire.declareExchange(name, type: type, durable: durable, passive: false, channel: channel)
        }
    }

    /// Declares the queue with its bindings; `.preconditionFailed` if it is there with other arguments.
    @discardableResult
    package func declareQueue(_ queue: AMQPQueue) throws(AMQPError) -> (messages: Int, consumers: Int) {
        let counts = try onChannel { channel throws(AMQPError) in
            try wire.declareQueue(queue, passive: false, channel: channel)
        }
        for binding in queue.bindings {
            try bind(queue: queue.name, to: binding.exchange, routingKey: binding.routingKey)
        }
        return counts
    }

    /// Throws `.notFound` if there is none.
    @discardableResult
    package func checkQueue(_ name: String) throws(AMQPError) -> (messages: Int, consumers: Int) {
        try onChannel { channel throws(AMQPError) in
            try wire.declareQueue(AMQPQueue(name: name), passive: true, channel: channel)
        }
    }

    package func bind(queue: String, to exchange: String, routingKey: String) throws(AMQPError) {
        try onChannel { channel throws(AMQPError) in
            try wire.bind(queue: queue, to: exchange, routingKey: routingKey, channel: channel)
        }
    }

    package func deleteQueue(_ name: String) throws(AMQPError) {
        try onChannel { channel throws(AMQPError) in try wire.deleteQueue(name, channel: channel) }
    }

    /// Takes the oldest message off the queue for good; nil if it is empty.
    package func takeMessage(from queue: String) throws(AMQPError) -> (body: [UInt8], properties: AMQPProperties)? {
        try onChannel { channel throws(AMQPError) in
            guard let content = try wire.get(queue: queue, channel: channel) else { return nil }
            try wire.ack(content.envelope.deliveryTag, multiple: false, channel: channel)
            return (content.body, content.properties)
        }
    }
}
