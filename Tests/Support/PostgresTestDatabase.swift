import Foundation

/// A database of a suite's own, gone at its end.
package enum PostgresTestDatabase {
    package static func withDatabase<T>(_ body: (String) async throws -> T) async throws -> T {
        let server = try TestEnvironment.postgres
        let name = TestEnvironment.uniqueName()
        try run("CREATE DATABASE", name)
        let url = server.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        do {
            let value = try await body("\(url)/\(name)")
            try run("DROP DATABASE", name)
            return value
        } catch {
            try? run("DROP DATABASE", name)
            throw error
        }
    }

    /// Through psql: the client under test takes no SQL that is made of strings.
    private static func run(_ verb: String, _ name: String) throws {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        let sql = verb == "CREATE DATABASE" ? "CREATE DATABASE \(name)" : "DROP DATABASE IF EXISTS \(name) WITH (FORCE)"
        process.arguments = ["psql", "-q", "-v", "ON_ERROR_STOP=1", "-c", sql, try TestEnvironment.postgres]
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw TestEnvironment.Missing(description: "psql could not run: \(sql)")
        }
    }
}
