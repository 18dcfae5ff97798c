package import Logging
import ServiceLifecycle
import Synchronization

/// Publishes with confirms over a connection of its own, hundreds in flight.
///
/// ``publish(_:)`` returns when the broker has taken charge of the message: for a quorum queue, when a majority has it.
package final class AMQPPublisher: Service, Sendable {
    let configuration: AMQPConfiguration
    let maxInFlight: Int
    let publishTimeout: Duration
    let logger: Logger
    let control = LoopControl()
    private let mailbox = Mutex(Mailbox())
    private let currentStatus = Mutex(AMQPConnectionStatus.connecting)

    private struct Mailbox {
        var requests: [PublishRequest] = []
        var isClosed = false
    }

    package init(
        configuration: AMQPConfiguration, maxInFlight: Int = 500, publishTimeout: Duration = .seconds(10),
        logger: Logger
    ) {
        self.configuration = configuration
        self.maxInFlight = max(1, maxInFlight)
        self.publishTimeout = publishTimeout
        self.logger = logger
    }

    package var status: AMQPConnectionStatus { currentStatus.withLock { $0 } }

    func setStatus(_ status: AMQPConnectionStatus) { currentStatus.withLock { $0 = status } }

    /// Keeps a connection until shutdown, then waits for what is in flight. Throws when the broker refuses the user.
    package func run() async throws {
        let (control, limit) = (control, publishTimeout)
        // Ends a send that is stuck because the broker has stopped reading.
        let watchdog = Task {
            while !Task.isCancelled {
                try await Task.sleep(for: .milliseconds(200))
                control.brake(after: control.phase == .running ? limit : .milliseconds(500))
            }
        }
        defer { watchdog.cancel() }
        try await withGracefulShutdownHandler {
            try await withTaskCancellationHandler {
                try await onOwnThread(named: "amqp-publish") { try PublishLoop(self).run() }
            } onCancel: {
                control.advance(to: .stopped)
            }
        } onGracefulShutdown: {
            control.advance(to: .draining)
        }
    }

    /// Publishes one message. Throws `.returned` when no queue would have it, `.refused` when the broker said no;
    /// `.timedOut` and `.closed` leave open whether it arrived. Not cancellable: the message may be on its way.
    package func publish(_ message: AMQPMessage) async throws {
        try await withCheckedThrowingContinuation { continuation in
            enqueue([PublishRequest(message: message, deadline: deadline, completion: .one(continuation))])
        }
    }

    /// Publishes many at once and answers for each, in order.
    package func publish(contentsOf messages: [AMQPMessage]) async -> [Result<Void, AMQPError>] {
        if messages.isEmpty { return [] }
        let deadline = deadline
        let errors = await withCheckedContinuation { continuation in
            let batch = PublishBatch(count: messages.count, continuation: continuation)
            enqueue(
                messages.enumerated().map { index, message in
                    PublishRequest(message: message, deadline: deadline, completion: .batch(batch, index: index))
                })
        }
        return errors.map { error in error.map { .failure($0) } ?? .success(()) }
    }

    private var deadline: ContinuousClock.Instant { .now.advanced(by: publishTimeout) }

    private func enqueue(_ requests: [PublishRequest]) {
        let (accepted, wasEmpty) = mailbox.withLock { box in
            if box.isClosed { return (false, false) }
            defer { box.requests.append(contentsOf: requests) }
            return (true, box.requests.isEmpty)
        }
        if !accepted {
            let error = AMQPError(code: .closed, message: "the publisher has stopped")
            for request in requests { request.finish(error) }
        } else if wasEmpty {
            control.wakeUp.raise()
        }
    }

    /// What callers have handed in since the last call.
    func takeRequests() -> [PublishRequest] {
        mailbox.withLock { box in
            defer { box.requests = [] }
            return box.requests
        }
    }

    /// Nothing more is taken in.
    func closeMailbox() -> [PublishRequest] {
        mailbox.withLock { box in
            box.isClosed = true
            defer { box.requests = [] }
            return box.requests
        }
    }
}
