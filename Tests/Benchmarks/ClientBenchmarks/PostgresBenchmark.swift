import CLoops
import Foundation
import PostgresClient
import TestSupport

/// The same prepared statements as pgbench and a C loop run them.
struct PostgresBenchmark {
    private static let rows = 10_000
    let url: String

    func run() async throws -> [Comparison] {
        try await withPool(of: 1) { pool in
            try await pool.query("CREATE TABLE bench (id bigint PRIMARY KEY, value bigint NOT NULL)")
            try await pool.query(
                "INSERT INTO bench SELECT i, 0 FROM generate_series(1, $1::bigint) i", Int64(Self.rows))
            try await pool.query("CREATE TABLE bench_log (id bigint NOT NULL)")
        }
        var comparisons: [Comparison?] = []
        for connections in [1, 8] {
            comparisons.append(
                try await compare(
                    "select by key", "SELECT value FROM bench WHERE id = $1", connections: connections,
                    count: 40_000))
        }
        comparisons.append(
            try await compare(
                "update by key", "UPDATE bench SET value = value + 1 WHERE id = $1", connections: 8, count: 16_000))
        comparisons.append(try await comparePipeline())
        return comparisons.compactMap(\.self)
    }

    /// As many callers as connections, each with one of its own, like pgbench's clients.
    private func compare(_ name: String, _ sql: SQL, connections: Int, count: Int) async throws -> Comparison? {
        let noun = connections == 1 ? "connection" : "connections"
        return try await withPool(of: connections) { pool in
            try await Comparison.measure("\(name), \(connections) \(noun)", beside: "pgbench -M prepared") {
                try pgbench(sql, connections: connections, count: count)
            } ours: {
                let time = try await ContinuousClock().measure {
                    try await withThrowingDiscardingTaskGroup { group in
                        for connection in 0..<connections {
                            group.addTask {
                                // A step of a generator, not a system call as for each random number of the library.
                                var seed = UInt64(connection)
                                try await pool.withConnection { session in
                                    for _ in 0..<count / connections {
                                        seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                                        try await session.query(sql, Int64((seed >> 33) % UInt64(Self.rows)) + 1)
                                    }
                                }
                            }
                        }
                    }
                }
                return Double(count) / (time / .seconds(1))
            }
        }
    }

    private func comparePipeline() async throws -> Comparison? {
        let (count, batch) = (100_000, 2_000)
        let sql: SQL = "INSERT INTO bench_log VALUES ($1)"
        return try await withPool(of: 1) { pool in
            try await Comparison.measure("insert, pipelines of 2,000 in a transaction", beside: "C, libpq pipeline") {
                try await pool.query("TRUNCATE bench_log")
                let seconds = c_loop_pipeline(url, "INSERT INTO bench_log VALUES ($1)", Int32(count), Int32(batch))
                guard seconds > 0 else { throw BenchmarkError("the C loop over libpq failed") }
                return Double(count) / seconds
            } ours: {
                try await pool.query("TRUNCATE bench_log")
                let time = try await ContinuousClock().measure {
                    for start in stride(from: 1, through: count, by: batch) {
                        try await pool.transaction { transaction in
                            _ = try await transaction.pipeline(
                                (start..<start + batch).map { PostgresStatement(sql, Int64($0)) })
                        }
                    }
                }
                return Double(count) / (time / .seconds(1))
            }
        }
    }

    private func withPool<T: Sendable>(of size: Int, _ body: (PostgresPool) async throws -> T) async throws -> T {
        var configuration = try PostgresConfiguration(url: url)
        configuration.maxConnections = size
        let pool = PostgresPool(configuration: configuration, logger: ClientBenchmarks.logger)
        return try await running(pool) { try await body(pool) }
    }

    /// Transactions per second, as pgbench says them.
    private func pgbench(_ sql: SQL, connections: Int, count: Int) throws -> Double {
        let script = FileManager.default.temporaryDirectory.appending(path: TestEnvironment.uniqueName() + ".sql")
        defer { try? FileManager.default.removeItem(at: script) }
        try "\\set id random(1, \(Self.rows))\n\(sql.text.replacing("$1", with: ":id"));\n"
            .write(to: script, atomically: true, encoding: .utf8)
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [
            "pgbench", "-n", "-M", "prepared", "-f", script.path, "-c", "\(connections)", "-j",
            "\(min(2, connections))",
            "-t", "\(count / connections)", url,
        ]
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        guard let match = text.firstMatch(of: /tps = ([0-9.]+) \(without/), let rate = Double(match.1) else {
            throw BenchmarkError("pgbench printed no rate")
        }
        return rate
    }
}
