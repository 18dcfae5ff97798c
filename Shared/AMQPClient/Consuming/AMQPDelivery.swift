import Synchronization

/// A message that a consumer got. It stays the consumer's until it is acked or rejected, or its connection goes.
package struct AMQPDelivery: Sendable {
    let content: WireContent
    let channel: DeliveryChannel

    package var body: [UInt8] { content.body }
    package var properties: AMQPProperties { content.properties }
    package var exchange: String { content.envelope.exchange }
    package var routingKey: String { content.envelope.routingKey }
    /// Only a hint: the broker had handed it out before.
    package var redelivered: Bool { content.envelope.redelivered }
    private var tag: UInt64 { content.envelope.deliveryTag }

    /// Settles it for good. Does not wait; void when the channel it came on is gone (it will be delivered again).
    package func ack() { channel.settle(.init(tag: tag, kind: .ack)) }

    /// Gives it back to the queue, or to the queue's dead-letter exchange.
    package func reject(requeue: Bool) { channel.settle(.init(tag: tag, kind: .reject(requeue: requeue))) }

    /// Its channel is still open: an ack would reach the broker.
    package var isCurrent: Bool { channel.isOpen }
}

/// The channel that deliveries came on; tags mean nothing on any other.
final class DeliveryChannel: Sendable {
    struct Settlement: Sendable {
        enum Kind: Sendable {
            case ack
            case reject(requeue: Bool)
        }
        let tag: UInt64
        let kind: Kind
    }

    private let settlements = Mutex<[Settlement]>([])
    private let open = Atomic(true)
    private let wakeUp: WakeUp

    init(wakeUp: WakeUp) { self.wakeUp = wakeUp }

    var isOpen: Bool { open.load(ordering: .acquiring) }

    func settle(_ settlement: Settlement) {
        let mustWake = settlements.withLock { settlements in
            guard isOpen else { return false }
            settlements.append(settlement)
            return settlements.count == 1
        }
        if mustWake { wakeUp.raise() }
    }

    /// Moves what is to be settled, if it is so many, into `taken`, which is empty and leaves its memory for the next.
    /// False if something is left.
    func take(into taken: inout [Settlement], atLeast count: Int) -> Bool {
        settlements.withLock { settlements in
            if settlements.count >= count { swap(&settlements, &taken) }
            return settlements.isEmpty
        }
    }

    func close() {
        settlements.withLock { settlements in
            open.store(false, ordering: .releasing)
            settlements = []
        }
    }
}
