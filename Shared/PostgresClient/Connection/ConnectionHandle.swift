import CPostgres
import Foundation
import Synchronization

/// One PGconn in non-blocking mode, its round trips one after the other.
///
/// A caller's thread sends, the ``SocketLoop`` reads; neither ever waits for the server here.
///
/// Unchecked: libpq allows one thread at a time in a PGconn (libpq, "Behavior in Threaded Programs"), and everything
/// below runs under `lock`.
final class ConnectionHandle: @unchecked Sendable {
    private let lock = NSLock()
    private var connection: OpaquePointer?
    let loop = SocketLoop.next()
    private var registration: UInt64?
    private var current: Exchange?
    private var queue: [Exchange] = []
    private var statements = StatementCache()
    /// The last round trip is over, but a cancel request may still be on its way.
    private var isSettling = false
    private var isWaitingToWrite = false
    private var isClosing = false
    private var isBroken = false
    private let canceller: Canceller
    private let onNotification: @Sendable (PostgresNotification) -> Void
    private let reusable = Atomic(true)

    /// Connects. Blocks: call it on a thread of its own.
    init(
        _ configuration: PostgresConfiguration, onNotification: @escaping @Sendable (PostgresNotification) -> Void
    ) throws(PostgresError) {
        let pairs = configuration.keywords
        let connection = Self.withCStrings(pairs.map(\.0)) { names in
            Self.withCStrings(pairs.map(\.1)) { values in PQconnectdbParams(names, values, 0) }
        }
        guard PQstatus(connection) == CONNECTION_OK else {
            let message = Self.text(PQerrorMessage(connection))
            PQfinish(connection)
            throw Self.connectError(message, configuration)
        }
        // Notices would be printed to stderr.
        PQsetNoticeReceiver(connection, { _, _ in }, nil)
        PQsetnonblocking(connection, 1)
        self.connection = connection
        self.onNotification = onNotification
        canceller = Canceller(PQgetCancel(connection))
        registration = loop.register(self, socket: PQsocket(connection))
        guard registration != nil else {
            PQfinish(connection)
            self.connection = nil
            throw PostgresError(code: .connectionFailed, message: "the system has no room for one more socket")
        }
    }

    /// Alive, and outside any transaction when its last statement ended.
    var isReusable: Bool { reusable.load(ordering: .acquiring) }

    func nextTicket() -> UInt64 { canceller.nextTicket() }
    func cancel(_ ticket: UInt64) { canceller.cancel(ticket) }

    func preparedName(_ key: StatementCache.Key) -> String? { lock.withLock { statements.name(of: key) } }
    func newStatementName() -> String { lock.withLock { statements.newName() } }
    func remember(_ key: StatementCache.Key, name: String) { lock.withLock { statements.insert(key, name: name) } }
    func statementToEvict() -> String? { lock.withLock { statements.evict() } }

    // MARK: - Round trips

    /// Sends at once, or after those that came before.
    func submit(_ exchange: Exchange) {
        act { effects in
            guard connection != nil, !isClosing else {
                return effects.answers.append((exchange, .failure(Self.closedError)))
            }
            queue.append(exchange)
            startNext(&effects)
        }
    }

    /// Called by the loop: there are bytes to read, room to write, or an end.
    func socketIsReady() {
        var effects = Effects()
        // The server often answers before the sender has let go. To wait for it would cost a sleep and a wake-up; the
        // loop comes back as long as there is something to read.
        guard lock.try() else {
            sched_yield()
            return
        }
        read(&effects)
        lock.unlock()
        perform(effects)
    }

    private func read(_ effects: inout Effects) {
        guard let connection else { return }
        let isOpen = PQconsumeInput(connection) == 1
        if isOpen { flush() }
        let isDone = current != nil && collect(connection)
        while let raw = PQnotifies(connection) {
            effects.notifications.append(PostgresNotification(raw.pointee))
            PQfreemem(raw)
        }
        if isDone || !isOpen { finishCurrent(isComplete: isDone, &effects) }
        // Else the loop would hear of the end for ever.
        if !isOpen { disconnect(&effects) }
    }

    /// Closes at the end of what is under way; what waits behind it fails. Safe to call twice.
    func close() {
        act { effects in
            isClosing = true
            reusable.store(false, ordering: .releasing)
            failQueue(&effects)
            if current == nil, !isSettling { disconnect(&effects) }
        }
    }

    /// Changes state under the lock, then calls others outside it: whoever is told may come straight back.
    private func act(_ body: (inout Effects) -> Void) {
        var effects = Effects()
        lock.withLock { body(&effects) }
        perform(effects)
    }

    /// Who is to be told what, once the lock is free.
    private struct Effects {
        var answers: [(Exchange, Exchange.Answer)] = []
        var notifications: [PostgresNotification] = []
    }

    private func perform(_ effects: Effects) {
        for (exchange, answer) in effects.answers { exchange.complete(answer) }
        for notification in effects.notifications { onNotification(notification) }
    }

    private func startNext(_ effects: inout Effects) {
        while current == nil, !isSettling, let connection, !queue.isEmpty {
            let next = queue.removeFirst()
            if let ticket = next.ticket, !canceller.begin(ticket) {
                effects.answers.append((next, .cancelled))
                continue
            }
            current = next
            let isSent = next.send(connection)
            if !isSent || !flush() {
                // Half a message may be out: nothing that follows could be trusted.
                isBroken = true
                finishCurrent(isComplete: false, &effects)
            }
        }
    }

    /// Writes what fits; the loop goes on when there is room. False when the connection is gone.
    @discardableResult
    private func flush() -> Bool {
        let status = PQflush(connection)
        if let registration, isWaitingToWrite != (status == 1) {
            isWaitingToWrite = status == 1
            loop.update(registration, socket: PQsocket(connection), waitsToWrite: isWaitingToWrite)
        }
        return status >= 0
    }

    /// Takes results that have arrived; true at the end of the round trip. Never waits: PQgetResult blocks only while
    /// PQisBusy.
    private func collect(_ connection: OpaquePointer) -> Bool {
        var silence = 0
        while PQisBusy(connection) == 0 {
            guard let result = PQgetResult(connection) else {
                guard current?.isPipeline == true else { return true }
                // One between two statements; several mean that nothing is under way.
                silence += 1
                if silence < 3 { continue }
                isBroken = true
                return true
            }
            silence = 0
            switch PQresultStatus(result) {
            case PGRES_PIPELINE_SYNC:
                PQclear(result)
                if PQexitPipelineMode(connection) != 1 { isBroken = true }
                return true
            case PGRES_COPY_IN, PGRES_COPY_OUT, PGRES_COPY_BOTH:
                // Not spoken here, and there is no way out of it but closing.
                PQclear(result)
                isBroken = true
                return true
            default: current?.results.append(ResultStorage(result))
            }
        }
        return false
    }

    private func finishCurrent(isComplete: Bool, _ effects: inout Effects) {
        guard let done = current else { return }
        current = nil
        let isAlive = PQstatus(connection) == CONNECTION_OK && !isBroken
        reusable.store(
            isAlive && !isClosing && PQtransactionStatus(connection) == PQTRANS_IDLE, ordering: .releasing)
        // Of a round trip that broke off, the server's last words are worth more than libpq's.
        let isWhole = isComplete && !isBroken || done.results.contains { $0.error != nil }
        let answer: Exchange.Answer = isWhole ? .results(done.results) : .failure(failure())
        isSettling =
            done.ticket.map { ticket in
                canceller.end(ticket) { [self] isInTime in
                    act { effects in
                        if !isInTime {
                            isBroken = true
                            reusable.store(false, ordering: .releasing)
                        }
                        effects.answers.append((done, answer))
                        settled(&effects)
                    }
                }
            } ?? false
        guard !isSettling else { return }
        effects.answers.append((done, answer))
        settled(&effects)
    }

    private func settled(_ effects: inout Effects) {
        isSettling = false
        if isClosing || isBroken { disconnect(&effects) } else { startNext(&effects) }
    }

    private func disconnect(_ effects: inout Effects) {
        guard let connection else { return }
        if let registration { loop.remove(registration, socket: PQsocket(connection)) }
        registration = nil
        PQfinish(connection)
        self.connection = nil
        reusable.store(false, ordering: .releasing)
        failQueue(&effects)
    }

    private func failQueue(_ effects: inout Effects) {
        for exchange in queue {
            if let ticket = exchange.ticket { canceller.forget(ticket) }
            effects.answers.append((exchange, .failure(Self.closedError)))
        }
        queue = []
    }

    // MARK: - Errors

    private static let closedError = PostgresError(code: .closed, message: "the connection is closed")

    private func failure() -> PostgresError {
        let message = Self.text(PQerrorMessage(connection))
        return PostgresError(code: .closed, message: message.isEmpty ? "the connection was lost" : message)
    }

    private static func connectError(_ message: String, _ configuration: PostgresConfiguration) -> PostgresError {
        // libpq 15 gives no SQLSTATE for a failed connect; the server's wording in English is what there is.
        let fatal = [
            "password authentication failed", "no password supplied", "does not exist", "no pg_hba.conf entry",
            "is not permitted to log in", "SCRAM", "permission denied for database",
        ]
        // A missing socket file "does not exist" too, but that is a server that is not there yet.
        let isFatal =
            message.contains("FATAL:") && fatal.contains { message.contains($0) }
            || message.contains("no password supplied")
        return PostgresError(
            code: isFatal ? .authenticationFailed : .connectionFailed, message: "\(configuration): \(message)")
    }

    private static func text(_ message: UnsafePointer<CChar>?) -> String {
        guard let message else { return "" }
        return String(cString: message).split(separator: "\n").joined(separator: "; ")
    }

    private static func withCStrings<T>(
        _ strings: [String], _ body: ([UnsafePointer<CChar>?]) -> T
    ) -> T {
        let copies = strings.map { strdup($0) }
        defer { for copy in copies { free(copy) } }
        return body(copies.map { UnsafePointer($0) } + [nil])
    }
}
