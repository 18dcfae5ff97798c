package import FoundationEssentials
package import ParityProtocol
package import PostgresClient

/// One message that a transaction wants sent once it has committed.
package struct OutboxMessage: Sendable, Equatable {
    package let id: MessageID
    package let exchange: String
    package let routingKey: String
    package let type: String
    package let body: String
    package let traceparent: String?
    /// Must reach a queue; news for whoever listens need not.
    package let isMandatory: Bool

    package init(
        id: MessageID, exchange: String, routingKey: String, type: String, body: String, traceparent: String?,
        isMandatory: Bool
    ) {
        self.id = id
        self.exchange = exchange
        self.routingKey = routingKey
        self.type = type
        self.body = body
        self.traceparent = traceparent
        self.isMandatory = isMandatory
    }
}

/// The `outbox` table: messages wait here from the commit that caused them to the broker's confirm.
package enum Outbox {
    package struct Claimed: Sendable {
        package let row: Int64
        package let message: OutboxMessage
    }

    package static func insert(_ messages: [OutboxMessage], in session: some PostgresSession) async throws {
        guard !messages.isEmpty else { return }
        try await session.query(
            """
            INSERT INTO outbox (message_id, exchange, routing_key, type, body, traceparent, mandatory)
            SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bool[])
            """,
            messages.map(\.id.uuid), messages.map(\.exchange), messages.map(\.routingKey), messages.map(\.type),
            messages.map(\.body), PostgresValue.textOptionalArray(messages.map(\.traceparent)),
            PostgresValue.boolArray(messages.map(\.isMandatory)))
    }

    /// Takes up to `limit` messages for `hold`; after that another relay may take them again.
    package static func claim(
        _ limit: Int, token: UUID, hold: Duration, in session: some PostgresSession
    ) async throws -> [Claimed] {
        // The CTE is fenced: without it the planner may lock more rows than the limit.
        let rows = try await session.query(
            """
            WITH batch AS MATERIALIZED (
                SELECT id FROM outbox WHERE available_at <= now() ORDER BY available_at, id LIMIT $1
                FOR UPDATE SKIP LOCKED)
            UPDATE outbox o SET claim_token = $2, available_at = now() + $3 * interval '1 millisecond'
            FROM batch WHERE o.id = batch.id
            RETURNING o.id, o.message_id, o.exchange, o.routing_key, o.type, o.body, o.traceparent, o.mandatory
            """, limit, token, Double(hold.milliseconds))
        return try rows.map { row throws(PostgresError) in
            Claimed(
                row: try row.decode("id"),
                message: OutboxMessage(
                    id: try row.decode("message_id"), exchange: try row.decode("exchange"),
                    routingKey: try row.decode("routing_key"), type: try row.decode("type"),
                    body: try row.decode("body"), traceparent: try row.decode("traceparent"),
                    isMandatory: try row.decode("mandatory")))
        }.sorted { $0.row < $1.row }
    }

    /// Confirmed messages go.
    package static func delete(_ rows: [Int64], token: UUID, in session: some PostgresSession) async throws {
        guard !rows.isEmpty else { return }
        try await session.query("DELETE FROM outbox WHERE id = ANY ($1) AND claim_token = $2", rows, token)
    }

    /// Messages that could not be sent come up again after `delay`.
    package static func release(
        _ rows: [Int64], token: UUID, after delay: Duration, in session: some PostgresSession
    ) async throws {
        guard !rows.isEmpty else { return }
        try await session.query(
            """
            UPDATE outbox SET available_at = now() + $3 * interval '1 millisecond', claim_token = NULL
            WHERE id = ANY ($1) AND claim_token = $2
            """, rows, token, Double(delay.milliseconds))
    }
}

/// The `inbox` table: which messages a consumer has had.
package enum Inbox {
    /// Notes the message; false if this consumer has had it before.
    package static func accept(
        _ message: MessageID, by consumer: String, in session: some PostgresSession
    ) async throws -> Bool {
        try await session.query(
            "INSERT INTO inbox (consumer, message_id) VALUES ($1, $2) ON CONFLICT DO NOTHING", consumer, message
        ).affectedRows == 1
    }

    /// Forgets what is older than any redelivery could be; returns how many rows went.
    package static func prune(
        olderThan age: Duration, limit: Int, in session: some PostgresSession
    ) async throws -> Int {
        try await session.query(
            """
            DELETE FROM inbox WHERE ctid IN (
                SELECT ctid FROM inbox WHERE received_at < now() - $1 * interval '1 millisecond' LIMIT $2)
            """, Double(age.milliseconds), limit
        ).affectedRows
    }
}
