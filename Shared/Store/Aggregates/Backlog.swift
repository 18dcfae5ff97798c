package import ParityProtocol
package import PostgresClient

/// What the rows say should be under way and is not: the questions of the scheduler's tick. Each answer is bounded, and
/// each question looks at open work alone, however much has ended.
package enum Backlog {
    /// Granted replicas whose lease is over, or whose runner was disqualified meanwhile, with their runners.
    package static func endedLeases(
        limit: Int, in session: some PostgresSession
    ) async throws -> [(id: AttemptID, runner: RunnerID)] {
        let rows = try await session.query(
            """
            SELECT p.task_id, p.replica, p.attempt, p.runner_id FROM replicas p JOIN runners r ON r.id = p.runner_id
            WHERE p.state = 'granted' AND (p.lease_expires_at <= now() OR r.disqualified_at IS NOT NULL)
            ORDER BY p.lease_expires_at LIMIT $1
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
            SELECT p.task_id, p.replica, p.attempt FROM replicas p
            -- One task at a time, by its key: the planner would rather read all tasks that ever were.
            CROSS JOIN LATERAL (SELECT class FROM tasks WHERE id = p.task_id OFFSET 0) t
            WHERE p.state = 'offered' AND NOT EXISTS (
                SELECT FROM runner_classes c JOIN runners r ON r.id = c.runner_id
                WHERE c.class = t.class AND c.lane = p.lane AND r.disqualified_at IS NULL
                    AND r.last_seen_at > live_since($1 * interval '1 millisecond'))
            ORDER BY p.offered_at LIMIT $2
            """, Double(lease.milliseconds), limit
        ).map(Replicas.attemptID)
    }

    /// Undecided tasks with replicas that wait for a lane while their class has live runners, or with no replicas at all
    /// some time after they were submitted. In random order: those that no lane can take now must not stand before the
    /// others for ever.
    package static func unplaced(
        lease: Duration, limit: Int, in session: some PostgresSession
    ) async throws -> [TaskID] {
        try await ids(
            session.query(
                """
                SELECT t.id FROM tasks t WHERE t.decided_at IS NULL AND (
                    (EXISTS (SELECT FROM replicas p WHERE p.task_id = t.id AND p.state = 'waiting')
                        AND t.class IN (
                            SELECT c.class FROM runner_classes c JOIN runners r ON r.id = c.runner_id
                            WHERE r.disqualified_at IS NULL
                                AND r.last_seen_at > live_since($1 * interval '1 millisecond')))
                    OR (t.state <> 'building' AND t.created_at < now() - interval '5 seconds'
                        AND NOT EXISTS (SELECT FROM replicas p WHERE p.task_id = t.id)))
                ORDER BY random() LIMIT $2
                """, Double(lease.milliseconds), limit))
    }

    /// Undecided tasks that are overdue, or whose replicas have all ended, or whose image cannot be built: books a reminder for each. One that stays
    /// without effect is repeated at growing distances, so that a service that is away does not find a flood.
    package static func remindUnjudged(limit: Int, in session: some PostgresSession) async throws -> [TaskID] {
        try await ids(
            session.query(
                """
                UPDATE tasks SET reminded_at = now(), reminders = reminders + 1 WHERE id IN (
                    SELECT t.id FROM tasks t CROSS JOIN LATERAL (
                        SELECT count(*) AS replicas,
                            bool_or(p.closed_at IS NULL OR p.closed_at > now() - interval '5 seconds') AS is_busy
                        FROM replicas p WHERE p.task_id = t.id) s
                    WHERE t.decided_at IS NULL AND (t.deadline_at <= now() OR (s.replicas > 0 AND NOT s.is_busy)
                        OR (t.state = 'building' AND EXISTS (
                            SELECT FROM task_builds w JOIN builds b ON b.id = w.build_id
                            WHERE w.task_id = t.id AND b.state = 'failed')))
                        AND reminder_due(t.reminded_at, t.reminders)
                    ORDER BY t.deadline_at LIMIT $1 FOR NO KEY UPDATE OF t SKIP LOCKED)
                RETURNING id
                """, limit))
    }

    /// As ``remindUnjudged(limit:in:)``, for decided tasks whose replicas have all ended and whose escrow still stands
    /// after a while.
    package static func remindUnsettled(limit: Int, in session: some PostgresSession) async throws -> [TaskID] {
        try await ids(
            session.query(
                """
                UPDATE tasks SET reminded_at = now(), reminders = reminders + 1 WHERE id IN (
                    SELECT t.id FROM tasks t
                    WHERE t.decided_at < now() - interval '10 seconds' AND t.settled_at IS NULL
                        AND NOT EXISTS (SELECT FROM replicas p WHERE p.task_id = t.id AND p.closed_at IS NULL)
                        AND reminder_due(t.reminded_at, t.reminders)
                    ORDER BY t.decided_at LIMIT $1 FOR NO KEY UPDATE OF t SKIP LOCKED)
                RETURNING id
                """, limit))
    }

    /// As ``remindUnjudged(limit:in:)``, for tasks whose results differ, and whose report is still to be made after a
    /// while.
    package static func remindUnexplained(limit: Int, in session: some PostgresSession) async throws -> [TaskID] {
        try await ids(
            session.query(
                """
                UPDATE divergences SET reminded_at = now(), reminders = reminders + 1 WHERE task_id IN (
                    SELECT task_id FROM divergences
                    WHERE reported_votes < votes AND noted_at < now() - interval '10 seconds'
                        AND reminder_due(reminded_at, reminders)
                    ORDER BY noted_at LIMIT $1 FOR UPDATE SKIP LOCKED)
                RETURNING task_id
                """, limit))
    }

    /// As ``remindUnjudged(limit:in:)``, for verified tasks whose output is still to be looked into after a while.
    package static func remindExpectations(limit: Int, in session: some PostgresSession) async throws -> [TaskID] {
        try await ids(
            session.query(
                """
                UPDATE expectations SET reminded_at = now(), reminders = reminders + 1 WHERE task_id IN (
                    SELECT task_id FROM expectations
                    WHERE failures IS NULL AND noted_at < now() - interval '10 seconds'
                        AND reminder_due(reminded_at, reminders)
                    ORDER BY noted_at LIMIT $1 FOR UPDATE SKIP LOCKED)
                RETURNING task_id
                """, limit))
    }

    /// Tasks that wait for their image although it is there, or will never be, or is not on its way at all; or that have
    /// not heard all of their build's log.
    package static func building(limit: Int, in session: some PostgresSession) async throws -> [TaskID] {
        try await ids(
            session.query(
                """
                SELECT t.id FROM tasks t LEFT JOIN task_builds w ON w.task_id = t.id LEFT JOIN builds b ON b.id = w.build_id
                WHERE t.state = 'building' AND ((b.closed_at IS NOT NULL AND NOT w.is_told) OR b.log_bytes > w.log_bytes
                    OR (b.id IS NULL AND t.created_at < now() - interval '5 seconds'))
                ORDER BY random() LIMIT $1
                """, limit))
    }

    /// Open builds that no task waits for any more.
    package static func abandonedBuilds(limit: Int, in session: some PostgresSession) async throws -> [BuildID] {
        try await builds(
            session.query(
                """
                SELECT b.id FROM builds b WHERE b.closed_at IS NULL AND NOT EXISTS (
                    SELECT FROM task_builds w JOIN tasks t ON t.id = w.task_id
                    WHERE w.build_id = b.id AND t.state = 'building')
                ORDER BY b.id LIMIT $1
                """, limit))
    }

    /// Builds whose builder's lease is over, or that no builder claimed in time.
    package static func stalledBuilds(limit: Int, in session: some PostgresSession) async throws -> [BuildID] {
        try await builds(
            session.query(
                """
                SELECT id FROM builds WHERE (state = 'granted' AND lease_expires_at <= now())
                    OR (state = 'offered' AND claim_by <= now())
                ORDER BY id LIMIT $1
                """, limit))
    }

    private static func builds(_ result: PostgresResult) throws(PostgresError) -> [BuildID] {
        try result.map { row throws(PostgresError) in try row.decode(at: 0) }
    }

    private static func ids(_ result: PostgresResult) throws(PostgresError) -> [TaskID] {
        try result.map { row throws(PostgresError) in try row.decode(at: 0) }
    }
}
