/// Which connections a pool has and who waits for one: a pure state machine. Its shell opens, closes and hands over.
struct PoolState<Connection> {
    enum AcquireAction {
        case use(Connection)
        /// Open one more; the caller keeps the place for it.
        case open
        case wait
    }

    enum ReleaseAction {
        case none
        case handTo(waiter: UInt64, Connection)
        /// A waiter may open one in the place that became free.
        case openFor(waiter: UInt64)
        case close(Connection)
    }

    let maximum: Int
    private(set) var idle: [Connection] = []
    /// Open, being opened, or lent.
    private(set) var count = 0
    private(set) var waiters: [UInt64] = []
    private(set) var isClosed = false

    init(maximum: Int) { self.maximum = maximum }

    /// One that is free, unless somebody else waits for it.
    mutating func acquireIdle() -> Connection? { isClosed || !waiters.isEmpty ? nil : idle.popLast() }

    /// Nil once closed.
    mutating func acquire(waiter: UInt64) -> AcquireAction? {
        if isClosed { return nil }
        // Newcomers stand behind those who wait.
        if let connection = acquireIdle() { return .use(connection) }
        if count < maximum {
            count += 1
            return .open
        }
        waiters.append(waiter)
        return .wait
    }

    /// A lent connection comes back whole.
    mutating func release(_ connection: Connection) -> ReleaseAction {
        if isClosed {
            count -= 1
            return .close(connection)
        }
        if !waiters.isEmpty { return .handTo(waiter: waiters.removeFirst(), connection) }
        idle.append(connection)
        return .none
    }

    /// A lent connection was broken, or one could not be opened: its place is free.
    mutating func drop() -> ReleaseAction {
        if !isClosed, !waiters.isEmpty { return .openFor(waiter: waiters.removeFirst()) }
        count -= 1
        return .none
    }

    /// A waiter gave up; false if it was served already.
    mutating func cancel(waiter: UInt64) -> Bool {
        guard let index = waiters.firstIndex(of: waiter) else { return false }
        waiters.remove(at: index)
        return true
    }

    /// Nobody gets a connection any more. Returns what to close, and whom to send away.
    mutating func close() -> (idle: [Connection], waiters: [UInt64]) {
        isClosed = true
        count -= idle.count
        defer {
            idle = []
            waiters = []
        }
        return (idle, waiters)
    }
}
