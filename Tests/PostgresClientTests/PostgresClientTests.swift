import Foundation
import Logging
import TestSupport
import Testing

@testable import PostgresClient

@Suite(.serialized) struct PostgresClientTests {
    private func withPool(
        connections: Int = 4, patience: Duration = .seconds(60), _ body: (PostgresPool) async throws -> Void
    ) async throws {
        try await PostgresTestDatabase.withDatabase { url in
            var configuration = try PostgresConfiguration(url: url)
            configuration.maxConnections = connections
            configuration.acquireTimeout = patience
            let pool = PostgresPool(configuration: configuration, logger: Logger(label: "test"))
            try await withThrowingTaskGroup { group in
                group.addTask { try await pool.run() }
                try await body(pool)
                group.cancelAll()
            }
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `Every type comes back as it went`() async throws {
        try await withPool { pool in
            let uuid = UUID()
            let big = [UInt8](repeating: 0, count: 1 << 20)
            let row = try #require(
                try await pool.query(
                    "SELECT $1 AS a, $2 AS b, $3 AS c, $4 AS d, $5 AS e, $6 AS f, $7::int4 AS g, $8 AS h, $9 AS i",
                    true, Int32.min, Int64.max, "ü'\\", big, uuid, String?.none.map { _ in Int32(0) }, ["a", ""],
                    PostgresValue.uuidOptionalArray([uuid, nil])
                ).first)
            #expect(try row.decode("a", as: Bool.self))
            #expect(try row.decode("b", as: Int32.self) == .min)
            #expect(try row.decode("c", as: Int64.self) == .max)
            #expect(try row.decode("d", as: String.self) == "ü'\\")
            #expect(try row.decode("e", as: [UInt8].self) == big)
            #expect(try row.decode("f", as: UUID.self) == uuid)
            #expect(try row.decode("g", as: Int?.self) == nil)
            #expect(try row.decode("h", as: [String].self) == ["a", ""])
            #expect(try row.decode("i", as: [UUID?].self) == [uuid, nil])
            #expect(throws: PostgresError.self) { try row.decode("d", as: Int.self) }
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `Errors carry their SQLSTATE and constraint, and the connection stays usable`() async throws {
        try await withPool { pool in
            try await pool.query("CREATE TABLE t (id int4 CONSTRAINT t_key PRIMARY KEY)")
            try await pool.query("INSERT INTO t VALUES ($1)", Int32(1))
            let error = await #expect(throws: PostgresError.self) {
                try await pool.query("INSERT INTO t VALUES ($1)", Int32(1))
            }
            #expect(error?.isUniqueViolation == true && error?.constraint == "t_key")
            #expect(try await pool.query("SELECT id FROM t").count == 1)
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `What took too long is transient, a broken rule is not`() async throws {
        try await withPool { pool in
            try await pool.query("CREATE TABLE t (id int4 PRIMARY KEY)")
            func error(_ body: (PostgresTransaction) async throws -> Void) async -> PostgresError? {
                await #expect(throws: PostgresError.self) { try await pool.transaction(body) }
            }
            let slow = await error { transaction in
                try await transaction.query("SET LOCAL statement_timeout = '50ms'")
                try await transaction.query("SELECT pg_sleep(20)")
            }
            #expect(slow?.sqlState == "57014" && slow?.isTransient == true)
            try await pool.transaction { holder in
                try await holder.query("LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
                let locked = await error { transaction in
                    try await transaction.query("SET LOCAL lock_timeout = '50ms'")
                    try await transaction.query("SELECT id FROM t")
                }
                #expect(locked?.sqlState == "55P03" && locked?.isTransient == true)
            }
            let idle = await error { transaction in
                try await transaction.query("SET LOCAL idle_in_transaction_session_timeout = '50ms'")
                let pid: Int? = try await transaction.query("SELECT pg_backend_pid() AS pid").first?.decode("pid")
                let isGone = try await TestEnvironment.eventually {
                    try await pool.query("SELECT 1 FROM pg_stat_activity WHERE pid = $1", Int32(pid ?? 0)).isEmpty
                }
                #expect(isGone)
                try await transaction.query("SELECT 1")
            }
            #expect(idle?.isTransient == true, "\(String(describing: idle))")
            let broken = await error { transaction in
                for _ in 0..<2 { try await transaction.query("INSERT INTO t VALUES (1)") }
            }
            #expect(broken?.isTransient == false)
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `A pipeline runs in one go and stops at its first error`() async throws {
        try await withPool { pool in
            try await pool.query("CREATE TABLE t (id int4 PRIMARY KEY)")
            try await pool.withConnection { connection in
                let good = (0..<200).map { PostgresStatement("INSERT INTO t VALUES ($1)", Int32($0)) }
                let inserted = try await connection.pipeline(good)
                #expect(inserted.count == 200)
                await #expect(throws: PostgresError.self) {
                    try await connection.pipeline([
                        PostgresStatement("INSERT INTO t VALUES ($1)", Int32(500)),
                        PostgresStatement("INSERT INTO t VALUES ($1)", Int32(1)),
                        PostgresStatement("INSERT INTO t VALUES ($1)", Int32(501)),
                    ])
                }
                let kept = try await connection.query("SELECT id FROM t WHERE id >= 500")
                #expect(kept.isEmpty)
            }
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `A transaction rolls back when its body throws, and deadlocks are retried`() async throws {
        try await withPool { pool in
            try await pool.query("CREATE TABLE t (id int4 PRIMARY KEY, n int4 NOT NULL DEFAULT 0)")
            await #expect(throws: CancellationError.self) {
                try await pool.transaction { transaction in
                    try await transaction.query("INSERT INTO t (id) VALUES (9)")
                    throw CancellationError()
                }
            }
            #expect(try await pool.query("SELECT id FROM t").isEmpty)
            try await pool.query("INSERT INTO t (id) VALUES (1), (2)")
            try await withThrowingTaskGroup { group in
                for pair in [[Int32(1), 2], [2, 1]] {
                    group.addTask {
                        try await pool.transaction { transaction in
                            for id in pair {
                                try await transaction.query("UPDATE t SET n = n + 1 WHERE id = $1", id)
                                try await transaction.query("SELECT pg_sleep(0.1)")
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await pool.query("SELECT id FROM t WHERE n = 2").count == 2)
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `A cancelled task cancels its statement and gives its connection back`() async throws {
        try await withPool(connections: 1) { pool in
            let task = Task { try await pool.query("SELECT pg_sleep(60)") }
            try await Task.sleep(for: .milliseconds(200))
            task.cancel()
            let started = ContinuousClock.now
            _ = await task.result
            #expect(started.duration(to: .now) < .seconds(30))
            #expect(try await pool.query("SELECT 1 AS one").first?.decode("one", as: Int.self) == 1)
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `Among many cancelled statements each answer goes to its own caller, and no other is cancelled`() async throws
    {
        try await withPool { pool in
            // Four workers for four connections: nobody waits longer than the pool allows.
            try await withThrowingDiscardingTaskGroup { group in
                for worker in 0..<4 {
                    group.addTask {
                        for step in 0..<60 {
                            let number = Int64(worker * 1000 + step)
                            let doomed = Task {
                                try await pool.query("SELECT pg_sleep(0.02), $1::int8 AS n", number)
                            }
                            try await Task.sleep(for: .microseconds(Int.random(in: 0...25_000)))
                            doomed.cancel()
                            if case .success(let result) = await doomed.result {
                                #expect(try result.first?.decode("n", as: Int64.self) == number)
                            }
                            let next = try await pool.query("SELECT $1::int8 AS n", -number)
                            #expect(try next.first?.decode("n", as: Int64.self) == -number)
                        }
                    }
                }
            }
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `A full pool sends away who waits too long, and recovers from a killed backend`() async throws {
        try await withPool(connections: 1, patience: .milliseconds(500)) { pool in
            // The first connection may take longer to make than anybody waits here.
            let isUp = try await TestEnvironment.eventually { try await pool.query("SELECT 1").count == 1 }
            #expect(isUp)
            try await pool.withConnection { connection in
                let error = await #expect(throws: PostgresError.self) { try await pool.query("SELECT 1") }
                #expect(error?.code == .timedOut)
                await #expect(throws: PostgresError.self) {
                    try await connection.query("SELECT pg_terminate_backend(pg_backend_pid())")
                }
            }
            let recovered = try await TestEnvironment.eventually {
                (try? await pool.query("SELECT 1 AS one"))?.count == 1
            }
            #expect(recovered)
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `Migrations run once, whoever comes first, and an edited one is refused`() async throws {
        try await PostgresTestDatabase.withDatabase { url in
            let configuration = try PostgresConfiguration(url: url)
            let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let first = PostgresMigration(id: 1, name: "one", sql: "CREATE TABLE a (n int4); INSERT INTO a VALUES (1)")
            try await withThrowingTaskGroup { group in
                for _ in 0..<4 {
                    group.addTask { try await Migrator.migrate(configuration, migrations: [first], logger: logger) }
                }
                try await group.waitForAll()
            }
            let edited = PostgresMigration(id: 1, name: "one", sql: "SELECT 1")
            await #expect(throws: PostgresError.self) {
                try await Migrator.migrate(configuration, migrations: [edited], logger: logger)
            }
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `A listening connection hears what another notifies, in order`() async throws {
        try await withPool { pool in
            let (heard, sink) = AsyncStream<PostgresNotification>.makeStream()
            let listener = try await PostgresConnection.connect(pool.configuration) { sink.yield($0) }
            try await listener.execute("LISTEN news")
            try await pool.transaction { transaction in
                for text in ["one", "ü", ""] { try await transaction.query("SELECT pg_notify('news', $1)", text) }
            }
            var iterator = heard.makeAsyncIterator()
            for text in ["one", "ü", ""] {
                #expect(await iterator.next() == PostgresNotification(channel: "news", payload: text))
            }
            listener.close()
            await #expect(throws: PostgresError.self) { try await listener.query("SELECT 1") }
        }
    }

    @Test func `A password is never shown`() throws {
        let configuration = try PostgresConfiguration(url: "postgres://user:se%63ret@host:1/db")
        #expect(configuration.password == "secret" && !"\(configuration)".contains("secret"))
        #expect(throws: PostgresError.self) { try PostgresConfiguration(url: "mysql://x") }
    }
}

@Suite struct PoolStateTests {
    @Test func `Waiters are served in the order in which they came`() {
        var state = PoolState<Int>(maximum: 1)
        guard case .open = state.acquire(waiter: 1) else { return #expect(Bool(false)) }
        _ = state.acquire(waiter: 2)
        _ = state.acquire(waiter: 3)
        guard case .handTo(let waiter, 7) = state.release(7) else { return #expect(Bool(false)) }
        #expect(waiter == 2)
        #expect(state.cancel(waiter: 3) && !state.cancel(waiter: 3))
        guard case .none = state.release(7) else { return #expect(Bool(false)) }
        #expect(state.idle == [7] && state.count == 1)
    }

    @Test func `A broken connection's place goes to the next who waits`() {
        var state = PoolState<Int>(maximum: 1)
        _ = state.acquire(waiter: 1)
        _ = state.acquire(waiter: 2)
        guard case .openFor(2) = state.drop() else { return #expect(Bool(false)) }
        guard case .none = state.drop() else { return #expect(Bool(false)) }
        #expect(state.count == 0)
    }
}
