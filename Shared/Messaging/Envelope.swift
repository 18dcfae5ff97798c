package import AMQPClient
import Foundation
package import ParityProtocol
package import Store
import Telemetry

/// How a message body travels: JSON with its schema, under an id that the receiver's inbox knows it by.
package enum Envelope {
    /// Bodies are ids and digests; anything longer than this is not ours.
    package static let maximumBodyBytes = 262_144

    /// A message for the outbox. `isMandatory` is false only for news that nobody has to hear.
    package static func outbox(
        _ body: some MessageBody, exchange: String, routingKey: String, isMandatory: Bool = true
    ) throws -> OutboxMessage {
        OutboxMessage(
            id: MessageID(UUID.v7()), exchange: exchange, routingKey: routingKey, type: type(of: body).schema,
            body: String(decoding: try encode(body), as: UTF8.self), traceparent: TraceContext.current?.header,
            isMandatory: isMandatory)
    }

    /// A message to publish at once, without an outbox: what a runner sends, and answers that are sent again anyway.
    package static func message(
        _ body: some MessageBody, exchange: String, routingKey: String, id: MessageID = MessageID(UUID.v7()),
        isMandatory: Bool = true
    ) throws -> AMQPMessage {
        wrap(
            body: try encode(body), type: type(of: body).schema, exchange: exchange, routingKey: routingKey, id: id,
            traceparent: TraceContext.current?.header, isMandatory: isMandatory)
    }

    static func message(_ message: OutboxMessage) -> AMQPMessage {
        wrap(
            body: Array(message.body.utf8), type: message.type, exchange: message.exchange,
            routingKey: message.routingKey, id: message.id, traceparent: message.traceparent,
            isMandatory: message.isMandatory)
    }

    private static func wrap(
        body: [UInt8], type: String, exchange: String, routingKey: String, id: MessageID, traceparent: String?,
        isMandatory: Bool
    ) -> AMQPMessage {
        var properties = AMQPProperties()
        properties.contentType = "application/json"
        properties.messageID = id.description
        properties.type = type
        properties.timestamp = UInt64(Date().timeIntervalSince1970)
        if let traceparent { properties.headers[TraceContext.headerName] = .string(traceparent) }
        return AMQPMessage(
            exchange: exchange, routingKey: routingKey, body: body, properties: properties, mandatory: isMandatory)
    }

    /// The body, with its schema as a member.
    private static func encode<Body: MessageBody>(_ body: Body) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(Shaped(schema: Body.schema, body: body)))
    }

    private struct Shaped<Body: MessageBody>: Encodable {
        let schema: String
        let body: Body

        private enum CodingKeys: String, CodingKey { case schema }

        func encode(to encoder: any Encoder) throws {
            try body.encode(to: encoder)
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(schema, forKey: .schema)
        }
    }

    private struct Shape: Decodable { let schema: String }

    /// The body of a delivery as `Body`; nil when it is of another schema.
    package static func decode<Body: MessageBody>(_: Body.Type, from delivery: AMQPDelivery) throws -> Body? {
        guard delivery.body.count <= maximumBodyBytes else { throw MalformedMessage("larger than allowed") }
        let data = Data(delivery.body)
        let decoder = JSONDecoder()
        let shape: Shape
        do {
            shape = try decoder.decode(Shape.self, from: data)
        } catch {
            throw MalformedMessage("not a JSON object with a schema")
        }
        guard shape.schema == Body.schema else { return nil }
        do {
            return try decoder.decode(Body.self, from: data)
        } catch {
            throw MalformedMessage("does not fit \(Body.schema)")
        }
    }

    /// The id under which an inbox knows the delivery.
    package static func id(of delivery: AMQPDelivery) throws -> MessageID {
        guard let id = delivery.properties.messageID.flatMap({ MessageID($0) }) else {
            throw MalformedMessage("has no message-id that is a UUID")
        }
        return id
    }
}

/// A message that no repetition will make right. It goes to its queue's dead-letter queue.
package struct MalformedMessage: Error, CustomStringConvertible {
    package let description: String
    package init(_ fault: String) { description = fault }
}
