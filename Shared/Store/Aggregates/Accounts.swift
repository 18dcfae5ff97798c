package import ParityProtocol
package import PostgresClient

/// The `accounts`, `api_keys`, `idempotency_keys` and `blobs` tables.
package enum Accounts {
    package struct Row: Sendable {
        package let id: AccountID
        package let name: String
        package let isAdmin: Bool
        /// May register builders.
        package let mayBuild: Bool
    }

    package static func insert(
        _ id: AccountID, name: String, isAdmin: Bool, mayBuild: Bool = false, in session: some PostgresSession
    ) async throws {
        try await session.query(
            "INSERT INTO accounts (id, name, is_admin, may_build) VALUES ($1, $2, $3, $4)", id, name, isAdmin,
            mayBuild || isAdmin)
    }

    /// Lets `key` (its SHA-256) act for an account. A key that is there already stays as it is.
    package static func addKey(_ key: Digest, for account: AccountID, in session: some PostgresSession) async throws {
        try await session.query(
            "INSERT INTO api_keys (key_digest, account_id) VALUES ($1, $2) ON CONFLICT DO NOTHING", key, account)
    }

    /// The account that a key acts for; nil for an unknown or revoked key.
    package static func find(key: Digest, in session: some PostgresSession) async throws -> Row? {
        let rows = try await session.query(
            """
            SELECT a.id, a.name, a.is_admin, a.may_build FROM api_keys k JOIN accounts a ON a.id = k.account_id
            WHERE k.key_digest = $1 AND k.revoked_at IS NULL
            """, key)
        guard let row = rows.first else { return nil }
        return Row(
            id: try row.decode("id"), name: try row.decode("name"), isAdmin: try row.decode("is_admin"),
            mayBuild: try row.decode("may_build"))
    }

    package static func exists(_ id: AccountID, in session: some PostgresSession) async throws -> Bool {
        try await !session.query("SELECT id FROM accounts WHERE id = $1", id).isEmpty
    }

    /// What was answered under an idempotency key, and to which request. Until the transaction ends, another with the
    /// same key waits here: what the first does must be seen before the second begins.
    package static func answer(
        to key: String, of account: AccountID, in session: some PostgresSession
    ) async throws -> (request: Digest, status: Int, response: String)? {
        try await session.query(
            "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", "idempotency \(account) \(key)")
        let rows = try await session.query(
            "SELECT request_digest, status, response FROM idempotency_keys WHERE account_id = $1 AND key = $2", account,
            key)
        guard let row = rows.first else { return nil }
        return (try row.decode("request_digest"), try row.decode("status"), try row.decode("response"))
    }

    /// Remembers an answer, after ``answer(to:of:in:)`` found none.
    package static func remember(
        _ key: String, of account: AccountID, request: Digest, status: Int, response: String,
        in session: some PostgresSession
    ) async throws {
        try await session.query(
            """
            INSERT INTO idempotency_keys (account_id, key, request_digest, status, response)
            VALUES ($1, $2, $3, $4, $5)
            """, account, key, request, Int32(status), response)
    }

    package static func noteBlob(
        _ digest: Digest, size: Int64, by account: AccountID, in session: some PostgresSession
    ) async throws {
        try await session.query(
            "INSERT INTO blobs (digest, size, account_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", digest, size,
            account)
    }

    /// How many bytes of blobs an account brought in during the last `span`; what others had brought does not count.
    package static func uploadedBytes(
        by account: AccountID, within span: Duration, in session: some PostgresSession
    ) async throws -> Int64 {
        let rows = try await session.query(
            """
            SELECT coalesce(sum(size), 0)::int8 FROM blobs
            WHERE account_id = $1 AND created_at > now() - $2 * interval '1 millisecond'
            """, account, Double(span.milliseconds))
        return try rows.first?.decode(at: 0) ?? 0
    }

    /// Which of these blobs are not there.
    /// The sizes of those of `digests` that are there.
    package static func blobSizes(
        _ digests: [Digest], in session: some PostgresSession
    ) async throws -> [Digest: Int64] {
        if digests.isEmpty { return [:] }
        let rows = try await session.query(
            "SELECT digest, size FROM blobs WHERE digest = ANY ($1::bytea[])", digests.map(\.bytes))
        return try rows.reduce(into: [:]) { sizes, row in
            sizes[try row.decode("digest")] = try row.decode("size", as: Int64.self)
        }
    }

    package static func missingBlobs(
        _ digests: [Digest], in session: some PostgresSession
    ) async throws -> [Digest] {
        if digests.isEmpty { return [] }
        return try await session.query(
            "SELECT d FROM unnest($1::bytea[]) d WHERE NOT EXISTS (SELECT FROM blobs b WHERE b.digest = d)",
            digests.map(\.bytes)
        ).map { row throws(PostgresError) in try row.decode(at: 0) }
    }
}
