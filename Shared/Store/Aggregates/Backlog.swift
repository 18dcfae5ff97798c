package import ParityProtocol
package import PostgresClient

/// What the rows say should be under way and is not: the questions of the scheduler's tick. Each answer is bounded and
/// oldest first.
package enum Backlog {
    /// Granted replicas whose lease is over, with their runners.
    package static func endedLeases(
        limit: Int, in session: some PostgresSession
    ) async throws -> [(id: AttemptID, runner: RunnerID)] {
        let rows = try await session.query(
            """
            SELECT task_id, replica, attempt, runner_id FROM replicas
            WHERE state = 'granted' AND lease_expires_at <= now() ORDER BY lease_expires_at LIMIT $1
            """, limit)
        return try rows.map { row throws(PostgresError) in
            (try Replicas.attemptID(row), try row.decode("runner_id"))
        }
    }

    /// What a runner holds.
    package static func granted(
        to runner: RunnerID, limit: Int, in session: some PostgresSession
    ) async throws -> [AttemptID] {
        try await session.query(
            """
            SELECT task_id, replica, attempt FROM replicas WHERE state = 'granted' AND runner_id = $1
            ORDER BY task_id LIMIT $2
            """, runner, limit
        ).map(Replicas.attemptID)
    }

    /// Offers that nobody claimed in time.
    package static func unclaimed(limit: Int, in session: some PostgresSession) async throws -> [AttemptID] {
        try await session.query(
            """
            SELECT task_id, replica, attempt FROM replicas
            WHERE state = 'offered' AND claim_by <= now() ORDER BY claim_by LIMIT $1
            """, limit
        ).map(Replicas.attemptID)
    }

    /// Offers on lanes that have no live runner any more.
    package static func deserted(
        lease: Duration, limit: Int, in session: some PostgresSession
    ) async throws -> [AttemptID] {
        try await session.query(
            """
            SELECT p.task_id, p.replica, p.attempt FROM replicas p JOIN tasks t ON t.id = p.task_id
            WHERE p.state = 'offered' AND NOT EXISTS (
                SELECT FROM runner_classes c JOIN runners r ON r.id = c.runner_id
                WHERE c.class = t.class AND c.lane = p.lane AND r.disqualified_at IS NULL
                    AND r.last_seen_at > live_since($1 * interval '1 millisecond'))
            ORDER BY p.offered_at LIMIT $2
            """, Double(lease.milliseconds), limit
        ).map(Replicas.attemptID)
    }

    /// Undecided tasks with replicas that wait, or with no replicas at all some time after they were submitted.
    package static func unplaced(limit: Int, in session: some PostgresSession) async throws -> [TaskID] {
        try await ids(
            session.query(
                """
                SELECT t.id FROM tasks t WHERE t.decided_at IS NULL AND (
                    EXISTS (SELECT FROM replicas p WHERE p.task_id = t.id AND p.state = 'waiting')
                    OR (t.created_at < now() - interval '5 seconds'
                        AND NOT EXISTS (SELECT FROM replicas p WHERE p.task_id = t.id)))
                ORDER BY t.id LIMIT $1
                """, limit))
    }

    /// Undecided tasks that are overdue, or whose replicas have all ended.
    package static func unjudged(limit: Int, in session: some PostgresSession) async throws -> [TaskID] {
        try await ids(
            session.query(
                """
                SELECT t.id FROM tasks t WHERE t.decided_at IS NULL AND (t.deadline_at <= now() OR (
                    EXISTS (SELECT FROM replicas p WHERE p.task_id = t.id) AND NOT EXISTS (
                        SELECT FROM replicas p WHERE p.task_id = t.id
                            AND (p.closed_at IS NULL OR p.closed_at > now() - interval '5 seconds'))))
                ORDER BY t.id LIMIT $1
                """, limit))
    }

    /// Decided tasks whose replicas have all ended and whose escrow still stands after a while.
    package static func unsettled(limit: Int, in session: some PostgresSession) async throws -> [TaskID] {
        try await ids(
            session.query(
                """
                SELECT t.id FROM tasks t WHERE t.decided_at < now() - interval '10 seconds' AND t.settled_at IS NULL
                    AND NOT EXISTS (SELECT FROM replicas p WHERE p.task_id = t.id AND p.closed_at IS NULL)
                ORDER BY t.decided_at LIMIT $1
                """, limit))
    }

    /// Tasks whose results differ, and whose report is still to be made after a while.
    package static func unexplained(limit: Int, in session: some PostgresSession) async throws -> [TaskID] {
        try await ids(
            session.query(
                """
                SELECT task_id FROM divergences
                WHERE reported_votes < votes AND noted_at < now() - interval '10 seconds' ORDER BY noted_at LIMIT $1
                """, limit))
    }

    private static func ids(_ result: PostgresResult) throws(PostgresError) -> [TaskID] {
        try result.map { row throws(PostgresError) in try row.decode(at: 0) }
    }
}
