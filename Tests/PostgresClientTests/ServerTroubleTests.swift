import Foundation
import Logging
import TestSupport
import Testing

@testable import PostgresClient

/// What a server does to its clients on a bad day. The cluster is this suite's own.
@Suite(.serialized, .timeLimit(.minutes(25))) struct ServerTroubleTests {
    private static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private func withPool(_ url: String, _ body: (PostgresPool) async throws -> Void) async throws {
        let pool = PostgresPool(configuration: try PostgresConfiguration(url: url), logger: Self.quiet)
        try await withThrowingTaskGroup { group in
            group.addTask { try await pool.run() }
            try await body(pool)
            group.cancelAll()
        }
    }

    @Test func `A crash loses what was open and nothing that was committed`() async throws {
        try await PrivateServer.withPostgres { server in
            try await withPool(try server.address("url")) { pool in
                try await pool.query("CREATE TABLE t (n int4 PRIMARY KEY)")
                try await pool.query("INSERT INTO t VALUES (1)")
                let error = await #expect(throws: PostgresError.self) {
                    try await pool.transaction { transaction in
                        try await transaction.query("INSERT INTO t VALUES (2)")
                        try await server.call("crash")
                        try await transaction.query("INSERT INTO t VALUES (3)")
                    }
                }
                #expect(error?.isConnectionTrouble == true, "\(String(describing: error))")
                let away = await #expect(throws: PostgresError.self) { try await pool.query("SELECT 1") }
                #expect(away?.isConnectionTrouble == true)
                try await server.call("start")
                // The dead connections were noticed: the first query that finds the server works.
                let kept = try await pool.query("SELECT n FROM t ORDER BY n").map { try $0.decode("n", as: Int.self) }
                #expect(kept == [1])
                let isReady = try await TestEnvironment.eventually { pool.isReady }
                #expect(isReady)
            }
        }
    }

    @Test func `A wrong password ends the pool at once, a missing server is waited for`()
        async throws
    {
        try await PrivateServer.withPostgres { server in
            let url = try server.address("url")
            try await withPool(url) { try await $0.query("CREATE ROLE guarded LOGIN PASSWORD 'right'") }
            let guarded = url.replacing("//parity@", with: "//guarded:right@")
            try await withPool(guarded + "?sslmode=require") { pool in
                let isEncrypted = try await pool.query("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
                #expect(try isEncrypted.first?.decode("ssl", as: Bool.self) == true)
            }
            let wrong = PostgresPool(
                configuration: try PostgresConfiguration(url: url.replacing("//parity@", with: "//guarded:wrong@")),
                logger: Self.quiet)
            let error = await #expect(throws: PostgresError.self) { try await wrong.run() }
            #expect(error?.code == .authenticationFailed)
            #expect(error.map { "\($0)".contains("wrong") } == false, "no password in an error")

            try await server.call("stop")
            let (lines, sink) = AsyncStream<String>.makeStream()
            let logger = Logger(label: "test") { _ in LineHandler(sink: sink) }
            let pool = PostgresPool(configuration: try PostgresConfiguration(url: url), logger: logger)
            try await withThrowingTaskGroup { group in
                group.addTask { try await pool.run() }
                var iterator = lines.makeAsyncIterator()
                let waiting = await iterator.next() ?? ""
                #expect(waiting.contains("Waiting for Postgres") && waiting.contains("127.0.0.1:"))
                try await server.call("start")
                let isReady = try await TestEnvironment.eventually { pool.isReady }
                #expect(isReady)
                group.cancelAll()
            }
        }
    }

    private struct LineHandler: LogHandler {
        let sink: AsyncStream<String>.Continuation
        var logLevel = Logger.Level.info
        var metadata = Logger.Metadata()
        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }
        func log(event: LogEvent) { sink.yield("\(event.message) \(event.metadata ?? [:])") }
    }
}
