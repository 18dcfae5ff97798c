package import ParityProtocol
package import PostgresClient

/// The `divergences` table, and the results that it is about.
package enum Divergences {
    /// One result that votes, as it was taken in.
    package struct Result: Sendable {
        package let replica: Int
        package let runner: RunnerID
        package let ballot: Ballot
        package let exitCode: Int?
        /// The signed envelope, as JSON.
        package let envelope: String
    }

    /// What is known of a task whose results differ.
    package struct Row: Sendable {
        package let votes: Int
        /// How many results the report covers; 0 while there is none.
        package let reportedVotes: Int
        package let report: String?
        package var isDue: Bool { reportedVotes < votes }
    }

    /// Notes that the results of a decided task differ; false if they do not, or if nothing is new. The caller holds the
    /// task's row lock.
    package static func note(_ task: TaskID, in session: some PostgresSession) async throws -> Bool {
        try await session.query(
            """
            INSERT INTO divergences AS d (task_id, votes)
            SELECT $1, count(*) FROM results WHERE task_id = $1 AND output_digest IS NOT NULL
            HAVING count(DISTINCT (outcome, output_digest, exit_code)) > 1
            ON CONFLICT (task_id) DO UPDATE SET votes = excluded.votes, noted_at = now(),
                reminded_at = NULL, reminders = 0 WHERE d.votes < excluded.votes
            """, task
        ).affectedRows == 1
    }

    package static func find(_ task: TaskID, in session: some PostgresSession) async throws -> Row? {
        let rows = try await session.query(
            "SELECT votes, reported_votes, report FROM divergences WHERE task_id = $1", task)
        return try rows.first.map { row throws(PostgresError) in
            Row(
                votes: try row.decode("votes"), reportedVotes: try row.decode("reported_votes"),
                report: try row.decode("report"))
        }
    }

    /// The results that vote, by replica and attempt.
    package static func results(of task: TaskID, in session: some PostgresSession) async throws -> [Result] {
        try await session.query(
            """
            SELECT replica, runner_id, outcome, output_digest, exit_code, envelope FROM results
            WHERE task_id = $1 AND output_digest IS NOT NULL ORDER BY replica, attempt
            """, task
        ).map { row throws(PostgresError) in
            Result(
                replica: try row.decode("replica"), runner: try row.decode("runner_id"),
                ballot: Ballot(
                    outcome: try row.decode("outcome"), digest: try row.decode("output_digest"),
                    exitCode: try row.decode("exit_code")),
                exitCode: try row.decode("exit_code"), envelope: try row.decode("envelope"))
        }
    }

    /// Keeps the report on the first `votes` results; false if one that covers as many stands already. The caller holds
    /// the task's row lock.
    package static func store(
        _ report: String, summary: String, votes: Int, of task: TaskID, in session: some PostgresSession
    ) async throws -> Bool {
        try await session.query(
            """
            UPDATE divergences SET report = $2, summary = $3, reported_votes = $4
            WHERE task_id = $1 AND reported_votes < $4
            """, task, report, summary, Int32(votes)
        ).affectedRows == 1
    }
}
