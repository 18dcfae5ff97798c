/// A statement with its parameters, for a pipeline.
package struct PostgresStatement: Sendable {
    package let sql: SQL
    package let parameters: [any PostgresEncodable]

    package init(_ sql: SQL, _ parameters: any PostgresEncodable...) {
        self.sql = sql
        self.parameters = parameters
    }

    package init(_ sql: SQL, parameters: [any PostgresEncodable]) {
        self.sql = sql
        self.parameters = parameters
    }
}

/// What runs statements: a connection, or a transaction on one.
package protocol PostgresSession: Sendable {
    /// Runs one statement. Cancelling the task cancels it on the server.
    @discardableResult
    func query(_ sql: SQL, _ parameters: [any PostgresEncodable]) async throws -> PostgresResult

    /// Runs statements in libpq's pipeline mode, in one round trip. When one fails, those after it do not run, and its
    /// error is thrown.
    @discardableResult
    func pipeline(_ statements: [PostgresStatement]) async throws -> [PostgresResult]
}

extension PostgresSession {
    @discardableResult
    package func query(_ sql: SQL, _ parameters: any PostgresEncodable...) async throws -> PostgresResult {
        try await query(sql, parameters)
    }
}

/// A transaction that is under way on one connection.
package struct PostgresTransaction: PostgresSession {
    let connection: PostgresConnection

    @discardableResult
    package func query(_ sql: SQL, _ parameters: [any PostgresEncodable]) async throws -> PostgresResult {
        try await connection.query(sql, parameters)
    }

    @discardableResult
    package func pipeline(_ statements: [PostgresStatement]) async throws -> [PostgresResult] {
        try await connection.pipeline(statements)
    }
}
