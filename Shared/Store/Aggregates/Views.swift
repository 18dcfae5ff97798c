import FoundationEssentials
package import ParityProtocol
package import PostgresClient

/// What the API shows, read from the rows.
package enum Views {
    private static let taskColumns: SQL = """
        SELECT t.id, t.state, t.spec, t.spec_digest, t.class, t.reward,
            to_char(t.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS created,
            to_char(t.decided_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS decided,
            v.kind AS verdict_kind, v.outcome AS verdict_outcome, v.output_digest AS verdict_digest,
            v.exit_code AS verdict_exit_code, v.reason AS verdict_reason, s.paid, s.refunded, d.summary AS divergence,
            e.failures AS expectation_failures,
            b.id AS build_id, b.state AS build_state, b.recipe AS build_recipe, b.recipe_digest AS build_recipe_digest,
            b.bases AS build_bases, b.image_digest AS build_image, b.image_id AS build_image_id,
            b.log_digest AS build_log, b.builder_id AS build_builder, b.reused_build_id AS build_reused,
            b.detail AS build_detail
        FROM tasks t LEFT JOIN task_builds w ON w.task_id = t.id LEFT JOIN builds b ON b.id = w.build_id
            LEFT JOIN verdicts v ON v.task_id = t.id LEFT JOIN settlements s ON s.task_id = t.id
            LEFT JOIN divergences d ON d.task_id = t.id LEFT JOIN expectations e ON e.task_id = t.id
        """

    /// A task of `account`; nil if there is none of this id or it is somebody else's. Nil for `account` sees all.
    package static func task(
        _ id: TaskID, of account: AccountID?, in session: some PostgresSession
    ) async throws -> TaskObject? {
        let rows = try await session.query(
            taskColumns + " WHERE t.id = $1 AND ($2::uuid IS NULL OR t.account_id = $2)", id, account)
        return try await objects(rows, in: session).first
    }

    /// The specs on one page hold at most this much, or there is one task on it: specs may be large, and a page has to
    /// fit into memory.
    private static let maximumPageBytes = 4 << 20

    /// A page of an account's tasks, newest first, before `cursor`. It may be shorter than `limit` and yet not the last.
    package static func tasks(
        of account: AccountID, state: TaskState?, before cursor: TaskID?, limit: Int, in session: some PostgresSession
    ) async throws -> (items: [TaskObject], isLast: Bool) {
        let page = try await session.query(
            """
            SELECT id, count(*) OVER () AS candidates,
                sum(length(spec)) OVER (ORDER BY id DESC) - length(spec) AS before
            FROM (
                SELECT id, spec FROM tasks
                WHERE account_id = $1 AND ($2::text IS NULL OR state = $2) AND ($3::uuid IS NULL OR id < $3)
                ORDER BY id DESC LIMIT $4) candidate
            ORDER BY id DESC
            """, account, state, cursor, limit)
        let ids = try page.filter { row in try row.decode("before", as: Int.self) < maximumPageBytes }
            .map { row throws(PostgresError) in try row.decode("id", as: TaskID.self) }
        let rows = try await session.query(
            taskColumns + " WHERE t.id = ANY ($1) ORDER BY t.id DESC", ids.map(\.uuid))
        return (try await objects(rows, in: session), page.count < limit && ids.count == page.count)
    }

    private static func objects(
        _ rows: PostgresResult, in session: some PostgresSession
    ) async throws -> [TaskObject] {
        let ids: [TaskID] = try rows.map { row throws(PostgresError) in try row.decode("id") }
        let replicas = try await replicas(of: ids, in: session)
        return try rows.map { row in try object(row, replicas: replicas) }
    }

    private static func object(_ row: PostgresRow, replicas: [TaskID: [ReplicaObject]]) throws -> TaskObject {
        let id: TaskID = try row.decode("id")
        let spec = try JSONValue.parse(Array(try row.decode("spec", as: String.self).utf8))
        let kind: VerdictKind? = try row.decode("verdict_kind")
        let verdict: VerdictObject? = try kind.map { kind in
            VerdictObject(
                kind: kind, outputDigest: try row.decode("verdict_digest"), outcome: try row.decode("verdict_outcome"),
                exitCode: try row.decode("verdict_exit_code"), reason: try row.decode("verdict_reason"))
        }
        let paid: Amount? = try row.decode("paid")
        let divergence = try row.decode("divergence", as: String?.self).map {
            try JSONDecoder().decode(DivergenceSummary.self, from: Data($0.utf8))
        }
        return TaskObject(
            id: id, state: try row.decode("state"), spec: spec, specDigest: try row.decode("spec_digest"),
            taskClass: try row.decode("class"), reward: try row.decode("reward"), createdAt: try row.decode("created"),
            decidedAt: try row.decode("decided"), replicas: replicas[id] ?? [], verdict: verdict, settled: paid != nil,
            paid: paid, refunded: try row.decode("refunded"),
            expectationFailures: try row.decode("expectation_failures", as: String?.self).map(Expectations.failures),
            divergence: divergence, build: try build(row))
    }

    private static func build(_ row: PostgresRow) throws -> BuildObject? {
        guard let id: BuildID = try row.decode("build_id") else { return nil }
        return BuildObject(
            id: id, state: try row.decode("build_state"),
            contextDigest: try Builds.recipe(try row.decode("build_recipe")).context,
            recipeDigest: try row.decode("build_recipe_digest"), bases: try Builds.bases(row.decode("build_bases")),
            imageDigest: try row.decode("build_image"), imageID: try row.decode("build_image_id"),
            logDigest: try row.decode("build_log"), builder: try row.decode("build_builder"),
            reused: try row.decode("build_reused"), detail: try row.decode("build_detail"))
    }

    private static func replicas(
        of tasks: [TaskID], in session: some PostgresSession
    ) async throws -> [TaskID: [ReplicaObject]] {
        if tasks.isEmpty { return [:] }
        let rows = try await session.query(
            """
            SELECT r.task_id, r.replica, r.lane, r.runner_id, r.state, r.attempt, r.outcome, r.output_digest,
                r.exit_code, r.matched, r.detail, p.amount
            FROM replicas r LEFT JOIN payouts p ON p.task_id = r.task_id AND p.replica = r.replica
            WHERE r.task_id = ANY ($1) ORDER BY r.task_id, r.replica
            """, tasks.map(\.uuid))
        var byTask: [TaskID: [ReplicaObject]] = [:]
        for row in rows {
            byTask[try row.decode("task_id"), default: []].append(
                ReplicaObject(
                    replica: try row.decode("replica"), lane: try row.decode("lane"),
                    runner: try row.decode("runner_id"), state: try row.decode("state"),
                    attempt: try row.decode("attempt"), outcome: try row.decode("outcome"),
                    outputDigest: try row.decode("output_digest"), exitCode: try row.decode("exit_code"),
                    matched: try row.decode("matched"), paid: try row.decode("amount"),
                    detail: try row.decode("detail")))
        }
        return byTask
    }

    /// A task's events after `seq`, in order.
    package static func events(
        of task: TaskID, after seq: Int64, limit: Int, in session: some PostgresSession
    ) async throws -> [EventObject] {
        let rows = try await session.query(
            """
            SELECT seq, type, data, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS at
            FROM task_events WHERE task_id = $1 AND seq > $2 ORDER BY seq LIMIT $3
            """, task, seq, limit)
        return try rows.map { row in
            EventObject(
                seq: try row.decode("seq"), type: try row.decode("type"), at: try row.decode("at"),
                data: try JSONValue.parse(Array(try row.decode("data", as: String.self).utf8)))
        }
    }

    /// Whether a task's history is complete: settled, its expectations known, and what differed explained.
    package static func isComplete(_ task: TaskID, in session: some PostgresSession) async throws -> Bool {
        try await !session.query(
            """
            SELECT FROM settlements s WHERE s.task_id = $1 AND NOT EXISTS (
                SELECT FROM divergences d WHERE d.task_id = $1 AND d.reported_votes < d.votes)
            AND NOT EXISTS (SELECT FROM expectations e WHERE e.task_id = $1 AND e.failures IS NULL)
            """, task
        ).isEmpty
    }

    /// Runners by id, after `cursor`; with `only` that one.
    package static func runners(
        after cursor: RunnerID?, only: RunnerID? = nil, liveWithin: Duration, limit: Int,
        in session: some PostgresSession
    ) async throws -> [RunnerObject] {
        let rows = try await session.query(
            """
            SELECT r.id, r.public_key, r.name, r.slots, r.disqualified_at IS NOT NULL AS disqualified,
                coalesce(r.last_seen_at > now() - $1 * interval '1 millisecond', false) AS online,
                to_char(r.last_seen_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS seen,
                (SELECT to_char(p.until AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') FROM runner_pauses p
                    WHERE p.runner_id = r.id AND p.until > now()) AS paused,
                (SELECT array_agg(c.class ORDER BY c.class) FROM runner_classes c WHERE c.runner_id = r.id) AS classes,
                (SELECT count(*) FROM strikes s WHERE s.runner_id = r.id AND NOT s.mismatched) AS matched,
                (SELECT count(*) FROM strikes s WHERE s.runner_id = r.id AND s.mismatched) AS mismatched,
                (SELECT coalesce(sum(p.amount), 0)::int8 FROM payouts p WHERE p.runner_id = r.id) AS earned
            FROM runners r WHERE NOT r.is_builder AND ($2::uuid IS NULL OR r.id > $2) AND ($3::uuid IS NULL OR r.id = $3)
            ORDER BY r.id LIMIT $4
            """, Double(liveWithin.milliseconds), cursor, only, limit)
        return try rows.map { row in
            guard let key = RunnerKey(bytes: try row.decode("public_key", as: [UInt8].self)) else {
                throw PostgresError(code: .decoding, message: "a runner's key is not 32 bytes")
            }
            return RunnerObject(
                id: try row.decode("id"), runnerKey: key, name: try row.decode("name"),
                classes: try row.decode("classes", as: [String]?.self) ?? [], slots: try row.decode("slots"),
                online: try row.decode("online"), disqualified: try row.decode("disqualified"),
                matched: try row.decode("matched"), mismatched: try row.decode("mismatched"),
                earned: try row.decode("earned"), lastSeenAt: try row.decode("seen"),
                pausedUntil: try row.decode("paused"))
        }
    }
}
