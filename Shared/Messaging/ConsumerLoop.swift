package import AMQPClient
package import Logging
import Metrics
package import ParityProtocol
import PostgresClient
import ServiceLifecycle
import Telemetry

/// Handles the deliveries of one queue: each in one transaction, acknowledged after commit.
///
/// A malformed message goes to the dead-letter queue and nothing else stops. While the database is away or too slow the
/// delivery is kept and tried again; any other failure is tried a few times and then set aside.
package struct ConsumerLoop: Service {
    package typealias Handler = @Sendable (AMQPDelivery, MessageID) async throws -> Void

    private let queue: String
    private let concurrency: Int
    private let deliveries: AMQPDeliveries
    private let logger: Logger
    private let handler: Handler
    private static let maximumTries = 5

    /// Takes `concurrency` messages at a time off `queue`.
    package init(
        queue: String, consumer: AMQPConsumer, concurrency: Int, logger: Logger, handler: @escaping Handler
    ) {
        self.queue = queue
        self.concurrency = concurrency
        self.logger = logger
        self.handler = handler
        deliveries = consumer.subscribe(queue: queue, prefetch: UInt16(clamping: concurrency * 2))
    }

    /// Ends with the consumer, once what it had handed out is done.
    package func run() async throws {
        await withDiscardingTaskGroup { group in
            for _ in 0..<concurrency {
                group.addTask { await work() }
            }
        }
    }

    private func work() async {
        for await delivery in deliveries {
            let trace = delivery.properties.headers[TraceContext.headerName]?.string
            await TraceContext.$current.withValue(.continuing(trace)) { await handle(delivery) }
        }
    }

    private func handle(_ delivery: AMQPDelivery) async {
        var tries = 0
        while true {
            do {
                try await handler(delivery, try Envelope.id(of: delivery))
                delivery.ack()
                count("done")
                return
            } catch let error as MalformedMessage {
                return setAside(delivery, error)
            } catch let error as PostgresError where error.isTransient {
                logger.debug(
                    "The database is away or too slow; the message waits",
                    metadata: ["queue": "\(queue)", "error": "\(error)"])
            } catch is CancellationError {
                // Given back by the closing of its channel.
                return
            } catch {
                tries += 1
                if tries >= Self.maximumTries { return setAside(delivery, error) }
            }
            do { try await Task.sleep(for: .milliseconds(200)) } catch { return }
            // Redelivered on another channel by now: this copy is void.
            if !delivery.isCurrent { return }
        }
    }

    private func setAside(_ delivery: AMQPDelivery, _ error: any Error) {
        delivery.reject(requeue: false)
        count("dead")
        logger.error(
            "A message was set aside",
            metadata: [
                "queue": "\(queue)", "message": "\(delivery.properties.messageID ?? "-")",
                "type": "\(delivery.properties.type ?? "-")", "error": "\(error)",
            ])
    }

    private func count(_ outcome: String) {
        Counter(label: "parity_messages_total", dimensions: [("queue", queue), ("outcome", outcome)]).increment()
    }
}
