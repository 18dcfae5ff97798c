import Foundation
import Logging
package import PostgresClient

/// A database of a suite's own, gone at its end.
package enum PostgresTestDatabase {
    package static func withDatabase<T>(_ body: (String) async throws -> T) async throws -> T {
        let server = try TestEnvironment.postgres
        let name = TestEnvironment.uniqueName()
        try await run("CREATE DATABASE", name)
        let url = server.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        do {
            let value = try await body("\(url)/\(name)")
            try await run("DROP DATABASE", name)
            return value
        } catch {
            try? await run("DROP DATABASE", name)
            throw error
        }
    }

    /// As ``withDatabase(_:)``, with a running pool on the schema that `migrations` make.
    package static func withPool(
        _ migrations: [PostgresMigration], _ body: (PostgresPool) async throws -> Void
    ) async throws {
        try await withDatabase { url in
            let configuration = try PostgresConfiguration(url: url)
            let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            try await Migrator.migrate(configuration, migrations: migrations, logger: logger)
            let pool = PostgresPool(configuration: configuration, logger: logger)
            try await withThrowingTaskGroup { group in
                group.addTask { try await pool.run() }
                try await body(pool)
                group.cancelAll()
            }
        }
    }

    /// What `deploy/audit.sql` finds in the database at `url`: a violation a line.
    package static func audit(_ url: String) async throws -> String {
        try await psql(["-tA", "-f", TestEnvironment.deployFolder.appending(path: "audit.sql").path, url])
    }

    private static func run(_ verb: String, _ name: String) async throws {
        let sql = verb == "CREATE DATABASE" ? "CREATE DATABASE \(name)" : "DROP DATABASE IF EXISTS \(name) WITH (FORCE)"
        _ = try await psql(["-c", sql, try TestEnvironment.postgres])
    }

    /// Through psql: the client under test takes no SQL that is made of strings.
    private static func psql(_ arguments: [String]) async throws -> String {
        try await TestCommand.run("psql", ["-X", "-q", "-v", "ON_ERROR_STOP=1"] + arguments)
    }
}
