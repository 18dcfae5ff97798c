import FoundationEssentials
package import ParityProtocol
package import PostgresClient

/// The `builds`, `build_attempts` and `build_log` tables. Who changes a build holds its row lock; a task's lock is
/// always taken before, never after.
package enum Builds {
    package struct Row: Sendable {
        package let id: BuildID
        package let recipe: BuildRecipe
        package let recipeDigest: Digest
        package let platform: String
        package let state: BuildState
        package let attempt: Int
        package let grants: Int
        package let builder: RunnerID?
        package let token: String?
        package let image: BuildStatement.Image?
        package let logBytes: Int64
        package let reused: BuildID?
        package let detail: String?
        /// Its lease, or the time to claim it, has ended by the database's clock.
        package let isOverdue: Bool

        init(_ row: PostgresRow) throws {
            id = try row.decode("id")
            recipe = try Builds.recipe(try row.decode("recipe"))
            recipeDigest = try row.decode("recipe_digest")
            platform = try row.decode("platform")
            state = try row.decode("state")
            attempt = try row.decode("attempt")
            grants = try row.decode("grants")
            builder = try row.decode("builder_id")
            token = try row.decode("token")
            image = try Builds.image(row)
            logBytes = try row.decode("log_bytes")
            reused = try row.decode("reused_build_id")
            detail = try row.decode("detail")
            isOverdue = try row.decode("is_overdue")
        }

        package var attemptID: BuildAttemptID { BuildAttemptID(build: id, attempt: attempt) }
    }

    private static let columns: SQL = """
        SELECT id, recipe, recipe_digest, platform, state, attempt, grants, builder_id, token, image_digest, image_id,
            image_bytes, log_bytes, reused_build_id, detail,
            coalesce(CASE WHEN state = 'granted' THEN lease_expires_at ELSE claim_by END <= now(), false) AS is_overdue
        FROM builds
        """

    private static func image(_ row: PostgresRow) throws -> BuildStatement.Image? {
        guard let archive: Digest = try row.decode("image_digest"), let id: Digest = try row.decode("image_id"),
            let bytes: Int64 = try row.decode("image_bytes")
        else { return nil }
        return BuildStatement.Image(archive: archive, id: id, bytes: bytes)
    }

    static func recipe(_ text: String) throws -> BuildRecipe {
        try JSONDecoder().decode(BuildRecipe.self, from: Data(text.utf8))
    }

    static func bases(_ text: String?) throws -> [BuildBase]? {
        try text.map { try JSONDecoder().decode([BuildBase].self, from: Data($0.utf8)) }
    }

    /// A build as it stands, without its lock.
    package static func find(_ id: BuildID, in session: some PostgresSession) async throws -> Row? {
        try await session.query(columns + " WHERE id = $1", id).first.map(Row.init)
    }

    /// Locks the build until the transaction ends; nil if there is none of this id.
    package static func lock(_ id: BuildID, in session: some PostgresSession) async throws -> Row? {
        try await session.query(columns + " WHERE id = $1 FOR NO KEY UPDATE", id).first.map(Row.init)
    }

    /// The open build of a recipe, made unless there is one; `isNew` says which.
    package static func open(
        _ recipe: BuildRecipe, platform: String, claimWithin: Duration, in session: some PostgresSession
    ) async throws -> (build: Row, isNew: Bool)? {
        let digest = recipe.digest(platform: platform)
        let inserted = try await session.query(
            """
            INSERT INTO builds (id, recipe, recipe_digest, platform, state, claim_by)
            VALUES ($1, $2, $3, $4, 'offered', now() + $5 * interval '1 millisecond')
            ON CONFLICT (recipe_digest) WHERE closed_at IS NULL DO NOTHING
            """, BuildID(UUID.v7()), recipe.json.canonicalString, digest, platform, Double(claimWithin.milliseconds))
        let rows = try await session.query(columns + " WHERE recipe_digest = $1 AND closed_at IS NULL", digest)
        return try rows.first.map { (try Row($0), inserted.affectedRows == 1) }
    }

    /// Makes an open build an offer again, with the next attempt number, which is returned.
    package static func offer(
        _ id: BuildID, claimWithin: Duration, in session: some PostgresSession
    ) async throws -> Int? {
        try await session.query(
            """
            UPDATE builds SET state = 'offered', attempt = attempt + 1, builder_id = NULL, token = NULL,
                lease_expires_at = NULL, claim_by = now() + $2 * interval '1 millisecond' * power(2, least(attempt, 6))
            WHERE id = $1 AND closed_at IS NULL RETURNING attempt
            """, id, Double(claimWithin.milliseconds)
        ).first?.decode("attempt")
    }

    package static func grant(
        _ id: BuildAttemptID, to builder: RunnerID, token: String, lease: Duration, bases: [BuildBase]?,
        cacheKey: Digest?, in session: some PostgresSession
    ) async throws {
        try await session.query(
            """
            UPDATE builds SET state = 'granted', grants = grants + 1, builder_id = $3, token = $4,
                lease_expires_at = now() + $5 * interval '1 millisecond', bases = $6, cache_key = $7
            WHERE id = $1 AND attempt = $2 AND state = 'offered'
            """, id.build, Int32(id.attempt), builder, token, Double(lease.milliseconds), try text(bases), cacheKey)
        try await session.query(
            "INSERT INTO build_attempts (build_id, attempt, builder_id, token) VALUES ($1, $2, $3, $4)", id.build,
            Int32(id.attempt), builder, token)
    }

    private static func text(_ bases: [BuildBase]?) throws -> String? {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return try bases.map { String(decoding: try encoder.encode($0), as: UTF8.self) }
    }

    package static func renew(_ id: BuildID, lease: Duration, in session: some PostgresSession) async throws {
        try await session.query(
            "UPDATE builds SET lease_expires_at = now() + $2 * interval '1 millisecond' WHERE id = $1", id,
            Double(lease.milliseconds))
    }

    package static func endAttempt(
        _ id: BuildAttemptID, reason: String, in session: some PostgresSession
    ) async throws {
        try await session.query(
            """
            UPDATE build_attempts SET ended_at = now(), end_reason = $3
            WHERE build_id = $1 AND attempt = $2 AND ended_at IS NULL
            """, id.build, Int32(id.attempt), reason)
    }

    /// The grant that `id` names, against which a result is checked; nil if there was none.
    package static func attempt(
        _ id: BuildAttemptID, in session: some PostgresSession
    ) async throws -> (builder: RunnerID, key: RunnerKey, token: String)? {
        let rows = try await session.query(
            """
            SELECT a.builder_id, r.public_key, a.token FROM build_attempts a JOIN runners r ON r.id = a.builder_id
            WHERE a.build_id = $1 AND a.attempt = $2
            """, id.build, Int32(id.attempt))
        guard let row = rows.first, let key = RunnerKey(bytes: try row.decode("public_key", as: [UInt8].self)) else {
            return nil
        }
        return (try row.decode("builder_id"), key, try row.decode("token"))
    }

    /// A finished build of the same key whose image is still stored.
    package static func made(cacheKey: Digest, in session: some PostgresSession) async throws -> Row? {
        try await session.query(
            columns + """
                 b WHERE cache_key = $1 AND state = 'built' AND reused_build_id IS NULL
                    AND EXISTS (SELECT FROM blobs WHERE digest = b.image_digest)
                ORDER BY id DESC LIMIT 1
                """, cacheKey
        ).first.map(Row.init)
    }

    /// Closes an open build. `bases` replace what the claim said, where given.
    package static func close(
        _ id: BuildID, as state: BuildState, image: BuildStatement.Image? = nil, log: Digest? = nil,
        bases: [BuildBase]? = nil, cacheKey: Digest? = nil, reused: BuildID? = nil, envelope: String? = nil,
        detail: String?, in session: some PostgresSession
    ) async throws {
        try await session.query(
            """
            UPDATE builds SET state = $2, closed_at = now(), lease_expires_at = NULL, image_digest = $3, image_id = $4,
                image_bytes = $5, log_digest = $6, bases = coalesce($7, bases), cache_key = coalesce($8, cache_key),
                reused_build_id = $9, envelope = $10, detail = $11
            WHERE id = $1 AND closed_at IS NULL
            """,
            id, state, image?.archive, image?.id, image?.bytes, log, try text(bases), cacheKey, reused, envelope, detail
        )
    }

    /// What a builder holds.
    package static func granted(to builder: RunnerID, in session: some PostgresSession) async throws -> [BuildID] {
        try await session.query(
            "SELECT id FROM builds WHERE state = 'granted' AND builder_id = $1 ORDER BY id LIMIT 1000", builder
        ).map { row throws(PostgresError) in try row.decode("id") }
    }

    // MARK: - Log

    /// Appends a piece, once.
    package static func appendLog(
        _ text: String, piece: Int, of id: BuildAttemptID, in session: some PostgresSession
    ) async throws {
        try await session.query(
            """
            WITH added AS (
                INSERT INTO build_log (build_id, attempt, piece, text, log_bytes)
                SELECT id, $2, $3, $4, log_bytes + octet_length($4) FROM builds WHERE id = $1
                ON CONFLICT DO NOTHING RETURNING log_bytes)
            UPDATE builds SET log_bytes = added.log_bytes FROM added WHERE id = $1
            """, id.build, Int32(id.attempt), Int32(piece), text)
    }

    /// Pieces after the first `bytes` of the log, in order, each with where it ends.
    package static func log(
        of id: BuildID, after bytes: Int64, limit: Int, in session: some PostgresSession
    ) async throws -> [(text: String, end: Int64)] {
        try await session.query(
            "SELECT text, log_bytes FROM build_log WHERE build_id = $1 AND log_bytes > $2 ORDER BY log_bytes LIMIT $3",
            id, bytes, limit
        ).map { row throws(PostgresError) in (try row.decode("text"), try row.decode("log_bytes")) }
    }

    // MARK: - Tasks that wait

    /// What a task waits for, and how much of it its events tell.
    package struct Waiting: Sendable {
        package let build: BuildID
        package let attempt: Int
        package let logBytes: Int64
        /// They tell how the build ended.
        package let isTold: Bool

        package init(build: BuildID, attempt: Int = 0, logBytes: Int64 = 0, isTold: Bool = false) {
            self.build = build
            self.attempt = attempt
            self.logBytes = logBytes
            self.isTold = isTold
        }
    }

    package static func waiting(_ task: TaskID, in session: some PostgresSession) async throws -> Waiting? {
        let rows = try await session.query(
            "SELECT build_id, attempt, log_bytes, is_told FROM task_builds WHERE task_id = $1", task)
        return try rows.first.map {
            Waiting(
                build: try $0.decode("build_id"), attempt: try $0.decode("attempt"),
                logBytes: try $0.decode("log_bytes"), isTold: try $0.decode("is_told"))
        }
    }

    /// Lets a task wait for a build, instead of any other.
    package static func attach(_ task: TaskID, to build: BuildID, in session: some PostgresSession) async throws {
        try await session.query(
            """
            INSERT INTO task_builds (task_id, build_id) VALUES ($1, $2)
            ON CONFLICT (task_id) DO UPDATE SET build_id = excluded.build_id, attempt = 0, log_bytes = 0,
                is_told = false
            """, task, build)
    }

    /// Notes what the task's events tell by now.
    package static func note(
        _ told: Waiting, of task: TaskID, in session: some PostgresSession
    ) async throws {
        try await session.query(
            "UPDATE task_builds SET attempt = $2, log_bytes = $3, is_told = $4 WHERE task_id = $1", task,
            Int32(told.attempt), told.logBytes, told.isTold)
    }

    /// The undecided tasks that wait for a build.
    package static func tasks(
        waitingFor build: BuildID, limit: Int, in session: some PostgresSession
    ) async throws -> [TaskID] {
        try await session.query(
            """
            SELECT w.task_id FROM task_builds w JOIN tasks t ON t.id = w.task_id
            WHERE w.build_id = $1 AND t.state = 'building' ORDER BY w.task_id LIMIT $2
            """, build, limit
        ).map { row throws(PostgresError) in try row.decode("task_id") }
    }
}
