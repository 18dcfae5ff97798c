/// The properties of a message (AMQP 0-9-1, class basic).
package struct AMQPProperties: Sendable, Hashable {
    package var contentType: String?
    package var contentEncoding: String?
    package var headers: AMQPTable = [:]
    /// Survives a restart of the broker.
    package var persistent = true
    package var priority: UInt8?
    package var correlationID: String?
    package var replyTo: String?
    package var expiration: String?
    package var messageID: String?
    /// Seconds since 1970.
    package var timestamp: UInt64?
    package var type: String?
    package var userID: String?
    package var appID: String?

    package init() {}
}

/// A message to publish.
package struct AMQPMessage: Sendable {
    package var exchange: String
    package var routingKey: String
    package var body: [UInt8]
    package var properties: AMQPProperties
    /// Comes back as an error when it reaches no queue.
    package var mandatory: Bool

    package init(
        exchange: String, routingKey: String, body: [UInt8], properties: AMQPProperties = AMQPProperties(),
        mandatory: Bool = true
    ) {
        self.exchange = exchange
        self.routingKey = routingKey
        self.body = body
        self.properties = properties
        self.mandatory = mandatory
    }
}

/// A queue as it is declared.
package struct AMQPQueue: Sendable, Hashable {
    package var name: String
    package var durable: Bool
    package var exclusive: Bool
    package var autoDelete: Bool
    package var arguments: AMQPTable
    /// Bound again whenever a consumer re-declares the queue.
    package var bindings: [Binding]

    package struct Binding: Sendable, Hashable {
        package var exchange: String
        package var routingKey: String
        package init(exchange: String, routingKey: String) {
            self.exchange = exchange
            self.routingKey = routingKey
        }
    }

    package init(
        name: String, durable: Bool = true, exclusive: Bool = false, autoDelete: Bool = false,
        arguments: AMQPTable = [:], bindings: [Binding] = []
    ) {
        self.name = name
        self.durable = durable
        self.exclusive = exclusive
        self.autoDelete = autoDelete
        self.arguments = arguments
        self.bindings = bindings
    }
}
