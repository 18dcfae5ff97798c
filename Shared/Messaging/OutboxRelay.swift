package import AMQPClient
import Foundation
package import Logging
import Metrics
package import PostgresClient
import ServiceLifecycle
import Store

/// Carries messages from the outbox to the broker: claims a batch, publishes it with confirms, deletes what was
/// confirmed. What fails stays and comes up again, so every message is sent at least once.
package final class OutboxRelay: Service, Sendable {
    private let pool: PostgresPool
    private let publisher: AMQPPublisher
    private let logger: Logger
    private let wakeUps: AsyncStream<Void>
    private let wakeUp: AsyncStream<Void>.Continuation
    /// Half the publisher's window for each claim keeps it full while a batch is deleted.
    private static let batch = 250
    /// Longer than any publish can take, so that no other relay sends the same message meanwhile.
    private static let hold: Duration = .seconds(30)
    private static let retryDelay: Duration = .milliseconds(500)

    package init(pool: PostgresPool, publisher: AMQPPublisher, logger: Logger) {
        self.pool = pool
        self.publisher = publisher
        self.logger = logger
        (wakeUps, wakeUp) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Says that a transaction with messages has committed. Without it they wait for the next poll.
    package func wake() { wakeUp.yield() }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                group.addTask { await self.poll() }
                for await _ in self.wakeUps { await self.drain() }
                group.cancelAll()
            }
        }
        // What the last transactions left goes out before the publisher closes, if it can.
        await drain()
    }

    /// The net under lost wake-ups and messages of services that died.
    private func poll() async {
        while !Task.isCancelled {
            wake()
            try? await Task.sleep(for: Self.retryDelay)
        }
    }

    private func drain() async {
        do {
            while try await relayBatch() {}
        } catch is CancellationError {
        } catch {
            logger.debug("The outbox cannot be relayed now", metadata: ["error": "\(error)"])
        }
    }

    /// True if there may be more.
    private func relayBatch() async throws -> Bool {
        // Without a broker the messages are as safe in the table.
        guard publisher.status == .connected else { return false }
        let token = UUID()
        let claimed = try await pool.withConnection {
            try await Outbox.claim(Self.batch, token: token, hold: Self.hold, in: $0)
        }
        guard !claimed.isEmpty else { return false }
        let results = await publisher.publish(contentsOf: claimed.map { Envelope.message($0.message) })
        var sent: [Int64] = []
        var failed: [Int64] = []
        for (entry, result) in zip(claimed, results) {
            switch result {
            case .success: sent.append(entry.row)
            case .failure(let error):
                failed.append(entry.row)
                logger.warning(
                    "A message could not be sent and stays in the outbox",
                    metadata: ["type": "\(entry.message.type)", "error": "\(error)"])
            }
        }
        Counter(label: "parity_outbox_sent_total").increment(by: sent.count)
        Counter(label: "parity_outbox_failed_total").increment(by: failed.count)
        try await finish(sent: sent, failed: failed, token: token)
        return claimed.count == Self.batch && failed.isEmpty
    }

    private func finish(sent: [Int64], failed: [Int64], token: UUID) async throws {
        try await pool.withConnection { connection in
            try await Outbox.delete(sent, token: token, in: connection)
            try await Outbox.release(failed, token: token, after: Self.retryDelay, in: connection)
        }
    }
}
