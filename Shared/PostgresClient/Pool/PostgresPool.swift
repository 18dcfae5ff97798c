package import Logging
import ServiceLifecycle
import Synchronization

/// Connections shared by the tasks of a process. Callers wait in the order in which they came.
package final class PostgresPool: Service, Sendable {
    package let configuration: PostgresConfiguration
    private let logger: Logger
    private let state: Mutex<Shared>
    private let ready = Atomic(false)

    private struct Shared {
        var pool: PoolState<PostgresConnection>
        var continuations: [UInt64: CheckedContinuation<Lease, any Error>] = [:]
        var timeouts: [UInt64: Task<Void, any Error>] = [:]
        var nextWaiter: UInt64 = 0

        mutating func take(_ waiter: UInt64) -> CheckedContinuation<Lease, any Error>? {
            timeouts.removeValue(forKey: waiter)?.cancel()
            return continuations.removeValue(forKey: waiter)
        }
    }

    /// What a caller got: a connection, or the place to open one in.
    private enum Lease: Sendable {
        case connection(PostgresConnection)
        case open
    }

    package init(configuration: PostgresConfiguration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
        state = Mutex(Shared(pool: PoolState(maximum: max(1, configuration.maxConnections))))
    }

    /// The server answered when it was last asked.
    package var isReady: Bool { ready.load(ordering: .relaxed) }

    /// Watches the server until shutdown, then closes all. Throws at once when the server refuses the user.
    package func run() async throws {
        defer { close() }
        try await cancelWhenGracefulShutdown { try await self.watch() }
    }

    private func watch() async throws {
        var failures = 0
        while !Task.isCancelled {
            do {
                try await query("SELECT 1")
                if failures > 0 { logger.info("Postgres answers again") }
                failures = 0
                ready.store(true, ordering: .relaxed)
            } catch let error as PostgresError where error.code == .authenticationFailed {
                throw error
            } catch is CancellationError {
                return
            } catch {
                ready.store(false, ordering: .relaxed)
                if failures == 0 {
                    logger.warning(
                        "Waiting for Postgres", metadata: ["server": "\(configuration)", "error": "\(error)"])
                }
                failures += 1
            }
            // A wait that shutdown ends early ends the loop with it.
            try? await Task.sleep(for: failures == 0 ? .seconds(2) : .milliseconds(250 * min(failures, 8)))
        }
    }

    // MARK: - Use

    /// Lends a connection for the time of `body`. A connection that comes back inside a transaction is closed.
    ///
    /// Unless an actor claims it, `body` runs on the thread that serves the connection, which saves two changes of
    /// thread a statement; like any code in a task it must not block, and long computations belong outside.
    package func withConnection<T: Sendable>(
        _ body: (PostgresConnection) async throws -> T
    ) async throws -> T {
        let connection = try await acquire()
        do {
            let value = try await withTaskExecutorPreference(connection.executor) { try await body(connection) }
            giveBack(connection)
            return value
        } catch {
            giveBack(connection)
            throw error
        }
    }

    /// One statement on any connection, committed by itself.
    @discardableResult
    package func query(_ sql: SQL, _ parameters: any PostgresEncodable...) async throws -> PostgresResult {
        let connection = try await acquire()
        defer { giveBack(connection) }
        return try await connection.query(sql, parameters)
    }

    package enum Isolation: Sendable { case readCommitted, repeatableRead, serializable }

    /// Runs `body` in a transaction and commits; rolls back when it throws. After a serialization failure or deadlock
    /// the whole of it runs again, up to `retries` times, so it must have no effects outside the database.
    package func transaction<T: Sendable>(
        isolation: Isolation = .readCommitted, retries: Int = 5,
        _ body: (PostgresTransaction) async throws -> T
    ) async throws -> T {
        var attempt = 0
        while true {
            do {
                return try await withConnection { try await Self.attempt(on: $0, isolation: isolation, body) }
            } catch let error as PostgresError where error.isRetryable && attempt < retries {
                attempt += 1
                try await Task.sleep(for: .milliseconds(Int.random(in: 1...10) * attempt))
            }
        }
    }

    private static func attempt<T: Sendable>(
        on connection: PostgresConnection, isolation: Isolation, _ body: (PostgresTransaction) async throws -> T
    ) async throws -> T {
        switch isolation {
        case .readCommitted: try await connection.execute("BEGIN ISOLATION LEVEL READ COMMITTED")
        case .repeatableRead: try await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        case .serializable: try await connection.execute("BEGIN ISOLATION LEVEL SERIALIZABLE")
        }
        let value: T
        do {
            value = try await body(PostgresTransaction(connection: connection))
        } catch {
            await rollBack(connection)
            throw error
        }
        do {
            // Once the decision to commit is made, cancellation must not leave it in doubt.
            try await connection.execute("COMMIT", isCancellable: false)
        } catch var error as PostgresError {
            if error.code == .closed { error.code = .commitUnknown }
            await rollBack(connection)
            throw error
        }
        return value
    }

    private static func rollBack(_ connection: PostgresConnection) async {
        try? await connection.execute("ROLLBACK", isCancellable: false)
    }

    // MARK: - Lending

    private func acquire() async throws -> PostgresConnection {
        while true {
            // Mostly one is free, and nobody has to wait in line.
            let free = state.withLock { $0.pool.acquireIdle() }
            let lease = if let free { Lease.connection(free) } else { try await lease() }
            switch lease {
            case .connection(let connection):
                if connection.isReusable { return connection }
                // It ended while nobody used it.
                giveBack(connection)
            case .open:
                do {
                    return try await PostgresConnection.connect(configuration)
                } catch {
                    settle(state.withLock { $0.pool.drop() })
                    throw error
                }
            }
        }
    }

    private func lease() async throws -> Lease {
        let waiter = state.withLock { shared in
            shared.nextWaiter += 1
            return shared.nextWaiter
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { join(waiter, $0) }
        } onCancel: {
            giveUp(waiter, CancellationError())
        }
    }

    private func join(_ waiter: UInt64, _ continuation: CheckedContinuation<Lease, any Error>) {
        let now = state.withLock { shared -> Result<Lease, any Error>? in
            // Under the lock: a cancellation that comes later finds the waiter in the line.
            if Task.isCancelled { return .failure(CancellationError()) }
            switch shared.pool.acquire(waiter: waiter) {
            case nil: return .failure(Self.closedError)
            case .use(let connection): return .success(.connection(connection))
            case .open: return .success(.open)
            case .wait:
                shared.continuations[waiter] = continuation
                shared.timeouts[waiter] = Task { [weak self, timeout = configuration.acquireTimeout] in
                    try await Task.sleep(for: timeout)
                    self?.giveUp(
                        waiter, PostgresError(code: .timedOut, message: "no connection became free in time"))
                }
                return nil
            }
        }
        if let now { continuation.resume(with: now) }
    }

    private func giveUp(_ waiter: UInt64, _ error: any Error) {
        let continuation = state.withLock { shared in
            shared.pool.cancel(waiter: waiter) ? shared.take(waiter) : nil
        }
        continuation?.resume(throwing: error)
    }

    private func giveBack(_ connection: PostgresConnection) {
        if connection.isReusable {
            settle(state.withLock { $0.pool.release(connection) })
        } else {
            connection.close()
            settle(state.withLock { $0.pool.drop() })
        }
    }

    private func settle(_ action: PoolState<PostgresConnection>.ReleaseAction) {
        switch action {
        case .none: break
        case .close(let connection): connection.close()
        case .handTo(let waiter, let connection):
            state.withLock { $0.take(waiter) }?.resume(returning: .connection(connection))
        case .openFor(let waiter): state.withLock { $0.take(waiter) }?.resume(returning: .open)
        }
    }

    private func close() {
        ready.store(false, ordering: .relaxed)
        let (idle, waiting) = state.withLock { shared in
            let (idle, waiters) = shared.pool.close()
            return (idle, waiters.compactMap { shared.take($0) })
        }
        for connection in idle { connection.close() }
        for continuation in waiting { continuation.resume(throwing: Self.closedError) }
    }

    private static let closedError = PostgresError(code: .closed, message: "the pool is closed")
}
