import Logging

/// The publisher's thread: connects, sends what the mailbox holds, and matches confirms. Everything here runs on it.
final class PublishLoop {
    private let publisher: AMQPPublisher
    private var window = ConfirmWindow<PublishRequest>()
    /// Taken in but not sent: the window is full, the broker blocks, or there is no connection.
    private var waiting: [PublishRequest] = []
    private var waitingHead = 0
    private var isBlocked = false
    private var generator = SystemRandomNumberGenerator()
    private static let channel: UInt16 = 1
    private static let drainTime: Duration = .seconds(5)

    init(_ publisher: AMQPPublisher) { self.publisher = publisher }

    /// Returns once stopped; throws when the broker refuses the user.
    func run() throws {
        defer { finishAll() }
        var attempt = 0
        while publisher.control.phase != .stopped {
            do {
                let wire = try AMQPWire(publisher.configuration)
                if attempt > 0 { publisher.logger.info("The broker answers again") }
                attempt = 0
                try serve(wire)
                return
            } catch {
                if error.code == .authenticationFailed { throw error }
                disconnected(error, attempt: attempt)
                if publisher.control.phase != .running { return }
                pause(publisher.configuration.backoff.delay(attempt: attempt, using: &generator))
                attempt += 1
            }
        }
    }

    private func disconnected(_ error: AMQPError, attempt: Int) {
        publisher.control.attach(nil)
        publisher.setStatus(.connecting)
        isBlocked = false
        if attempt == 0 {
            publisher.logger.warning(
                "Waiting for the broker",
                metadata: ["broker": "\(publisher.configuration)", "error": "\(error.message)"])
        }
        let unknown = AMQPError(code: .closed, message: "the connection was lost before the broker confirmed")
        for request in window.reset() { request.finish(unknown) }
    }

    /// Waits, yet keeps failing what is overdue.
    private func pause(_ delay: Duration) {
        let until = ContinuousClock.now.advanced(by: delay)
        while ContinuousClock.now < until, publisher.control.phase == .running {
            publisher.control.wakeUp.wait(
                socket: nil, timeout: min(.milliseconds(100), ContinuousClock.now.duration(to: until)))
            takeIn()
            failOverdue()
        }
    }

    private func serve(_ wire: AMQPWire) throws(AMQPError) {
        publisher.control.attach(wire.socket)
        defer { publisher.control.attach(nil) }
        try wire.openChannel(Self.channel)
        try wire.selectConfirms(Self.channel)
        publisher.setStatus(.connected)
        var drainUntil: ContinuousClock.Instant?
        while true {
            takeIn()
            publisher.control.setBusy(true)
            try send(wire)
            try receive(wire)
            publisher.control.setBusy(false)
            failOverdue()
            if isBlocked {
                // The broker has said why it is silent; a new connection would be no better off.
                let error = AMQPError(code: .timedOut, message: "the broker blocks publishers")
                for request in window.expire(at: .now) { request.finish(error) }
            } else if window.isOverdue(at: .now) {
                throw AMQPError(code: .timedOut, message: "the broker did not confirm in time")
            }
            if publisher.control.phase != .running {
                let until = drainUntil ?? .now.advanced(by: Self.drainTime)
                drainUntil = until
                let isDone = window.count == 0 && waitingHead == waiting.count
                if isDone || .now >= until || publisher.control.phase == .stopped {
                    wire.close()
                    return
                }
            }
            if canSend || wire.hasBufferedFrames { continue }
            publisher.control.wakeUp.wait(socket: wire.socket, timeout: .milliseconds(200))
        }
    }

    private var canSend: Bool {
        !isBlocked && window.count < publisher.maxInFlight && waitingHead < waiting.count
    }

    private func takeIn() {
        let requests = publisher.takeRequests()
        if waitingHead == waiting.count {
            waiting = requests
            waitingHead = 0
        } else {
            if waitingHead > 4096 {
                waiting.removeFirst(waitingHead)
                waitingHead = 0
            }
            waiting.append(contentsOf: requests)
        }
    }

    private func send(_ wire: AMQPWire) throws(AMQPError) {
        // Not more at once than lets confirms be read in between.
        var burst = 0
        while canSend, burst < 128 {
            burst += 1
            let request = waiting[waitingHead]
            waitingHead += 1
            _ = window.add(
                request, deadline: request.deadline, messageKey: request.message.properties.messageID)
            try wire.publish(request.message, channel: Self.channel)
        }
    }

    private func receive(_ wire: AMQPWire) throws(AMQPError) {
        while let event = try wire.nextEvent(waitingFor: .zero) {
            switch event {
            case .confirmed(let sequence, let multiple, let isAck): settle(sequence, multiple, isAck)
            case .returned(let content): window.markReturned(messageKey: content.properties.messageID)
            case .blocked(let reason):
                isBlocked = true
                publisher.setStatus(.blocked(reason: reason))
                publisher.logger.warning("The broker blocks publishers", metadata: ["reason": "\(reason)"])
            case .unblocked:
                isBlocked = false
                publisher.setStatus(.connected)
                publisher.logger.info("The broker takes messages again")
            case .channelClosed(_, let error):
                // Publishing to an exchange that is not there closes the channel; which message it was is not said.
                for request in window.reset() { request.finish(error) }
                try wire.openChannel(Self.channel)
                try wire.selectConfirms(Self.channel)
            case .connectionClosed(let error): throw error
            case .delivered, .consumerCancelled: break
            }
        }
    }

    private func settle(_ sequence: UInt64, _ multiple: Bool, _ isAck: Bool) {
        for (request, isReturned) in window.settle(sequence, multiple: multiple) {
            if isReturned {
                request.finish(
                    AMQPError(
                        code: .returned,
                        message: "no queue is bound to \(request.message.exchange) for \(request.message.routingKey)",
                        replyCode: 312))
            } else if isAck {
                request.finish(nil)
            } else {
                request.finish(AMQPError(code: .refused, message: "the broker refused the message"))
            }
        }
    }

    /// Those never sent are known not to have arrived, but their callers waited long enough.
    private func failOverdue() {
        let now = ContinuousClock.now
        let error = AMQPError(code: .timedOut, message: "the message could not be sent in time")
        while waitingHead < waiting.count, waiting[waitingHead].deadline <= now {
            waiting[waitingHead].finish(error)
            waitingHead += 1
        }
    }

    private func finishAll() {
        publisher.control.attach(nil)
        publisher.setStatus(.closed)
        takeIn()
        waiting += publisher.closeMailbox()
        let error = AMQPError(code: .closed, message: "the publisher has stopped")
        for request in window.reset() { request.finish(error) }
        for request in waiting[waitingHead...] { request.finish(error) }
        waiting = []
        waitingHead = 0
    }
}
