package import ParityProtocol
package import PostgresClient

/// The `tasks` table.
package enum Tasks {
    /// What the services need of a task, read under its row lock. Every transaction that touches a task or anything
    /// below it takes this lock first.
    package struct Row: Sendable {
        package let id: TaskID
        package let account: AccountID
        package let specDigest: Digest
        package let taskClass: String
        package let reward: Amount
        package let rules: VerificationRules
        package let state: TaskState
        package let isOverdue: Bool
        package let isSettled: Bool
        /// The archive that a builder made for it; nil for a task that brought its image, or is still building.
        package let imageDigest: Digest?

        init(_ row: PostgresRow) throws(PostgresError) {
            id = try row.decode("id")
            account = try row.decode("account_id")
            specDigest = try row.decode("spec_digest")
            taskClass = try row.decode("class")
            reward = try row.decode("reward")
            rules = VerificationRules(
                replicas: Int64(try row.decode("replicas", as: Int.self)),
                quorum: Int64(try row.decode("quorum", as: Int.self)),
                maxReplicas: Int64(try row.decode("max_replicas", as: Int.self)))
            state = try row.decode("state")
            isOverdue = try row.decode("is_overdue")
            isSettled = try row.decode("is_settled")
            imageDigest = try row.decode("image_digest")
        }
    }

    private static let columns: SQL = """
        SELECT id, account_id, spec_digest, class, reward, replicas, quorum, max_replicas, state,
            deadline_at <= now() AS is_overdue, settled_at IS NOT NULL AS is_settled, image_digest
        FROM tasks
        """

    /// Locks the task until the transaction ends; nil if there is none of this id.
    package static func lock(_ id: TaskID, in session: some PostgresSession) async throws -> Row? {
        // NO KEY: rows that refer to the task can still be inserted by others.
        try await session.query(columns + " WHERE id = $1 FOR NO KEY UPDATE", id).first.map(Row.init)
    }

    /// Records a task: `queued`, or `building` when its image must be made first.
    package static func insert(
        _ id: TaskID, account: AccountID, spec: TaskSpec, traceparent: String?, in session: some PostgresSession
    ) async throws {
        try await session.query(
            """
            INSERT INTO tasks (id, account_id, spec, spec_digest, class, reward, replicas, quorum, max_replicas,
                deadline_at, traceparent, state)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, now() + $10 * interval '1 second', $11, $12)
            """,
            id, account, spec.json.canonicalString, spec.digest, spec.taskClass, spec.reward,
            Int32(spec.verification.replicas), Int32(spec.verification.quorum), Int32(spec.verification.maxReplicas),
            Double(spec.deadlineSeconds), traceparent,
            spec.environment.recipe == nil ? TaskState.queued : .building)
    }

    /// building → queued, with the image that replicas run.
    package static func markBuilt(
        _ id: TaskID, image: Digest, in session: some PostgresSession
    ) async throws {
        try await session.query(
            "UPDATE tasks SET state = 'queued', image_digest = $2 WHERE id = $1 AND state = 'building'", id, image)
    }

    /// queued → running, at the first grant.
    package static func markRunning(_ id: TaskID, in session: some PostgresSession) async throws {
        try await session.query("UPDATE tasks SET state = 'running' WHERE id = $1 AND state = 'queued'", id)
    }

    /// Ends an undecided task; false if it was decided already.
    package static func decide(_ id: TaskID, state: TaskState, in session: some PostgresSession) async throws -> Bool {
        try await session.query(
            """
            UPDATE tasks SET state = $2, decided_at = now(), reminded_at = NULL, reminders = 0
            WHERE id = $1 AND decided_at IS NULL
            """, id, state
        ).affectedRows == 1
    }

    package static func markSettled(_ id: TaskID, in session: some PostgresSession) async throws {
        try await session.query("UPDATE tasks SET settled_at = now() WHERE id = $1 AND settled_at IS NULL", id)
    }

    /// What must be built for a task; nil for one that brought its image.
    package static func recipe(of id: TaskID, in session: some PostgresSession) async throws -> BuildRecipe? {
        guard
            let text: String = try await session.query("SELECT spec FROM tasks WHERE id = $1", id).first?
                .decode("spec")
        else { return nil }
        return try TaskSpec(parsing: try JSONValue.parse(Array(text.utf8))).environment.recipe
    }

    /// The canonical spec of this digest, if any task has it.
    package static func spec(_ digest: Digest, in session: some PostgresSession) async throws -> String? {
        try await session.query("SELECT spec FROM tasks WHERE spec_digest = $1 LIMIT 1", digest).first?.decode("spec")
    }

    /// What the task's spec expects of its output.
    package static func expectation(
        of id: TaskID, in session: some PostgresSession
    ) async throws -> TaskExpectation {
        guard let row = try await session.query("SELECT spec FROM tasks WHERE id = $1", id).first else {
            throw PostgresError(code: .decoding, message: "there is no task \(id)")
        }
        let text: String = try row.decode("spec")
        return try TaskSpec(parsing: try JSONValue.parse(Array(text.utf8))).expect
    }
}
