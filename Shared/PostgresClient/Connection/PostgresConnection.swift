import CPostgres
import Foundation
import Synchronization

/// One connection to the server. Every use of libpq happens on its own thread; callers suspend.
package final class PostgresConnection: PostgresSession, Sendable {
    private let thread: ConnectionThread
    private let handle: Confined
    private let canceller: Canceller
    private let idle = Atomic(true)

    /// The handle, reachable from jobs of its thread alone.
    ///
    /// Unchecked: ``perform(_:)`` is the only reader, and it runs on the connection's thread.
    private final class Confined: @unchecked Sendable {
        var value: ConnectionHandle?
    }

    private init(thread: ConnectionThread, handle: Confined, canceller: Canceller) {
        self.thread = thread
        self.handle = handle
        self.canceller = canceller
    }

    deinit { close() }

    /// Connects, on a thread of its own.
    package static func connect(_ configuration: PostgresConfiguration) async throws -> PostgresConnection {
        let thread = ConnectionThread(name: "postgres")
        let handle = Confined()
        let canceller = Canceller()
        do {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                let accepted = thread.submit {
                    continuation.resume(
                        with: Result { () throws(PostgresError) in
                            let connected = try ConnectionHandle(configuration)
                            canceller.adopt(connected.makeCancellation())
                            handle.value = connected
                        }.mapError { $0 as any Error })
                }
                if !accepted { continuation.resume(throwing: Self.closedError) }
            }
        } catch {
            thread.stop()
            throw error
        }
        return PostgresConnection(thread: thread, handle: handle, canceller: canceller)
    }

    @discardableResult
    package func query(_ sql: SQL, _ parameters: [any PostgresEncodable]) async throws -> PostgresResult {
        let values = parameters.map(\.postgresValue)
        return try await perform { handle throws(PostgresError) in try handle.query(sql, values) }
    }

    @discardableResult
    package func pipeline(_ statements: [PostgresStatement]) async throws -> [PostgresResult] {
        if statements.isEmpty { return [] }
        let values = statements.map { (sql: $0.sql, values: $0.parameters.map(\.postgresValue)) }
        return try await perform { handle throws(PostgresError) in try handle.pipeline(values) }
    }

    /// Statements without parameters, maybe several in one text. One that must not stay in doubt, such as COMMIT, is
    /// not cancellable.
    package func execute(_ sql: SQL, isCancellable: Bool = true) async throws {
        try await perform(isCancellable: isCancellable) { handle throws(PostgresError) in try handle.execute(sql) }
    }

    /// Whether it can go back to a pool: alive and outside any transaction when its last statement ended.
    var isReusable: Bool { idle.load(ordering: .acquiring) }

    /// Closes at the end of what is under way. Safe to call twice.
    package func close() {
        canceller.retire()
        let handle = handle
        _ = thread.submit {
            handle.value?.close()
            handle.value = nil
        }
        thread.stop()
    }

    private static let closedError = PostgresError(code: .closed, message: "the connection is closed")

    private func perform<T: Sendable>(
        isCancellable: Bool = true, _ body: @escaping @Sendable (ConnectionHandle) throws(PostgresError) -> T
    ) async throws -> T {
        let ticket = canceller.nextTicket()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<T, any Error>) in
                let accepted = thread.submit { [self] in
                    continuation.resume(with: work(ticket, isCancellable: isCancellable, body))
                }
                if !accepted { continuation.resume(throwing: Self.closedError) }
            }
        } onCancel: {
            if isCancellable { canceller.cancel(ticket) }
        }
    }

    /// Runs on the connection's thread.
    private func work<T>(
        _ ticket: UInt64, isCancellable: Bool, _ body: (ConnectionHandle) throws(PostgresError) -> T
    ) -> Result<T, any Error> {
        guard let open = handle.value else { return .failure(Self.closedError) }
        guard canceller.begin(ticket) else { return .failure(CancellationError()) }
        let result = Result { () throws(PostgresError) in try body(open) }
        canceller.end(ticket)
        idle.store(open.isIdle, ordering: .releasing)
        return result.mapError { $0 as any Error }
    }
}

/// Cancels what runs on a connection, and only the very statement that was meant.
///
/// Unchecked: the PGcancel is guarded by the lock, and libpq lets any thread use it.
final class Canceller: @unchecked Sendable {
    private struct State {
        var lastTicket: UInt64 = 0
        var running: UInt64?
        var cancelled: Set<UInt64> = []
    }

    private let state = Mutex(State())
    private let lock = NSLock()
    private var handle: OpaquePointer?

    deinit { if let handle { PQfreeCancel(handle) } }

    func adopt(_ handle: OpaquePointer?) { lock.withLock { self.handle = handle } }

    func retire() {
        lock.withLock {
            if let handle { PQfreeCancel(handle) }
            handle = nil
        }
    }

    func nextTicket() -> UInt64 {
        state.withLock {
            $0.lastTicket += 1
            // One caller at a time uses a connection: what was cancelled before this is over.
            $0.cancelled.removeAll()
            return $0.lastTicket
        }
    }

    /// False if the statement was cancelled before it began.
    func begin(_ ticket: UInt64) -> Bool {
        state.withLock {
            if $0.cancelled.remove(ticket) != nil { return false }
            $0.running = ticket
            return true
        }
    }

    /// Waits for a cancel request that is under way, so that it cannot hit the next statement.
    func end(_ ticket: UInt64) {
        state.withLock {
            $0.running = nil
            $0.cancelled.remove(ticket)
        }
        lock.withLock {}
    }

    /// Called from the cancelled task: must not block, so the request, which opens a connection, goes to a thread.
    func cancel(_ ticket: UInt64) {
        let isRunning = state.withLock {
            if $0.running == ticket { return true }
            if ticket == $0.lastTicket { $0.cancelled.insert(ticket) }
            return false
        }
        guard isRunning else { return }
        let thread = Thread { [self] in
            lock.withLock {
                guard let handle, state.withLock({ $0.running == ticket }) else { return }
                var message = [CChar](repeating: 0, count: 256)
                _ = PQcancel(handle, &message, Int32(message.count))
            }
        }
        thread.name = "postgres-cancel"
        thread.start()
    }
}
