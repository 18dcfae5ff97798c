package import ParityProtocol
package import PostgresClient

/// The `results`, `verdicts`, `strikes` and `failures` tables. Callers hold the task's row lock.
package enum Results {
    /// A granted attempt, against which a result is checked.
    package struct Attempt: Sendable {
        package let runner: RunnerID
        package let runnerKey: RunnerKey
        package let owner: String
        package let token: String
        package let specDigest: Digest
        /// What its runner sends by now is evidence at most.
        package let isDisqualified: Bool
    }

    /// The grant that `id` names; nil if there was none.
    package static func attempt(_ id: AttemptID, in session: some PostgresSession) async throws -> Attempt? {
        let rows = try await session.query(
            """
            SELECT a.runner_id, r.public_key, a.owner_key, a.token, t.spec_digest,
                r.disqualified_at IS NOT NULL AS out
            FROM attempts a JOIN runners r ON r.id = a.runner_id JOIN tasks t ON t.id = a.task_id
            WHERE a.task_id = $1 AND a.replica = $2 AND a.attempt = $3
            """, id.task, Int32(id.replica), Int32(id.attempt))
        guard let row = rows.first else { return nil }
        guard let key = RunnerKey(bytes: try row.decode("public_key", as: [UInt8].self)) else { return nil }
        return Attempt(
            runner: try row.decode("runner_id"), runnerKey: key, owner: try row.decode("owner_key"),
            token: try row.decode("token"), specDigest: try row.decode("spec_digest"),
            isDisqualified: try row.decode("out"))
    }

    /// Keeps a result as evidence; false if this attempt has one already.
    package static func insert(
        _ statement: ResultStatement, by runner: RunnerID, envelope: String, detail: String, closesReplica: Bool,
        in session: some PostgresSession
    ) async throws -> Bool {
        try await session.query(
            """
            INSERT INTO results (task_id, replica, attempt, runner_id, outcome, output_digest, exit_code, envelope,
                detail, closed_replica)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING
            """,
            statement.task, Int32(statement.replica), Int32(statement.attempt), runner, statement.outcome,
            statement.outputDigest, statement.exitCode.map(Int32.init(truncatingIfNeeded:)), envelope, detail,
            closesReplica
        ).affectedRows == 1
    }

    /// Closes the replica with this result, whoever holds it by now.
    package static func closeReplica(
        _ statement: ResultStatement, runner: RunnerID, owner: String, detail: String, in session: some PostgresSession
    ) async throws {
        try await session.query(
            """
            UPDATE replicas SET state = 'completed', attempt = $3, runner_id = $4, owner_key = $5, outcome = $6,
                output_digest = $7, exit_code = $8, detail = $9, closed_at = now(), lease_expires_at = NULL
            WHERE task_id = $1 AND replica = $2 AND closed_at IS NULL
            """,
            statement.task, Int32(statement.replica), Int32(statement.attempt), runner, owner, statement.outcome,
            statement.outputDigest, statement.exitCode.map(Int32.init(truncatingIfNeeded:)), detail)
    }

    package static func insertVerdict(
        _ task: TaskID, kind: VerdictKind, ballot: Ballot?, reason: String?,
        in session: some PostgresSession
    ) async throws {
        try await session.query(
            """
            INSERT INTO verdicts (task_id, kind, outcome, output_digest, exit_code, reason)
            VALUES ($1, $2, $3, $4, $5, $6)
            """, task, kind, ballot?.outcome, ballot?.digest, ballot?.exitCode.map(Int32.init(truncatingIfNeeded:)),
            reason)
    }

    /// The ballot that a verified task was decided for.
    package static func verifiedBallot(of task: TaskID, in session: some PostgresSession) async throws -> Ballot? {
        let rows = try await session.query(
            "SELECT outcome, output_digest, exit_code FROM verdicts WHERE task_id = $1 AND kind = 'verified'", task)
        guard let row = rows.first else { return nil }
        return Ballot(
            outcome: try row.decode("outcome"), digest: try row.decode("output_digest"),
            exitCode: try row.decode("exit_code"))
    }

    /// Says of every closed replica whether it voted for `ballot`, and records the decided results of their runners.
    /// Returns the runners that mismatched.
    package static func markMatches(
        with ballot: Ballot, of task: TaskID, in session: some PostgresSession
    ) async throws -> [RunnerID] {
        try await session.query(
            """
            UPDATE replicas
            SET matched = (outcome = $2 AND output_digest = $3 AND exit_code IS NOT DISTINCT FROM $4)
            WHERE task_id = $1 AND state = 'completed' AND matched IS NULL AND output_digest IS NOT NULL
            """, task, ballot.outcome, ballot.digest, ballot.exitCode.map(Int32.init(truncatingIfNeeded:)))
        let rows = try await session.query(
            """
            INSERT INTO strikes (task_id, replica, runner_id, mismatched)
            SELECT task_id, replica, runner_id, NOT matched FROM replicas
            WHERE task_id = $1 AND state = 'completed' AND outcome = 'completed' AND matched IS NOT NULL
            ON CONFLICT DO NOTHING RETURNING runner_id, mismatched
            """, task)
        return try rows.filter { row in try row.decode("mismatched", as: Bool.self) }
            .map { row throws(PostgresError) in try row.decode("runner_id") }
    }

    /// Records results of a verified task that did not vote, and returns their runners, each once for each.
    package static func markFailures(of task: TaskID, in session: some PostgresSession) async throws -> [RunnerID] {
        try await session.query(
            """
            INSERT INTO failures (task_id, replica, attempt, runner_id)
            SELECT task_id, replica, attempt, runner_id FROM results
            WHERE task_id = $1 AND outcome IN ('timed_out', 'rejected', 'runner_error')
            ON CONFLICT DO NOTHING RETURNING runner_id
            """, task
        ).map { row throws(PostgresError) in try row.decode("runner_id") }
    }

    /// A runner's results of verified tasks, newest first, true for one that did not vote.
    package static func recentFailures(
        of runner: RunnerID, limit: Int, in session: some PostgresSession
    ) async throws -> [Bool] {
        try await session.query(
            """
            SELECT failed FROM (
                SELECT decided_at, false AS failed FROM strikes WHERE runner_id = $1
                UNION ALL SELECT decided_at, true FROM failures WHERE runner_id = $1) decided
            ORDER BY decided_at DESC LIMIT $2
            """, runner, limit
        ).map { row throws(PostgresError) in try row.decode("failed", as: Bool.self) }
    }

    /// A runner's decided results, newest first, true for a mismatch.
    package static func recentMismatches(
        of runner: RunnerID, limit: Int, in session: some PostgresSession
    ) async throws -> [Bool] {
        try await session.query(
            "SELECT mismatched FROM strikes WHERE runner_id = $1 ORDER BY decided_at DESC LIMIT $2", runner, limit
        ).map { row throws(PostgresError) in try row.decode("mismatched", as: Bool.self) }
    }
}
