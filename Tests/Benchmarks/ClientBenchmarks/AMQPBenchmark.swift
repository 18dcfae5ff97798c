import AMQPClient
import CLoops
import Logging
import ServiceLifecycle
import TestSupport

/// Durable quorum queue, persistent messages of 500 bytes, 1,000 in flight.
struct AMQPBenchmark: Sendable {
    private static let (count, size, inFlight) = (40_000, 500, 1_000)
    private static let queue = "benchmark"
    let broker: RabbitMQTestBroker

    func run() async throws -> [Comparison] {
        let configuration = try AMQPConfiguration(url: broker.url)
        /// An empty queue for each measurement.
        func fresh() async throws {
            try await AMQPAdmin.withConnection(configuration) { admin in
                try? admin.deleteQueue(Self.queue)
                _ = try admin.declareQueue(AMQPQueue(name: Self.queue, arguments: ["x-queue-type": "quorum"]))
            }
        }
        let publishing = try await Comparison.measure(
            "publish with confirms, 1,000 in flight", beside: "C, librabbitmq"
        ) {
            try await fresh()
            return try Self.rate(
                in: withBroker(configuration) {
                    c_loop_publish($0, Self.queue, Int32(Self.count), Self.size, Int32(Self.inFlight))
                })
        } ours: {
            try await fresh()
            return try await Self.publish(configuration)
        }
        let consuming = try await Comparison.measure(
            "consume and acknowledge, prefetch 1,000", beside: "C, librabbitmq"
        ) {
            try await fresh()
            try fill(configuration)
            return try Self.rate(
                in: withBroker(configuration) {
                    c_loop_consume($0, Self.queue, Int32(Self.count), Int32(Self.inFlight), 100)
                })
        } ours: {
            try await fresh()
            try fill(configuration)
            return try await Self.consume(configuration)
        }
        let both = try await Comparison.measure("publish and consume side by side", beside: "C, librabbitmq") {
            try await fresh()
            return try await Self.sideBySide {
                try Self.rate(
                    in: withBroker(configuration) {
                        c_loop_publish($0, Self.queue, Int32(Self.count), Self.size, Int32(Self.inFlight))
                    })
            } and: {
                try Self.rate(
                    in: withBroker(configuration) {
                        c_loop_consume($0, Self.queue, Int32(Self.count), Int32(Self.inFlight), 100)
                    })
            }
        } ours: {
            try await fresh()
            return try await Self.sideBySide {
                try await Self.publish(configuration)
            } and: {
                try await Self.consume(configuration)
            }
        }
        return [publishing, consuming, both].compactMap(\.self)
    }

    private func fill(_ configuration: AMQPConfiguration) throws {
        _ = try Self.rate(
            in: withBroker(configuration) {
                c_loop_publish($0, Self.queue, Int32(Self.count), Self.size, Int32(Self.inFlight))
            })
    }

    /// A thousand callers, each of whom waits for the confirm of its message before it sends the next.
    private static func publish(_ configuration: AMQPConfiguration) async throws -> Double {
        let publisher = AMQPPublisher(
            configuration: configuration, maxInFlight: inFlight, logger: ClientBenchmarks.logger)
        return try await running(publisher) {
            while publisher.status != .connected { try await Task.sleep(for: .milliseconds(1)) }
            let message = AMQPMessage(exchange: "", routingKey: queue, body: Array(repeating: 0, count: size))
            let time = try await ContinuousClock().measure {
                try await withThrowingDiscardingTaskGroup { group in
                    for _ in 0..<inFlight {
                        group.addTask { for _ in 0..<count / inFlight { try await publisher.publish(message) } }
                    }
                }
            }
            return Double(count) / (time / .seconds(1))
        }
    }

    private static func consume(_ configuration: AMQPConfiguration) async throws -> Double {
        let consumer = AMQPConsumer(configuration: configuration, logger: ClientBenchmarks.logger)
        return try await running(consumer) {
            while consumer.status != .connected { try await Task.sleep(for: .milliseconds(1)) }
            let start = ContinuousClock.now
            var taken = 0
            for await delivery in consumer.subscribe(queue: queue, prefetch: UInt16(inFlight)) {
                delivery.ack()
                taken += 1
                if taken == count { break }
            }
            return Double(count) / (start.duration(to: .now) / .seconds(1))
        }
    }

    /// The rate of the slower side.
    private static func sideBySide(
        _ publish: @escaping @Sendable () async throws -> Double,
        and consume: @escaping @Sendable () async throws -> Double
    ) async throws -> Double {
        async let publishing = publish()
        async let consuming = consume()
        return min(try await publishing, try await consuming)
    }

    private static func rate(in seconds: Double) throws -> Double {
        guard seconds > 0 else { throw BenchmarkError("the C loop over librabbitmq failed") }
        return Double(count) / seconds
    }

    private func withBroker<T>(_ configuration: AMQPConfiguration, _ body: (c_loop_broker) -> T) -> T {
        configuration.host.withCString { host in
            configuration.username.withCString { user in
                configuration.password.withCString { password in
                    configuration.virtualHost.withCString { vhost in
                        body(
                            c_loop_broker(
                                host: host, port: Int32(configuration.port), user: user, password: password,
                                vhost: vhost))
                    }
                }
            }
        }
    }
}

/// Runs a client for the time of `body`.
func running<T: Sendable>(_ service: any Service, _ body: () async throws -> T) async throws -> T {
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await service.run() }
        defer { group.cancelAll() }
        return try await body()
    }
}
