import Synchronization

/// Runs an operation once for all who ask for the same key while it is under way.
///
/// Who is cancelled leaves at once and the others stay; the operation itself is cancelled when nobody waits for it any
/// more. Who asks after that starts a new one, perhaps while the old one still cleans up.
package final class SingleFlight<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private struct Flight {
        let number: Int
        var task: Task<Void, Never>?
        var waiters: [Int: CheckedContinuation<Value, any Error>]
    }

    private struct State {
        var flights: [Key: Flight] = [:]
        var counter = 0

        mutating func number() -> Int {
            counter += 1
            return counter
        }
    }

    private let state = Mutex(State())

    package init() {}

    /// The value of `operation`, or of the one for `key` that is under way.
    package func run(_ key: Key, _ operation: @escaping @Sendable () async throws -> Value) async throws -> Value {
        let waiter = state.withLock { $0.number() }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                join(key, waiter, continuation, operation)
                // A cancellation that came before the joining found nobody to remove.
                if Task.isCancelled { leave(key, waiter) }
            }
        } onCancel: {
            leave(key, waiter)
        }
    }

    /// How many wait for `key` now.
    func waiting(for key: Key) -> Int { state.withLock { $0.flights[key]?.waiters.count ?? 0 } }

    private func join(
        _ key: Key, _ waiter: Int, _ continuation: CheckedContinuation<Value, any Error>,
        _ operation: @escaping @Sendable () async throws -> Value
    ) {
        let started = state.withLock { state -> Int? in
            if state.flights[key] != nil {
                state.flights[key]?.waiters[waiter] = continuation
                return nil
            }
            let number = state.number()
            state.flights[key] = Flight(number: number, waiters: [waiter: continuation])
            return number
        }
        guard let started else { return }
        let task = Task {
            let result: Result<Value, any Error>
            do { result = .success(try await operation()) } catch { result = .failure(error) }
            self.land(key, started, result)
        }
        let isUnderWay = state.withLock { state in
            guard state.flights[key]?.number == started else { return false }
            state.flights[key]?.task = task
            return true
        }
        // Landed already, or everybody left before the task was known.
        if !isUnderWay { task.cancel() }
    }

    private func land(_ key: Key, _ number: Int, _ result: Result<Value, any Error>) {
        let waiters = state.withLock { state -> [CheckedContinuation<Value, any Error>] in
            guard let flight = state.flights[key], flight.number == number else { return [] }
            state.flights[key] = nil
            return Array(flight.waiters.values)
        }
        for waiter in waiters { waiter.resume(with: result) }
    }

    private func leave(_ key: Key, _ waiter: Int) {
        let (continuation, task) = state.withLock { state in
            let continuation = state.flights[key]?.waiters.removeValue(forKey: waiter)
            guard continuation != nil, state.flights[key]?.waiters.isEmpty == true else {
                return (continuation, Task<Void, Never>?.none)
            }
            return (continuation, state.flights.removeValue(forKey: key)?.task)
        }
        continuation?.resume(throwing: CancellationError())
        task?.cancel()
    }
}
