import Glibc
import Logging

/// The consumer's thread: connects, subscribes, hands deliveries out and sends settlements. Everything here runs on it.
final class ConsumeLoop {
    private let consumer: AMQPConsumer
    @exclusivity(unchecked) private var channels: [UInt16: OpenChannel] = [:]
    private var channelOf: [UInt64: UInt16] = [:]
    /// Subscriptions that could not be opened, and when to try again.
    private var retries: [UInt64: ContinuousClock.Instant] = [:]
    private var freeChannels: [UInt16] = []
    private var lastChannel: UInt16 = 0
    private var settlements: [DeliveryChannel.Settlement] = []
    private var lastSettled = ContinuousClock.now
    private var generator = SystemRandomNumberGenerator()
    private static let drainTime: Duration = .seconds(20)
    private static let retryDelay: Duration = .milliseconds(500)
    private static let restingChannels = 16
    /// Settlements are gathered until they are this part of the prefetch (one in so many), and never longer than this.
    private static let ackShare = 8
    private static let gatherTime: Duration = .milliseconds(1)
    /// How many events are taken off the wire before settlements have their turn.
    private static let burst = 256
    /// Where so many came at once more are coming. A moment's rest lets them gather: each burst costs this thread and its
    /// readers a wake-up, which on a busy machine is most of their work. What comes alone is handed out at once.
    private static let busyCount = 8
    private static let restMicroseconds: UInt32 = 200

    /// A class: what changes with each delivery must not be copied.
    private final class OpenChannel {
        let subscription: AMQPConsumer.Subscription
        let deliveries: DeliveryChannel
        @exclusivity(unchecked) var window = AckWindow()
        var lastActivity = ContinuousClock.now
        /// Came in this burst, and is not handed out yet.
        @exclusivity(unchecked) var arrived: [AMQPDelivery] = []

        init(subscription: AMQPConsumer.Subscription, deliveries: DeliveryChannel) {
            self.subscription = subscription
            self.deliveries = deliveries
        }

        func close() {
            deliveries.close()
            subscription.buffer.discard()
        }
    }

    init(_ consumer: AMQPConsumer) { self.consumer = consumer }

    func run() throws {
        defer {
            forgetChannels()
            consumer.control.attach(nil)
            consumer.setStatus(.closed)
            consumer.finishAll()
        }
        var attempt = 0
        while consumer.control.phase == .running {
            do {
                let wire = try AMQPWire(consumer.configuration)
                if attempt > 0 { consumer.logger.info("The broker answers again") }
                attempt = 0
                try serve(wire)
                return
            } catch {
                if error.code == .authenticationFailed { throw error }
                disconnected(error, attempt: attempt)
                pause(consumer.configuration.backoff.delay(attempt: attempt, using: &generator))
                attempt += 1
            }
        }
    }

    private func disconnected(_ error: AMQPError, attempt: Int) {
        consumer.control.attach(nil)
        consumer.setStatus(.connecting)
        forgetChannels()
        if attempt == 0 {
            consumer.logger.warning(
                "Waiting for the broker",
                metadata: ["broker": "\(consumer.configuration)", "error": "\(error.message)"])
        }
    }

    private func forgetChannels() {
        for channel in channels.values { channel.close() }
        channels = [:]
        channelOf = [:]
        retries = [:]
        freeChannels = []
        lastChannel = 0
    }

    private func pause(_ delay: Duration) {
        let until = ContinuousClock.now.advanced(by: delay)
        while ContinuousClock.now < until, consumer.control.phase == .running {
            consumer.control.wakeUp.wait(socket: nil, timeout: ContinuousClock.now.duration(to: until))
        }
    }

    private func serve(_ wire: AMQPWire) throws(AMQPError) {
        consumer.control.attach(wire.socket)
        consumer.setStatus(.connected)
        var drainUntil: ContinuousClock.Instant?
        while true {
            consumer.control.setBusy(true)
            if consumer.control.phase == .running { try reconcile(wire) }
            let isComplete = try settle(wire)
            let count = try receive(wire)
            consumer.control.setBusy(false)
            if consumer.control.phase != .running {
                if drainUntil == nil { consumer.finishAll() }
                let until = drainUntil ?? .now.advanced(by: Self.drainTime)
                drainUntil = until
                let isDone = channels.values.allSatisfy { $0.window.count == 0 }
                if isDone || .now >= until || consumer.control.phase == .stopped {
                    wire.close()
                    return
                }
            }
            if wire.hasBufferedFrames { continue }
            if count >= Self.busyCount {
                usleep(Self.restMicroseconds)
                continue
            }
            consumer.control.wakeUp.wait(
                socket: wire.socket, timeout: isComplete ? .milliseconds(200) : Self.gatherTime)
        }
    }

    /// Opens what was subscribed, closes what was cancelled.
    private func reconcile(_ wire: AMQPWire) throws(AMQPError) {
        let wanted = consumer.currentSubscriptions()
        for (id, channel) in channelOf where wanted[id] == nil {
            // What was settled before the end counts.
            if let open = channels[channel] { _ = try settle(open, channel, atLeast: 1, wire) }
            release(channel)
            try wire.closeChannel(channel)
        }
        try renewIdle(wire)
        for (id, subscription) in wanted where channelOf[id] == nil {
            if let retry = retries[id], retry > .now { continue }
            try open(subscription, wire)
        }
    }

    /// Closes the channels of subscriptions that may be dead without a word; they are opened again at once.
    private func renewIdle(_ wire: AMQPWire) throws(AMQPError) {
        let now = ContinuousClock.now
        for (number, channel) in channels where channel.window.count == 0 {
            guard channel.lastActivity.duration(to: now) >= consumer.idleRenewal else { continue }
            release(number)
            try wire.closeChannel(number)
        }
    }

    private func open(_ subscription: AMQPConsumer.Subscription, _ wire: AMQPWire) throws(AMQPError) {
        let channel = nextChannel()
        do {
            try wire.openChannel(channel)
            try declare(subscription, wire, channel)
            try wire.setPrefetch(subscription.prefetch, channel: channel)
            // Known before the first delivery can come.
            channels[channel] = OpenChannel(
                subscription: subscription,
                deliveries: DeliveryChannel(wakeUp: consumer.control.wakeUp))
            channelOf[subscription.id] = channel
            try wire.consume(
                queue: subscription.queue, exclusive: subscription.exclusive, arguments: subscription.arguments,
                channel: channel)
            retries[subscription.id] = nil
        } catch {
            release(channel)
            // A closed connection ends the loop; a closed channel only this subscription, for a while.
            if error.code == .closed { throw error }
            if retries[subscription.id] == nil {
                consumer.logger.warning(
                    "A queue cannot be consumed yet",
                    metadata: ["queue": "\(subscription.queue)", "error": "\(error.message)"])
            }
            retries[subscription.id] = .now.advanced(by: Self.retryDelay)
        }
    }

    /// A number that was not closed a moment ago: frames of the old channel may still be queued in the library, and
    /// would be taken for the new one's. Not always a new one either: the library keeps memory for each.
    private func nextChannel() -> UInt16 {
        if freeChannels.count > Self.restingChannels { return freeChannels.removeFirst() }
        lastChannel += 1
        return lastChannel
    }

    private func declare(
        _ subscription: AMQPConsumer.Subscription, _ wire: AMQPWire, _ channel: UInt16
    ) throws(AMQPError) {
        guard let queue = subscription.declaration else { return }
        _ = try wire.declareQueue(queue, passive: false, channel: channel)
        for binding in queue.bindings {
            try wire.bind(
                queue: queue.name, to: binding.exchange, routingKey: binding.routingKey, channel: channel)
        }
    }

    private func release(_ channel: UInt16) {
        if let open = channels.removeValue(forKey: channel) {
            open.close()
            channelOf[open.subscription.id] = nil
        }
        if !freeChannels.contains(channel) { freeChannels.append(channel) }
    }

    /// Sends what is settled, unless it is little and came a moment ago: the broker takes one ack of many for hardly more
    /// than an ack of one. False if something is left for later.
    private func settle(_ wire: AMQPWire) throws(AMQPError) -> Bool {
        let now = ContinuousClock.now
        let isDue = lastSettled.duration(to: now) >= Self.gatherTime || consumer.control.phase != .running
        if isDue { lastSettled = now }
        var isComplete = true
        for (number, channel) in channels {
            let least = isDue ? 1 : max(1, Int(channel.subscription.prefetch) / Self.ackShare)
            if try !settle(channel, number, atLeast: least, wire) { isComplete = false }
        }
        return isComplete
    }

    private func settle(
        _ channel: OpenChannel, _ number: UInt16, atLeast least: Int, _ wire: AMQPWire
    ) throws(AMQPError) -> Bool {
        settlements.removeAll(keepingCapacity: true)
        let isComplete = channel.deliveries.take(into: &settlements, atLeast: least)
        if settlements.isEmpty { return isComplete }
        var acks: [UInt64] = []
        var rejects: [(tag: UInt64, requeue: Bool)] = []
        for settlement in settlements {
            switch settlement.kind {
            case .ack: acks.append(settlement.tag)
            case .reject(let requeue): rejects.append((settlement.tag, requeue))
            }
        }
        for command in channel.window.settle(acks: acks, rejects: rejects) {
            switch command {
            case .ack(let tag, let multiple): try wire.ack(tag, multiple: multiple, channel: number)
            case .reject(let tag, let requeue): try wire.reject(tag, requeue: requeue, channel: number)
            }
        }
        return isComplete
    }

    /// Returns how many events there were.
    private func receive(_ wire: AMQPWire) throws(AMQPError) -> Int {
        defer { handOut() }
        // Bounded, so that settlements go out while deliveries pour in.
        for count in 0..<Self.burst {
            guard let event = try wire.nextEvent(waitingFor: .zero) else { return count }
            switch event {
            case .delivered(let content): note(content)
            case .consumerCancelled(let channel):
                let queue = channels[channel]?.subscription.queue ?? ""
                consumer.logger.warning("The broker cancelled a consumer", metadata: ["queue": "\(queue)"])
                delayReopening(channel)
                release(channel)
                try wire.closeChannel(channel)
            case .channelClosed(let channel, let error):
                consumer.logger.warning("The broker closed a channel", metadata: ["error": "\(error)"])
                delayReopening(channel)
                release(channel)
            case .connectionClosed(let error): throw error
            case .blocked, .unblocked, .confirmed, .returned: break
            }
        }
        return Self.burst
    }

    private func delayReopening(_ channel: UInt16) {
        if let id = channels[channel]?.subscription.id { retries[id] = .now.advanced(by: Self.retryDelay) }
    }

    private func note(_ content: WireContent) {
        guard let open = channels[content.envelope.channel] else { return }
        open.window.deliver(content.envelope.deliveryTag)
        open.arrived.append(AMQPDelivery(content: content, channel: open.deliveries))
    }

    private func handOut() {
        for open in channels.values where !open.arrived.isEmpty {
            open.lastActivity = .now
            open.subscription.buffer.append(open.arrived)
            open.arrived.removeAll(keepingCapacity: true)
        }
    }
}
