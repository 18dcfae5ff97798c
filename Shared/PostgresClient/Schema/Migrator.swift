package import Logging

/// One step of a schema. Never edited once released: databases remember its checksum.
package struct PostgresMigration: Sendable {
    package let id: Int
    package let name: String
    /// May hold several statements.
    package let sql: SQL

    package init(id: Int, name: String, sql: SQL) {
        self.id = id
        self.name = name
        self.sql = sql
    }

    /// FNV-1a of the text: it only has to notice an edit.
    var checksum: Int64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in sql.text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return Int64(bitPattern: hash)
    }
}

/// Brings a database's schema up to date.
package enum Migrator {
    /// Any number; only users of the same database must agree on it.
    private static let lockKey: Int64 = 0x7061_7269_7479

    /// Runs what has not run yet, once, whichever process comes first; the others wait. Each migration is one
    /// transaction. Refuses a database whose migrations differ from these or go beyond them.
    package static func migrate(
        _ configuration: PostgresConfiguration, migrations: [PostgresMigration], logger: Logger
    ) async throws {
        var patient = configuration
        // Waiting for another process's migrations is not a stuck statement.
        patient.statementTimeout = .seconds(600)
        patient.lockTimeout = .seconds(60)
        let connection = try await waitForServer(patient, logger: logger)
        defer { connection.close() }
        try await connection.query("SELECT pg_advisory_lock($1)", lockKey)
        try await connection.execute(
            """
            CREATE TABLE IF NOT EXISTS schema_migrations (
                id integer PRIMARY KEY, name text NOT NULL, checksum bigint NOT NULL,
                applied_at timestamptz NOT NULL DEFAULT now())
            """)
        let applied = try await check(migrations, on: connection)
        for migration in migrations.sorted(by: { $0.id < $1.id }) where !applied.contains(migration.id) {
            try await run(migration, on: connection)
            logger.info("Migrated", metadata: ["migration": "\(migration.id) \(migration.name)"])
        }
        try await connection.query("SELECT pg_advisory_unlock($1)", lockKey)
    }

    private static func waitForServer(
        _ configuration: PostgresConfiguration, logger: Logger
    ) async throws -> PostgresConnection {
        var failures = 0
        while true {
            do {
                return try await PostgresConnection.connect(configuration)
            } catch let error as PostgresError where error.code == .connectionFailed {
                if failures == 0 {
                    logger.warning(
                        "Waiting for Postgres", metadata: ["server": "\(configuration)", "error": "\(error.message)"])
                }
                failures += 1
                try await Task.sleep(for: .milliseconds(200 * min(failures, 10)))
            }
        }
    }

    private static func check(
        _ migrations: [PostgresMigration], on connection: PostgresConnection
    ) async throws -> Set<Int> {
        let known = Dictionary(uniqueKeysWithValues: migrations.map { ($0.id, $0) })
        var applied: Set<Int> = []
        for row in try await connection.query("SELECT id, name, checksum FROM schema_migrations") {
            let (id, name) = (try row.decode("id", as: Int.self), try row.decode("name", as: String.self))
            guard let migration = known[id] else {
                throw PostgresError(
                    code: .migration,
                    message: "the database has migration \(id) \(name), which this program does not know: it is newer")
            }
            guard try row.decode("checksum", as: Int64.self) == migration.checksum else {
                throw PostgresError(
                    code: .migration, message: "migration \(id) \(name) was edited after this database ran it")
            }
            applied.insert(id)
        }
        return applied
    }

    private static func run(_ migration: PostgresMigration, on connection: PostgresConnection) async throws {
        try await connection.execute("BEGIN")
        do {
            try await connection.execute(migration.sql)
            try await connection.query(
                "INSERT INTO schema_migrations (id, name, checksum) VALUES ($1, $2, $3)", Int32(migration.id),
                migration.name, migration.checksum)
            try await connection.execute("COMMIT")
        } catch {
            try? await connection.execute("ROLLBACK", isCancellable: false)
            throw error
        }
    }
}
