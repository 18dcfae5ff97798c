package import ParityProtocol
package import PostgresClient

/// The `task_events` table: a task's history, numbered without gaps under its row lock.
package enum TaskEvents {
    package struct Entry: Sendable {
        package let type: EventType
        package let data: JSONValue
        package init(_ type: EventType, _ data: JSONValue = .object([:])) {
            self.type = type
            self.data = data
        }
    }

    /// The number of each task's newest event.
    package static func newest(
        of tasks: [TaskID], in session: some PostgresSession
    ) async throws -> [TaskID: Int64] {
        let rows = try await session.query("SELECT id, event_seq FROM tasks WHERE id = ANY ($1)", tasks.map(\.uuid))
        var newest: [TaskID: Int64] = [:]
        for row in rows { newest[try row.decode("id")] = try row.decode("event_seq", as: Int64.self) }
        return newest
    }

    /// Appends to the history. The caller holds the task's row lock.
    package static func append(
        _ entries: [Entry], to task: TaskID, in session: some PostgresSession
    ) async throws {
        guard !entries.isEmpty else { return }
        try await session.query(
            """
            WITH bumped AS (UPDATE tasks SET event_seq = event_seq + $2 WHERE id = $1 RETURNING event_seq)
            INSERT INTO task_events (task_id, seq, type, data)
            SELECT $1, bumped.event_seq - $2 + e.n, e.type, e.data
            FROM bumped, unnest($3::text[], $4::text[]) WITH ORDINALITY AS e(type, data, n)
            """,
            task, Int64(entries.count), entries.map(\.type.rawValue), entries.map(\.data.canonicalString))
    }
}
