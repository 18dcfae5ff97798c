import Synchronization

/// What the scheduler says to a claim.
enum ClaimAnswer<Grant: Sendable, Reason: Sendable>: Sendable {
    case granted(Grant)
    case refused(Reason)
}

/// Claims that wait for their answer. An answer can overtake the broker's confirmation of its claim, so a claim is known
/// here before it is sent.
final class PendingClaims<ID: Hashable & Sendable, Grant: Sendable, Reason: Sendable>: Sendable {
    typealias Answer = ClaimAnswer<Grant, Reason>
    /// Nil says that the patience with one try is over.
    private typealias Waiter = AsyncStream<Answer?>.Continuation

    private struct State {
        var waiters: [ID: (number: Int, waiter: Waiter)] = [:]
        var number = 0
    }

    private let state = Mutex(State())
    /// How long a claim may stay without answer before it is sent again, and how often.
    private let patience: Duration
    private let tries: Int

    init(patience: Duration = .seconds(15), tries: Int = 4) {
        self.patience = patience
        self.tries = tries
    }

    /// Sends a claim until it is answered; nil if it never is, or the present task is cancelled. Of two that wait for one
    /// claim the earlier gets nil.
    func answer(to id: ID, send: () async -> Void) async -> Answer? {
        let (answers, waiter) = AsyncStream<Answer?>.makeStream(bufferingPolicy: .bufferingOldest(tries + 1))
        let number = enter(id, waiter)
        defer { leave(id, number) }
        var iterator = answers.makeAsyncIterator()
        for _ in 0..<tries where !Task.isCancelled {
            await send()
            let patience = patience
            let alarm = Task {
                try await Task.sleep(for: patience)
                waiter.yield(nil)
            }
            defer { alarm.cancel() }
            guard let answer = await iterator.next() else { return nil }
            if let answer { return answer }
        }
        return nil
    }

    /// Says whether anybody waits for it.
    @discardableResult
    func hear(_ answer: Answer, to id: ID) -> Bool {
        guard let waiter = state.withLock({ $0.waiters[id]?.waiter }) else { return false }
        waiter.yield(answer)
        return true
    }

    private func enter(_ id: ID, _ waiter: Waiter) -> Int {
        let (number, earlier) = state.withLock { state in
            state.number += 1
            return (state.number, state.waiters.updateValue((state.number, waiter), forKey: id)?.waiter)
        }
        earlier?.finish()
        return number
    }

    private func leave(_ id: ID, _ number: Int) {
        state.withLock { if $0.waiters[id]?.number == number { $0.waiters[id] = nil } }
    }
}
