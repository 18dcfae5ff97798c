import CPostgres
import Foundation
import Synchronization

/// Cancels what runs on a connection, and only the very statement that was meant.
///
/// Unchecked: the PGcancel is set once before anybody else knows of this, and libpq lets any thread use it.
final class Canceller: @unchecked Sendable {
    private struct State {
        var last: UInt64 = 0
        var running: UInt64?
        var cancelledEarly: Set<UInt64> = []
        /// A request is on its way to the server: it hits whatever runs when it arrives.
        var isRequesting = false
        var deferred: (ticket: UInt64, next: @Sendable (_ isInTime: Bool) -> Void)?
    }

    private let handle: OpaquePointer?
    private let state = Mutex(State())
    /// How long the end of a statement waits for its own cancel request: libpq 15 gives that no deadline.
    private static let patience: Duration = .seconds(5)

    init(_ handle: OpaquePointer?) { self.handle = handle }

    deinit { if let handle { PQfreeCancel(handle) } }

    func nextTicket() -> UInt64 {
        state.withLock { state in
            // Nobody waits to begin: what is noted came after its statement's end.
            if state.running == nil { state.cancelledEarly = [] }
            state.last += 1
            return state.last
        }
    }

    /// False if it was cancelled before it began.
    func begin(_ ticket: UInt64) -> Bool {
        state.withLock { state in
            if state.cancelledEarly.remove(ticket) != nil { return false }
            state.running = ticket
            return true
        }
    }

    /// False when no cancel request can hit a following statement. True when one is on its way: `next` is called when it
    /// has arrived, or with false when that took too long, which leaves the connection in doubt.
    func end(_ ticket: UInt64, then next: @escaping @Sendable (_ isInTime: Bool) -> Void) -> Bool {
        let mustWait = state.withLock { state in
            state.running = nil
            if state.isRequesting { state.deferred = (ticket, next) }
            return state.isRequesting
        }
        guard mustWait else { return false }
        Task {
            try? await Task.sleep(for: Self.patience)
            takeDeferred { $0 == ticket }?(false)
        }
        return true
    }

    /// A statement that never began: nothing remembers it.
    func forget(_ ticket: UInt64) { _ = state.withLock { $0.cancelledEarly.remove(ticket) } }

    /// Called from the cancelled task: must not block, so the request, which opens a connection, goes to a thread.
    func cancel(_ ticket: UInt64) {
        let mustRequest = state.withLock { state in
            if state.running == ticket, !state.isRequesting {
                state.isRequesting = true
                return true
            }
            if ticket == state.last, state.running != ticket { state.cancelledEarly.insert(ticket) }
            return false
        }
        guard mustRequest else { return }
        let thread = Thread { [self] in
            if let handle {
                var message = [CChar](repeating: 0, count: 256)
                _ = PQcancel(handle, &message, Int32(message.count))
            }
            state.withLock { $0.isRequesting = false }
            takeDeferred { _ in true }?(true)
        }
        thread.name = "postgres-cancel"
        thread.stackSize = 1 << 20
        thread.start()
    }

    /// Whoever comes first calls it: the request that has arrived, or the patience with this very ticket.
    private func takeDeferred(where isMeant: (UInt64) -> Bool) -> (@Sendable (Bool) -> Void)? {
        state.withLock { state in
            guard let deferred = state.deferred, isMeant(deferred.ticket) else { return nil }
            state.deferred = nil
            return deferred.next
        }
    }
}
