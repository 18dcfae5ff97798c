package import ParityProtocol
package import PostgresClient

/// The `runners`, `runner_classes`, `owner_lanes` and `runner_pauses` tables.
package enum Runners {
    package struct Identity: Sendable {
        package let owner: String
        package let account: AccountID
        package let isDisqualified: Bool
        package let isBuilder: Bool
    }

    package static func identity(of runner: RunnerID, in session: some PostgresSession) async throws -> Identity? {
        let rows = try await session.query(
            """
            SELECT owner_key, account_id, disqualified_at IS NOT NULL AS out, is_builder FROM runners WHERE id = $1
            """, runner)
        guard let row = rows.first else { return nil }
        return Identity(
            owner: try row.decode("owner_key"), account: try row.decode("account_id"),
            isDisqualified: try row.decode("out"), isBuilder: try row.decode("is_builder"))
    }

    /// Inserts the runner of this key or brings its particulars up to date; the id stays. Nil if the key belongs to
    /// another account, or to a builder where a runner is meant, or the other way round. The heartbeats of this life of
    /// the runner count from the sequence that is returned, at least `sequence`; those of earlier lives, which may still
    /// be under way, are stale from now on.
    package static func register(
        id: RunnerID, key: RunnerKey, account: AccountID, owner: String, name: String, slots: Int, version: String,
        sequence: Int64, isBuilder: Bool = false, in session: some PostgresSession
    ) async throws -> (id: RunnerID, sequence: Int64)? {
        let rows = try await session.query(
            """
            INSERT INTO runners AS r (
                id, public_key, account_id, owner_key, name, slots, agent_version, heartbeat_sequence, is_builder)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
            ON CONFLICT (public_key) DO UPDATE SET name = excluded.name, slots = excluded.slots,
                agent_version = excluded.agent_version,
                heartbeat_sequence = greatest(r.heartbeat_sequence, excluded.heartbeat_sequence)
            WHERE r.account_id = excluded.account_id AND r.is_builder = excluded.is_builder
            RETURNING id, heartbeat_sequence
            """, id, PostgresValue.bytea(key.bytes), account, owner, name, Int32(slots), version, sequence, isBuilder)
        guard let row = rows.first else { return nil }
        return (try row.decode("id"), try row.decode("heartbeat_sequence"))
    }

    /// The lane on which `runner` serves `taskClass`: its owner's, or, for an owner new to the class, one of the least
    /// staffed, drawn at random.
    package static func pinLane(
        _ runner: RunnerID, owner: String, taskClass: String, lanes: Int, in session: some PostgresSession
    ) async throws -> Int {
        // One at a time for each class, or two newcomers would find the same lane empty.
        try await session.query("SELECT pg_advisory_xact_lock(7201, hashtext($1))", taskClass)
        try await session.query(
            """
            INSERT INTO owner_lanes (owner_key, class, lane)
            SELECT $1, $2, n FROM generate_series(0, $3 - 1) n
            ORDER BY (SELECT count(*) FROM owner_lanes o WHERE o.class = $2 AND o.lane = n), random() LIMIT 1
            ON CONFLICT DO NOTHING
            """, owner, taskClass, Int32(lanes))
        let lane: Int =
            try await session.query(
                "SELECT lane FROM owner_lanes WHERE owner_key = $1 AND class = $2", owner, taskClass
            ).first?.decode("lane") ?? 0
        try await session.query(
            """
            INSERT INTO runner_classes (runner_id, class, lane) VALUES ($1, $2, $3)
            ON CONFLICT (runner_id, class) DO UPDATE SET lane = excluded.lane
            """, runner, taskClass, Int32(lane))
        return lane
    }

    /// Whether the runner stands on this lane of the class.
    package static func serves(
        _ runner: RunnerID, taskClass: String, lane: Int, in session: some PostgresSession
    ) async throws -> Bool {
        try await !session.query(
            "SELECT FROM runner_classes WHERE runner_id = $1 AND class = $2 AND lane = $3", runner, taskClass,
            Int32(lane)
        ).isEmpty
    }

    /// How many runners an account has, other than the one with `key`. Locks the account's row, so that two
    /// registrations at once count each other.
    package static func count(
        of account: AccountID, besides key: RunnerKey, in session: some PostgresSession
    ) async throws -> Int {
        try await session.query("SELECT FROM accounts WHERE id = $1 FOR UPDATE", account)
        return try await session.query(
            "SELECT count(*) AS n FROM runners WHERE account_id = $1 AND public_key <> $2", account,
            PostgresValue.bytea(key.bytes)
        ).first?.decode("n") ?? 0
    }

    /// Drops classes that the runner no longer serves.
    package static func keepOnly(
        classes: [String], of runner: RunnerID, in session: some PostgresSession
    ) async throws {
        try await session.query(
            "DELETE FROM runner_classes WHERE runner_id = $1 AND class <> ALL ($2)", runner, classes)
    }

    /// What a heartbeat is worth.
    package enum Hearing: Sendable {
        case heard
        /// A later one was heard before, or the runner has begun a new life: this one says nothing.
        case stale
        /// Of a runner that is unknown or disqualified.
        case unwelcome
    }

    /// Notes that a runner lives, or leaves.
    package static func seen(
        _ heartbeat: Heartbeat, lease: Duration, in session: some PostgresSession
    ) async throws -> Hearing {
        // That anybody was heard is written only now and then: the row is everybody's. A leaving one may come again as
        // long as nothing came after it: what it asks for may not be done yet.
        let updated = try await session.query(
            """
            WITH lease AS (SELECT $5 * interval '1 millisecond' AS lease),
            heard AS (
                UPDATE hearing SET heard_at = now(),
                    silent_from = CASE WHEN heard_at < now() - lease / 2 THEN heard_at ELSE silent_from END,
                    silent_until = CASE WHEN heard_at < now() - lease / 2 THEN now() ELSE silent_until END
                FROM lease WHERE heard_at < now() - lease / 16)
            UPDATE runners SET last_seen_at = CASE WHEN $4 THEN NULL ELSE now() END, slots = $3,
                heartbeat_sequence = $2
            WHERE id = $1 AND disqualified_at IS NULL AND (heartbeat_sequence < $2
                OR $4 AND heartbeat_sequence = $2 AND last_seen_at IS NULL)
            """,
            heartbeat.runner, heartbeat.sequence, Int32(min(max(heartbeat.slots, 1), 1024)), heartbeat.leaving,
            Double(lease.milliseconds))
        if updated.affectedRows == 1 { return .heard }
        return try await identity(of: heartbeat.runner, in: session)?.isDisqualified == false ? .stale : .unwelcome
    }

    package static func disqualify(_ runner: RunnerID, in session: some PostgresSession) async throws {
        try await session.query(
            "UPDATE runners SET disqualified_at = now() WHERE id = $1 AND disqualified_at IS NULL", runner)
    }

    /// Gives a runner no work for so long. A longer rest that it has stays.
    package static func pause(_ runner: RunnerID, for rest: Duration, in session: some PostgresSession) async throws {
        try await session.query(
            """
            INSERT INTO runner_pauses AS p (runner_id, until) VALUES ($1, now() + $2 * interval '1 millisecond')
            ON CONFLICT (runner_id) DO UPDATE SET until = greatest(p.until, excluded.until)
            """, runner, Double(rest.milliseconds))
    }

    package static func isPaused(_ runner: RunnerID, in session: some PostgresSession) async throws -> Bool {
        try await session.query("SELECT is_paused($1) AS paused", runner).first?.decode("paused") ?? false
    }

    /// The lanes of a class that have live runners which do not rest, with their room.
    package static func laneLoads(
        of taskClass: String, lease: Duration, in session: some PostgresSession
    ) async throws -> [LaneLoad] {
        let rows = try await session.query(
            """
            SELECT staffed.lane, staffed.slots - (
                SELECT count(*) FROM replicas p JOIN tasks t ON t.id = p.task_id
                WHERE p.lane = staffed.lane AND p.state IN ('offered', 'granted') AND t.class = $1) AS free
            FROM (SELECT c.lane, sum(r.slots) AS slots FROM runner_classes c JOIN runners r ON r.id = c.runner_id
                WHERE c.class = $1 AND r.disqualified_at IS NULL AND NOT is_paused(r.id)
                    AND r.last_seen_at > live_since($2 * interval '1 millisecond')
                GROUP BY c.lane) staffed
            """, taskClass, Double(lease.milliseconds))
        return try rows.map { row throws(PostgresError) in
            LaneLoad(lane: try row.decode("lane"), freeSlots: try row.decode("free"))
        }
    }
}
