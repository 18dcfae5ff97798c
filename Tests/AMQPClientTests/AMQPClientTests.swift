import Logging
import TestSupport
import Testing

@testable import AMQPClient

@Suite(.serialized) struct AMQPClientTests {
    private static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    private static let queue = AMQPQueue(name: "q", arguments: ["x-queue-type": "quorum"])

    private func withClients(
        _ body: @escaping @Sendable (AMQPPublisher, AMQPConsumer, RabbitMQTestBroker) async throws -> Void
    ) async throws {
        try await RabbitMQTestBroker.withVirtualHost { broker in
            let configuration = try broker.configuration()
            _ = try await AMQPAdmin.withConnection(configuration) { try $0.declareQueue(Self.queue).messages }
            let publisher = AMQPPublisher(
                configuration: configuration, publishTimeout: .seconds(60), logger: Self.quiet)
            let consumer = AMQPConsumer(
                configuration: configuration, idleRenewal: .seconds(1), logger: Self.quiet)
            try await withThrowingTaskGroup { group in
                group.addTask { try await publisher.run() }
                group.addTask { try await consumer.run() }
                try await body(publisher, consumer, broker)
                group.cancelAll()
            }
        }
    }

    private func message(_ text: String, to key: String = "q") -> AMQPMessage {
        AMQPMessage(exchange: "", routingKey: key, body: Array(text.utf8))
    }

    @Test(.timeLimit(.minutes(25)))
    func `A thousand messages in flight are confirmed and delivered once each`() async throws {
        try await withClients { publisher, consumer, _ in
            let results = await publisher.publish(contentsOf: (0..<1000).map { message("\($0)") })
            try #require(results.allSatisfy { if case .success = $0 { true } else { false } })
            var seen: Set<String> = []
            for await delivery in consumer.subscribe(queue: "q", prefetch: 50) {
                #expect(seen.insert(String(decoding: delivery.body, as: UTF8.self)).inserted)
                delivery.ack()
                if seen.count == 1000 { break }
            }
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `Few acks of a large prefetch go out as well, also just before the subscription ends`() async throws {
        try await withClients { publisher, consumer, broker in
            _ = await publisher.publish(contentsOf: (0..<10).map { message("\($0)") })
            var taken: [AMQPDelivery] = []
            let deliveries = consumer.subscribe(queue: "q", prefetch: 1000)
            for await delivery in deliveries {
                taken.append(delivery)
                if taken.count == 10 { break }
            }
            let areOut = try await TestEnvironment.eventually { try await broker.unsettledCount(of: "q") == 10 }
            #expect(areOut)
            for delivery in taken.prefix(7) { delivery.ack() }
            let isSettled = try await TestEnvironment.eventually { try await broker.unsettledCount(of: "q") == 3 }
            #expect(isSettled)
            for delivery in taken.suffix(3) { delivery.ack() }
            deliveries.cancel()
            let configuration = try broker.configuration()
            var messages = 0
            let isOver = try await TestEnvironment.eventually {
                let queue = try await AMQPAdmin.withConnection(configuration) { try $0.checkQueue("q") }
                messages = queue.messages
                return queue.consumers == 0
            }
            #expect(isOver)
            // What had not been acked would have come back.
            #expect(messages == 0)
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `A message that reaches no queue comes back as an error`() async throws {
        try await withClients { publisher, _, _ in
            let error = await #expect(throws: AMQPError.self) {
                try await publisher.publish(message("x", to: "nowhere"))
            }
            #expect(error?.code == .returned)
            try await publisher.publish(message("y"))
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `A full queue that refuses is an error, and a missing exchange fails only its message`() async throws {
        try await withClients { publisher, _, broker in
            let configuration = try broker.configuration()
            let full = AMQPQueue(
                name: "full", arguments: ["x-max-length": 1, "x-overflow": "reject-publish"])
            _ = try await AMQPAdmin.withConnection(configuration) { try $0.declareQueue(full).messages }
            try await publisher.publish(message("1", to: "full"))
            let refused = await #expect(throws: AMQPError.self) {
                for _ in 0..<5 { try await publisher.publish(message("2", to: "full")) }
            }
            #expect(refused?.code == .refused)
            let missing = await #expect(throws: AMQPError.self) {
                try await publisher.publish(AMQPMessage(exchange: "none", routingKey: "q", body: []))
            }
            #expect(missing?.code == .notFound)
            try await publisher.publish(message("after"))
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `Prefetch bounds what is under way, and what is rejected comes again`() async throws {
        try await withClients { publisher, consumer, _ in
            _ = await publisher.publish(contentsOf: (0..<10).map { message("\($0)") })
            var iterator = consumer.subscribe(queue: "q", prefetch: 3).makeAsyncIterator()
            var held: [AMQPDelivery] = []
            for _ in 0..<3 { if let delivery = await iterator.next() { held.append(delivery) } }
            let fourth = Task { [stream = consumer.subscribe(queue: "q", prefetch: 100)] in
                var count = 0
                for await delivery in stream {
                    count += 1
                    delivery.ack()
                    if count == 7 { break }
                }
                return count
            }
            #expect(await fourth.value == 7, "the other seven go to whoever has room")
            for delivery in held { delivery.reject(requeue: true) }
            for delivery in held { delivery.ack() }
            let again = await iterator.next()
            #expect(again?.redelivered == true)
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `A closed connection is made again and the work goes on`() async throws {
        try await withClients { publisher, consumer, broker in
            var iterator = consumer.subscribe(queue: "q", prefetch: 10).makeAsyncIterator()
            try await publisher.publish(message("before"))
            let before = await iterator.next()
            #expect(before != nil)
            // The management API learns of connections with a delay.
            let closed = try await TestEnvironment.eventually { try await broker.closeConnections() >= 2 }
            #expect(closed)
            let sent = try await TestEnvironment.eventually {
                (try? await publisher.publish(message("after"))) != nil
            }
            #expect(sent)
            before?.ack()
            let next = await iterator.next()
            #expect(next?.redelivered == true || next.map { String(decoding: $0.body, as: UTF8.self) } == "after")
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `A queue deleted under its consumer is noticed and consumed again once it is back`() async throws {
        try await withClients { publisher, consumer, broker in
            var iterator = consumer.subscribe(queue: "q", prefetch: 10).makeAsyncIterator()
            try await publisher.publish(message("1"))
            await iterator.next()?.ack()
            // The management API learns of consumers with a delay.
            let isKnown = try await TestEnvironment.eventually { try await broker.consumerCount() == 1 }
            #expect(isKnown)
            try await broker.deleteQueue("q")
            // Were it declared again at once, RabbitMQ 3.10 would sometimes move the consumer over in silence.
            let isGone = try await TestEnvironment.eventually { try await broker.consumerCount() == 0 }
            #expect(isGone)
            let configuration = try broker.configuration()
            _ = try await AMQPAdmin.withConnection(configuration) { try $0.declareQueue(Self.queue).messages }
            try await publisher.publish(message("2"))
            let delivery = await iterator.next()
            #expect(delivery.map { String(decoding: $0.body, as: UTF8.self) } == "2")
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `Field tables come back as they went`() async throws {
        try await withClients { publisher, consumer, _ in
            var sent = message("x")
            sent.properties.headers = [
                "bool": true, "int32": .int32(-5), "int64": .int64(1 << 40), "double": .double(1.5), "text": "ü",
                "bytes": .bytes([0, 255]), "time": .timestamp(7), "null": .null, "array": .array([1, "two"]),
                "table": .table(["deep": .table(["er": false])]),
            ]
            sent.properties.messageID = "id"
            sent.properties.type = "type"
            try await publisher.publish(sent)
            var iterator = consumer.subscribe(queue: "q", prefetch: 1).makeAsyncIterator()
            let delivery = try #require(await iterator.next())
            #expect(delivery.properties.headers == sent.properties.headers)
            #expect(delivery.properties.messageID == "id" && delivery.properties.type == "type")
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `A wrong password ends the client at once`() async throws {
        var configuration = try AMQPConfiguration(url: try TestEnvironment.amqp)
        configuration.password = "wrong"
        let publisher = AMQPPublisher(configuration: configuration, logger: Self.quiet)
        let error = await #expect(throws: AMQPError.self) { try await publisher.run() }
        #expect(error?.code == .authenticationFailed)
        #expect(error.map { "\($0)".contains("wrong") } == false)
    }
}

@Suite struct WindowTests {
    @Test func `Confirms may be multiple and out of order, and a return spoils its ack`() {
        var window = ConfirmWindow<Int>()
        let far = ContinuousClock.now.advanced(by: .seconds(60))
        for ticket in 1...5 { _ = window.add(ticket, deadline: far, messageKey: "m\(ticket)") }
        window.markReturned(messageKey: "m2")
        #expect(window.settle(4, multiple: false).map(\.ticket) == [4])
        let settled = window.settle(3, multiple: true)
        #expect(settled.map(\.ticket) == [1, 2, 3] && settled.map(\.isReturned) == [false, true, false])
        #expect(window.settle(3, multiple: true).isEmpty)
        #expect(window.reset() == [5] && window.count == 0)
    }

    @Test func `What has waited too long is given up, and its late confirm settles nothing`() {
        var window = ConfirmWindow<Int>()
        let now = ContinuousClock.now
        _ = window.add(1, deadline: now, messageKey: nil)
        _ = window.add(2, deadline: now, messageKey: nil)
        _ = window.add(3, deadline: now.advanced(by: .seconds(60)), messageKey: nil)
        #expect(window.expire(at: now) == [1, 2] && window.count == 1)
        #expect(window.settle(2, multiple: true).isEmpty)
        #expect(window.settle(3, multiple: true).map(\.ticket) == [3])
    }

    @Test func `Acks that close the gap become one, and each tag is settled once`() {
        var window = AckWindow()
        for tag in UInt64(1)...6 { window.deliver(tag) }
        #expect(window.settle(acks: [2, 3], rejects: []) == [.ack(2, multiple: false), .ack(3, multiple: false)])
        #expect(
            window.settle(acks: [1, 4], rejects: [(6, true)]) == [.reject(6, requeue: true), .ack(4, multiple: true)])
        #expect(window.settle(acks: [1, 2, 6], rejects: []).isEmpty)
        #expect(window.count == 1)
    }

    @Test func `Content is put together for each channel, whatever comes between`() throws {
        var assembler = ContentAssembler()
        func envelope(_ channel: UInt16, _ tag: UInt64) -> WireEnvelope {
            WireEnvelope(channel: channel, deliveryTag: tag, exchange: "", routingKey: "q", isReturn: channel == 2)
        }
        func body(_ channel: UInt16, _ text: String) -> WireEvent? {
            Array(text.utf8).withUnsafeBytes { assembler.body(channel: channel, bytes: $0) }
        }
        assembler.begin(envelope(1, 7))
        assembler.begin(envelope(2, 0))
        #expect(assembler.header(channel: 1, size: 4, properties: AMQPProperties()) == nil)
        #expect(body(1, "ab") == nil)
        #expect(assembler.header(channel: 2, size: 1, properties: AMQPProperties()) == nil)
        guard case .returned(let back)? = body(2, "r") else { throw Unexpected() }
        guard case .delivered(let first)? = body(1, "cd") else { throw Unexpected() }
        #expect(back.body == Array("r".utf8))
        #expect(first.body == Array("abcd".utf8) && first.envelope.deliveryTag == 7)

        // The next message of a channel starts afresh, an empty one is complete with its header, and a body that no
        // header announced is nothing.
        assembler.begin(envelope(1, 8))
        guard case .delivered(let empty)? = assembler.header(channel: 1, size: 0, properties: AMQPProperties()) else {
            throw Unexpected()
        }
        #expect(empty.body.isEmpty && empty.envelope.deliveryTag == 8)
        #expect(body(1, "stray") == nil)
        assembler.begin(envelope(1, 9))
        assembler.drop(channel: 1)
        #expect(assembler.header(channel: 1, size: 0, properties: AMQPProperties()) == nil)
    }

    private struct Unexpected: Error {}

    @Test func `A queue that never runs empty lets go of what was taken`() {
        var queue = DeliveryQueue<Int>()
        var (next, expected) = (0, 0)
        for _ in 0..<10_000 {
            queue.append([next, next + 1])
            next += 2
            for _ in 0..<(queue.count > 50 ? 3 : 1) {
                #expect(queue.pop() == expected)
                expected += 1
            }
        }
        #expect(queue.count > 0 && queue.held <= 2 * queue.count + 1)
    }

    @Test func `The backoff grows to its cap`() {
        var generator = SystemRandomNumberGenerator()
        let backoff = Backoff()
        for attempt in 0..<40 {
            let delay = backoff.delay(attempt: attempt, using: &generator)
            #expect(delay <= min(.seconds(30), .milliseconds(200) * (1 << min(attempt, 20))))
        }
    }
}
