/// The deliveries of one subscription. Goes on over reconnects; ends when cancelled or when its consumer stops. At most
/// `prefetch` are under way, which is what bounds it.
package struct AMQPDeliveries: AsyncSequence, Sendable {
    package typealias Element = AMQPDelivery
    let stream: AsyncStream<AMQPDelivery>
    private let onCancel: @Sendable () -> Void

    init(stream: AsyncStream<AMQPDelivery>, onCancel: @escaping @Sendable () -> Void) {
        self.stream = stream
        self.onCancel = onCancel
    }

    /// Ends the subscription; the broker gives what is unsettled to others.
    package func cancel() { onCancel() }

    package func makeAsyncIterator() -> Iterator { Iterator(base: stream.makeAsyncIterator()) }

    package struct Iterator: AsyncIteratorProtocol {
        var base: AsyncStream<AMQPDelivery>.Iterator

        package mutating func next(isolation actor: isolated (any Actor)?) async -> AMQPDelivery? {
            while let delivery = await base.next(isolation: actor) {
                // What came on a channel that is gone will be delivered again.
                if delivery.isCurrent { return delivery }
            }
            return nil
        }

        package mutating func next() async -> AMQPDelivery? { await next(isolation: nil) }
    }
}
