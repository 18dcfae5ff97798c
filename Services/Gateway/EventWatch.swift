import Logging
import ParityProtocol
import PostgresClient
import ServiceLifecycle
import Store
import Synchronization

/// Wakes those who watch tasks when there is something new to read: one question to the database serves them all, however
/// many there are.
package final class EventWatch: Service {
    private let pool: PostgresPool
    private let logger: Logger
    private let state = Mutex(State())

    /// How often the rows are looked at while anybody watches.
    private static let interval: Duration = .milliseconds(150)
    /// Streams that one account may hold open.
    static let maximumStreams = 200

    private struct Waiter {
        let task: TaskID
        let seq: Int64
        let deadline: ContinuousClock.Instant
        let continuation: CheckedContinuation<Bool, Never>
    }

    private struct State {
        var waiters: [UInt64: Waiter] = [:]
        var next: UInt64 = 0
        var streams: [AccountID: Int] = [:]
        var isClosed = false
    }

    init(pool: PostgresPool, logger: Logger) {
        self.pool = pool
        self.logger = logger
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                await self.look()
                try? await Task.sleep(for: Self.interval)
            }
        }
        let left = state.withLock { state in
            state.isClosed = true
            defer { state.waiters = [:] }
            return Array(state.waiters.values)
        }
        for waiter in left { waiter.continuation.resume(returning: false) }
    }

    /// Waits for an event of `task` after `seq`; false when none came in time, or the watch or the caller ends.
    func change(of task: TaskID, after seq: Int64, within limit: Duration) async -> Bool {
        let id = state.withLock { state in
            state.next += 1
            return state.next
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isRefused = state.withLock { state in
                    // Under the lock: a cancellation that comes later finds the waiter.
                    if state.isClosed || Task.isCancelled { return true }
                    state.waiters[id] = Waiter(
                        task: task, seq: seq, deadline: .now.advanced(by: limit), continuation: continuation)
                    return false
                }
                if isRefused { continuation.resume(returning: false) }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: id) }?.continuation.resume(returning: false)
        }
    }

    private func look() async {
        let tasks = state.withLock { Set($0.waiters.values.map(\.task)) }
        guard !tasks.isEmpty else { return }
        var newest: [TaskID: Int64] = [:]
        do {
            newest = try await pool.withConnection { try await TaskEvents.newest(of: Array(tasks), in: $0) }
        } catch {
            logger.debug("Events cannot be looked for now", metadata: ["error": "\(error)"])
        }
        let now = ContinuousClock.now
        let woken = state.withLock { state in
            let woken = state.waiters.compactMap { id, waiter -> (UInt64, Waiter, Bool)? in
                let isNew = newest[waiter.task].map { $0 > waiter.seq } ?? false
                return isNew || waiter.deadline <= now ? (id, waiter, isNew) : nil
            }
            for (id, _, _) in woken { state.waiters[id] = nil }
            return woken
        }
        for (_, waiter, isNew) in woken { waiter.continuation.resume(returning: isNew) }
    }

    /// A place among an account's streams for as long as it lives; nil if they are all taken.
    func admit(_ account: AccountID) -> Place? {
        let isFree = state.withLock { state in
            guard state.streams[account, default: 0] < Self.maximumStreams else { return false }
            state.streams[account, default: 0] += 1
            return true
        }
        return isFree ? Place(watch: self, account: account) : nil
    }

    /// See ``EventWatch/admit(_:)``.
    final class Place: Sendable {
        private let watch: EventWatch
        private let account: AccountID

        init(watch: EventWatch, account: AccountID) {
            self.watch = watch
            self.account = account
        }

        deinit {
            watch.state.withLock { state in
                let rest = state.streams[account, default: 1] - 1
                state.streams[account] = rest > 0 ? rest : nil
            }
        }
    }
}
