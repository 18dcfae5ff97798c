package import AMQPClient
package import ServiceLifecycle

/// A consumer with the loops that live on it, as one service: on shutdown the deliveries end first, then the loops
/// finish what they hold, and the connection stays until their acks are out.
package struct ConsumingService: Service {
    private let consumer: AMQPConsumer
    private let loops: [any Service]

    package init(consumer: AMQPConsumer, loops: [any Service]) {
        self.consumer = consumer
        self.loops = loops
    }

    package func run() async throws {
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { try await consumer.run() }
            for loop in loops {
                group.addTask { try await loop.run() }
            }
        }
    }
}
