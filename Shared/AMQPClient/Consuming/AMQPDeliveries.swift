import Synchronization

/// The deliveries of one subscription. Goes on over reconnects; ends when cancelled or when its consumer stops. At most
/// `prefetch` are under way, which is what bounds it.
package struct AMQPDeliveries: AsyncSequence, Sendable {
    package typealias Element = AMQPDelivery
    private let buffer: DeliveryBuffer
    private let onCancel: @Sendable () -> Void

    init(buffer: DeliveryBuffer, onCancel: @escaping @Sendable () -> Void) {
        self.buffer = buffer
        self.onCancel = onCancel
    }

    /// Ends the subscription; the broker gives what is unsettled to others.
    package func cancel() { onCancel() }

    package func makeAsyncIterator() -> Iterator { Iterator(buffer: buffer) }

    package struct Iterator: AsyncIteratorProtocol {
        let buffer: DeliveryBuffer

        package mutating func next(isolation actor: isolated (any Actor)?) async -> AMQPDelivery? {
            // Mostly one is there, and then there is no need to suspend.
            var delivery = buffer.pop()
            while true {
                if delivery == nil { delivery = await buffer.next() }
                guard let taken = delivery else { return nil }
                // What came on a channel that is gone will be delivered again.
                if taken.isCurrent { return taken }
                delivery = nil
            }
        }

        package mutating func next() async -> AMQPDelivery? { await next(isolation: nil) }
    }
}

/// Deliveries that wait for their consumer: a burst goes in at once, which costs one lock and one wake-up.
final class DeliveryBuffer: Sendable {
    private struct State {
        var deliveries = DeliveryQueue<AMQPDelivery>()
        var waiters: [(id: UInt64, continuation: CheckedContinuation<AMQPDelivery?, Never>)] = []
        var lastWaiter: UInt64 = 0
        var isFinished = false
    }

    private let state = Mutex(State())

    func append(_ burst: [AMQPDelivery]) {
        typealias Served = (CheckedContinuation<AMQPDelivery?, Never>, AMQPDelivery?)
        let served = state.withLock { state -> [Served] in
            if state.isFinished { return [] }
            state.deliveries.append(burst)
            let count = min(state.waiters.count, state.deliveries.count)
            let first = state.waiters.prefix(count).map { ($0.continuation, state.deliveries.pop()) }
            state.waiters.removeFirst(count)
            return first
        }
        for (continuation, delivery) in served { continuation.resume(returning: delivery) }
    }

    /// The channel that they came on is gone: they will be delivered again.
    func discard() { state.withLock { $0.deliveries = DeliveryQueue() } }

    /// What is there is still handed out, then nil.
    func finish() {
        let waiters = state.withLock { state in
            state.isFinished = true
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.continuation.resume(returning: nil) }
    }

    /// One that is there.
    func pop() -> AMQPDelivery? { state.withLock { $0.deliveries.pop() } }

    /// Waits for one. Nil when finished, or when the task is cancelled.
    func next() async -> AMQPDelivery? {
        let id = state.withLock { state in
            state.lastWaiter += 1
            return state.lastWaiter
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer = state.withLock { state -> AMQPDelivery?? in
                    if let delivery = state.deliveries.pop() { return .some(delivery) }
                    // Under the lock: a cancellation that comes later finds the waiter.
                    if state.isFinished || Task.isCancelled { return .some(nil) }
                    state.waiters.append((id, continuation))
                    return nil
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            let waiter = state.withLock { state in
                state.waiters.firstIndex { $0.id == id }.map { state.waiters.remove(at: $0) }
            }
            waiter?.continuation.resume(returning: nil)
        }
    }
}

/// First in, first out, in one array. What was taken is let go also when the queue never runs empty.
struct DeliveryQueue<Element> {
    private var elements: [Element] = []
    private var head = 0

    var count: Int { elements.count - head }
    /// How many elements are held in memory.
    var held: Int { elements.count }

    mutating func append(_ burst: [Element]) { elements += burst }

    mutating func pop() -> Element? {
        guard head < elements.count else { return nil }
        let element = elements[head]
        head += 1
        // Half of it is over: moving the rest costs no more than what was taken.
        if head * 2 >= elements.count {
            elements.removeFirst(head)
            head = 0
        }
        return element
    }
}
