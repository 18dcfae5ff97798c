import Synchronization

/// A message that a consumer got. It stays the consumer's until it is acked or rejected, or its connection goes.
package struct AMQPDelivery: Sendable {
    package let body: [UInt8]
    package let properties: AMQPProperties
    package let exchange: String
    package let routingKey: String
    /// Only a hint: the broker had handed it out before.
    package let redelivered: Bool
    let tag: UInt64
    let channel: DeliveryChannel

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

    private struct State {
        var settlements: [Settlement] = []
        var isOpen = true
    }

    private let state = Mutex(State())
    private let wakeUp: WakeUp

    init(wakeUp: WakeUp) { self.wakeUp = wakeUp }

    var isOpen: Bool { state.withLock { $0.isOpen } }

    func settle(_ settlement: Settlement) {
        let mustWake = state.withLock { state in
            guard state.isOpen else { return false }
            state.settlements.append(settlement)
            return state.settlements.count == 1
        }
        if mustWake { wakeUp.raise() }
    }

    func take() -> [Settlement] {
        state.withLock { state in
            defer { state.settlements = [] }
            return state.settlements
        }
    }

    func close() {
        state.withLock { state in
            state.isOpen = false
            state.settlements = []
        }
    }
}
