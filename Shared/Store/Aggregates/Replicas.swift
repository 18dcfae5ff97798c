package import ParityProtocol
package import PostgresClient

/// The `replicas`, `attempts` and `task_owners` tables. Callers hold the task's row lock.
package enum Replicas {
    package struct Row: Sendable {
        package let replica: Int
        package let state: ReplicaState
        package let lane: Int?
        package let attempt: Int
        package let grants: Int
        package let runner: RunnerID?
        package let owner: String?
        package let outcome: Outcome?
        package let outputDigest: Digest?
        package let exitCode: Int?
        package let matched: Bool?
        /// Its lease has ended by the database's clock.
        package let isLeaseOver: Bool

        init(_ row: PostgresRow) throws(PostgresError) {
            replica = try row.decode("replica")
            state = try row.decode("state")
            lane = try row.decode("lane")
            attempt = try row.decode("attempt")
            grants = try row.decode("grants")
            runner = try row.decode("runner_id")
            owner = try row.decode("owner_key")
            outcome = try row.decode("outcome")
            outputDigest = try row.decode("output_digest")
            exitCode = try row.decode("exit_code")
            matched = try row.decode("matched")
            isLeaseOver = try row.decode("is_lease_over")
        }

        /// What it was voted for; nil unless its result votes.
        package var ballot: Ballot? {
            guard state == .completed, let outcome, outcome.votes, let outputDigest else { return nil }
            return Ballot(outcome: outcome, digest: outputDigest, exitCode: exitCode)
        }
    }

    /// All replicas of a task by ascending number.
    package static func all(of task: TaskID, in session: some PostgresSession) async throws -> [Row] {
        try await session.query(
            """
            SELECT replica, state, lane, attempt, grants, runner_id, owner_key, outcome, output_digest, exit_code,
                matched, coalesce(lease_expires_at <= now(), false) AS is_lease_over
            FROM replicas WHERE task_id = $1 ORDER BY replica
            """, task
        ).map(Row.init)
    }

    /// Adds waiting replicas up to `total`; what is there stays as it is. Returns the numbers that are new.
    package static func ensure(_ total: Int, of task: TaskID, in session: some PostgresSession) async throws -> [Int] {
        try await session.query(
            """
            INSERT INTO replicas (task_id, replica, state) SELECT $1, n, 'waiting' FROM generate_series(0, $2 - 1) n
            ON CONFLICT DO NOTHING RETURNING replica
            """, task, Int32(total)
        ).map { row throws(PostgresError) in try row.decode("replica", as: Int.self) }
    }

    /// Which lanes the task's other replicas leave to `replica`.
    package static func laneClaims(
        of task: TaskID, for replica: Int, in session: some PostgresSession
    ) async throws -> LaneClaims {
        let rows = try await session.query(
            """
            SELECT lane, replica = $2 AS own FROM (
                SELECT lane, replica FROM replicas
                WHERE task_id = $1 AND replica <> $2 AND state IN ('offered', 'granted')
                UNION
                SELECT l.lane, o.replica FROM task_owners o JOIN tasks t ON t.id = o.task_id
                    JOIN owner_lanes l ON l.owner_key = o.owner_key AND l.class = t.class
                WHERE o.task_id = $1) held
            UNION ALL
            SELECT NULL, NULL FROM replicas r
            WHERE r.task_id = $1 AND r.replica <> $2 AND r.closed_at IS NULL AND NOT EXISTS (
                SELECT FROM task_owners o WHERE o.task_id = r.task_id AND o.replica = r.replica)
            """, task, Int32(replica))
        var claims = LaneClaims()
        for row in rows {
            guard let lane: Int = try row.decode("lane") else {
                claims.unheld += 1
                continue
            }
            if try row.decode("own") { claims.own.insert(lane) } else { claims.others.insert(lane) }
        }
        return claims
    }

    /// Makes the replica an offer on `lane` with the next attempt number, which is returned; nil if it is closed.
    package static func offer(
        _ replica: Int, of task: TaskID, on lane: Int, claimWithin: Duration, in session: some PostgresSession
    ) async throws -> Int? {
        try await session.query(
            """
            UPDATE replicas SET state = 'offered', lane = $3, attempt = attempt + 1, offered_at = now(),
                claim_by = now() + $4 * interval '1 millisecond' * power(2, least(attempt, 6)), runner_id = NULL,
                owner_key = NULL, lease_expires_at = NULL
            WHERE task_id = $1 AND replica = $2 AND state IN ('waiting', 'offered', 'granted')
            RETURNING attempt
            """, task, Int32(replica), Int32(lane), Double(claimWithin.milliseconds)
        ).first?.decode("attempt")
    }

    /// No lane can take it now.
    package static func makeWait(_ replica: Int, of task: TaskID, in session: some PostgresSession) async throws {
        try await session.query(
            """
            UPDATE replicas SET state = 'waiting', runner_id = NULL, owner_key = NULL, lease_expires_at = NULL
            WHERE task_id = $1 AND replica = $2 AND state IN ('offered', 'granted')
            """, task, Int32(replica))
    }

    /// Books the task for `owner`'s replica; false if the owner holds another replica of the task.
    package static func bindOwner(
        _ owner: String, to replica: Int, of task: TaskID, in session: some PostgresSession
    ) async throws -> Bool {
        try await !session.query(
            """
            INSERT INTO task_owners AS o (task_id, owner_key, replica) VALUES ($1, $2, $3)
            ON CONFLICT (task_id, owner_key) DO UPDATE SET replica = o.replica WHERE o.replica = excluded.replica
            RETURNING replica
            """, task, owner, Int32(replica)
        ).isEmpty
    }

    /// Grants an offered attempt; false if the offer is stale.
    package static func grant(
        _ id: AttemptID, to runner: RunnerID, owner: String, token: String, lease: Duration,
        in session: some PostgresSession
    ) async throws -> Bool {
        let granted = try await session.query(
            """
            UPDATE replicas SET state = 'granted', runner_id = $4, owner_key = $5, grants = grants + 1,
                lease_expires_at = now() + $6 * interval '1 millisecond'
            WHERE task_id = $1 AND replica = $2 AND attempt = $3 AND state = 'offered'
            """,
            id.task, Int32(id.replica), Int32(id.attempt), runner, owner, Double(lease.milliseconds))
        guard granted.affectedRows == 1 else { return false }
        try await session.query(
            """
            INSERT INTO attempts (task_id, replica, attempt, runner_id, owner_key, token)
            VALUES ($1, $2, $3, $4, $5, $6)
            """, id.task, Int32(id.replica), Int32(id.attempt), runner, owner, token)
        return true
    }

    /// The token of an attempt that `runner` holds already, its lease renewed; nil if it does not.
    package static func heldToken(
        _ id: AttemptID, of runner: RunnerID, lease: Duration, in session: some PostgresSession
    ) async throws -> String? {
        try await session.query(
            """
            UPDATE replicas r SET lease_expires_at = now() + $5 * interval '1 millisecond'
            FROM attempts a
            WHERE r.task_id = $1 AND r.replica = $2 AND r.attempt = $3 AND r.state = 'granted' AND r.runner_id = $4
                AND r.lease_expires_at > now() AND a.task_id = r.task_id AND a.replica = r.replica
                AND a.attempt = r.attempt AND a.runner_id = r.runner_id
            RETURNING a.token
            """, id.task, Int32(id.replica), Int32(id.attempt), runner, Double(lease.milliseconds)
        ).first?.decode("token")
    }

    /// Renews what `runner` truly holds, by the database's clock, and returns it.
    package static func renew(
        _ held: [Heartbeat.Held], of runner: RunnerID, lease: Duration, in session: some PostgresSession
    ) async throws -> [AttemptID] {
        guard !held.isEmpty else { return [] }
        let rows = try await session.query(
            """
            UPDATE replicas r SET lease_expires_at = now() + $6 * interval '1 millisecond'
            FROM unnest($1::uuid[], $2::int4[], $3::int4[], $4::text[]) AS h(task_id, replica, attempt, token)
            JOIN attempts a ON a.task_id = h.task_id AND a.replica = h.replica AND a.attempt = h.attempt
                AND a.token = h.token
            WHERE r.task_id = h.task_id AND r.replica = h.replica AND r.attempt = h.attempt AND r.state = 'granted'
                AND r.runner_id = $5 AND a.runner_id = $5 AND r.lease_expires_at > now()
            RETURNING r.task_id, r.replica, r.attempt
            """,
            held.map(\.id.task.uuid), held.map { Int32($0.id.replica) }, held.map { Int32($0.id.attempt) },
            held.map(\.token), runner, Double(lease.milliseconds))
        return try rows.map(attemptID)
    }

    package static func endAttempt(
        _ id: AttemptID, reason: String, in session: some PostgresSession
    ) async throws {
        try await session.query(
            """
            UPDATE attempts SET ended_at = now(), end_reason = $4
            WHERE task_id = $1 AND replica = $2 AND attempt = $3 AND ended_at IS NULL
            """, id.task, Int32(id.replica), Int32(id.attempt), reason)
    }

    /// Ends a replica without a result.
    package static func close(
        _ replica: Int, of task: TaskID, as state: ReplicaState, in session: some PostgresSession
    ) async throws {
        try await session.query(
            """
            UPDATE replicas SET state = $3, closed_at = now(), lease_expires_at = NULL
            WHERE task_id = $1 AND replica = $2 AND closed_at IS NULL
            """, task, Int32(replica), state)
    }

    /// Cancels open replicas of a decided task: those not yet granted, and with `granted` those too. Returns each
    /// that was cancelled, with the runner that held it.
    package static func cancelOpen(
        of task: TaskID, granted: Bool, in session: some PostgresSession
    ) async throws -> [(id: AttemptID, runner: RunnerID?)] {
        let rows = try await session.query(
            """
            UPDATE replicas SET state = 'cancelled', closed_at = now(), lease_expires_at = NULL
            WHERE task_id = $1 AND (state IN ('waiting', 'offered') OR (state = 'granted' AND $2))
            RETURNING task_id, replica, attempt, runner_id
            """, task, granted)
        return try rows.map { row throws(PostgresError) in (try attemptID(row), try row.decode("runner_id")) }
    }

    package static func attemptID(_ row: PostgresRow) throws(PostgresError) -> AttemptID {
        AttemptID(
            task: try row.decode("task_id"), replica: try row.decode("replica"), attempt: try row.decode("attempt"))
    }
}
