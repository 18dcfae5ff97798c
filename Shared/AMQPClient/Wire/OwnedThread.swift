import CRabbitMQ
import Foundation
import Glibc
import Synchronization

/// A wake-up that poll() sees: an eventfd (Linux).
final class WakeUp: Sendable {
    private let descriptor = parity_eventfd()
    /// Raised since the last wait began to look. Ordered with `isAsleep`, so that one side always sees the other.
    private let isRaised = Atomic(false)
    private let isAsleep = Atomic(false)

    deinit { close(descriptor) }

    func raise() {
        isRaised.store(true, ordering: .sequentiallyConsistent)
        // Nobody sleeps: the flag is enough, and spares a system call.
        guard isAsleep.load(ordering: .sequentiallyConsistent) else { return }
        var one: UInt64 = 1
        _ = write(descriptor, &one, 8)
    }

    /// Waits until raised, until `socket` can be read, or until `timeout` has passed.
    func wait(socket: Int32?, timeout: Duration) {
        isAsleep.store(true, ordering: .sequentiallyConsistent)
        defer { isAsleep.store(false, ordering: .sequentiallyConsistent) }
        if isRaised.exchange(false, ordering: .sequentiallyConsistent) { return }
        var set = [pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)]
        if let socket { set.append(pollfd(fd: socket, events: Int16(POLLIN), revents: 0)) }
        let milliseconds = timeout.components.seconds * 1000 + timeout.components.attoseconds / 1_000_000_000_000_000
        _ = poll(&set, nfds_t(set.count), Int32(clamping: max(0, milliseconds)))
        if set[0].revents != 0 {
            var count: UInt64 = 0
            _ = read(descriptor, &count, 8)
        }
        isRaised.store(false, ordering: .sequentiallyConsistent)
    }
}

/// Runs `body` on a thread of its own and returns what it returns: librabbitmq blocks, and the cooperative pool must
/// not.
func onOwnThread<T: Sendable>(
    named name: String, _ body: @escaping @Sendable () throws -> T
) async throws -> T {
    try await withCheckedThrowingContinuation { continuation in
        let thread = Thread { continuation.resume(with: Result(catching: body)) }
        thread.name = name
        thread.stackSize = 1 << 20
        thread.start()
    }
}

/// How the loop of a connection is told to end, and how a loop that is stuck in a send is freed.
final class LoopControl: Sendable {
    enum Phase: Sendable { case running, draining, stopped }

    private struct State {
        var phase = Phase.running
        var socket: Int32?
        var busySince: ContinuousClock.Instant?
    }

    private let state = Mutex(State())
    let wakeUp = WakeUp()

    var phase: Phase { state.withLock { $0.phase } }

    func advance(to phase: Phase) {
        state.withLock { if $0.phase != .stopped { $0.phase = phase } }
        wakeUp.raise()
    }

    /// The loop's thread names the socket while it is open, and takes it back before it closes it.
    func attach(_ socket: Int32?) {
        state.withLock {
            $0.socket = socket
            $0.busySince = nil
        }
    }

    /// The loop's thread says when it goes into a call that may block.
    func setBusy(_ isBusy: Bool) { state.withLock { $0.busySince = isBusy ? .now : nil } }

    /// Shuts the socket down under a call that has been stuck for `limit`: the only way to end a send to a broker that
    /// has stopped reading. The descriptor stays open, so its number cannot be somebody else's.
    func brake(after limit: Duration) {
        state.withLock { state in
            guard let socket = state.socket, let since = state.busySince, since.duration(to: .now) >= limit else {
                return
            }
            shutdown(socket, Int32(SHUT_RDWR))
        }
    }
}
