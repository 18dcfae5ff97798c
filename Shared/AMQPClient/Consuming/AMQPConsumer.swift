package import Logging
import ServiceLifecycle
import Synchronization

/// Consumes any number of queues over one connection, each on a channel of its own.
package final class AMQPConsumer: Service, Sendable {
    let configuration: AMQPConfiguration
    let idleRenewal: Duration
    let logger: Logger
    let control = LoopControl()
    private let subscriptions = Mutex(Registry())
    private let currentStatus = Mutex(AMQPConnectionStatus.connecting)

    private struct Registry {
        var all: [UInt64: Subscription] = [:]
        var next: UInt64 = 1
        var isClosed = false
    }

    struct Subscription: Sendable {
        let id: UInt64
        let queue: String
        let prefetch: UInt16
        let exclusive: Bool
        let arguments: AMQPTable
        let declaration: AMQPQueue?
        let buffer: DeliveryBuffer
    }

    /// RabbitMQ 3.10 does not tell the consumers of a quorum queue that it was deleted, so a subscription that has been
    /// silent for `idleRenewal` is made anew.
    package init(configuration: AMQPConfiguration, idleRenewal: Duration = .seconds(15), logger: Logger) {
        self.configuration = configuration
        self.idleRenewal = idleRenewal
        self.logger = logger
    }

    package var status: AMQPConnectionStatus { currentStatus.withLock { $0 } }

    func setStatus(_ status: AMQPConnectionStatus) { currentStatus.withLock { $0 = status } }

    /// Consumes `queue`, now or as soon as it is there. With `declare` the queue and its bindings are declared anew on
    /// each connection, which an exclusive queue needs. `prefetch` (at least 1) is how many deliveries may be unsettled.
    package func subscribe(
        queue: String, prefetch: UInt16, exclusive: Bool = false, arguments: AMQPTable = [:],
        declare: AMQPQueue? = nil
    ) -> AMQPDeliveries {
        let buffer = DeliveryBuffer()
        let id = subscriptions.withLock { registry -> UInt64? in
            if registry.isClosed { return nil }
            let id = registry.next
            registry.next += 1
            registry.all[id] = Subscription(
                id: id, queue: queue, prefetch: max(1, prefetch), exclusive: exclusive, arguments: arguments,
                declaration: declare, buffer: buffer)
            return id
        }
        guard let id else {
            buffer.finish()
            return AMQPDeliveries(buffer: buffer) {}
        }
        control.wakeUp.raise()
        return AMQPDeliveries(buffer: buffer) { [weak self] in self?.remove(id) }
    }

    private func remove(_ id: UInt64) {
        subscriptions.withLock { $0.all.removeValue(forKey: id) }?.buffer.finish()
        control.wakeUp.raise()
    }

    func currentSubscriptions() -> [UInt64: Subscription] { subscriptions.withLock { $0.all } }

    func finishAll() {
        let all = subscriptions.withLock { registry in
            registry.isClosed = true
            defer { registry.all = [:] }
            return Array(registry.all.values)
        }
        for subscription in all { subscription.buffer.finish() }
    }

    /// Keeps a connection until shutdown. On a graceful one, deliveries stop coming and acks still go out until
    /// everything is settled or 20 s have passed. Throws when the broker refuses the user.
    package func run() async throws {
        let control = control
        let watchdog = Task {
            while !Task.isCancelled {
                try await Task.sleep(for: .milliseconds(200))
                control.brake(after: control.phase == .running ? .seconds(30) : .milliseconds(500))
            }
        }
        defer { watchdog.cancel() }
        try await withGracefulShutdownHandler {
            try await withTaskCancellationHandler {
                try await onOwnThread(named: "amqp-consume") { try ConsumeLoop(self).run() }
            } onCancel: {
                control.advance(to: .stopped)
            }
        } onGracefulShutdown: {
            control.advance(to: .draining)
        }
    }
}
