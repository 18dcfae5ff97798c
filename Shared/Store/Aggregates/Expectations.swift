import FoundationEssentials
package import ParityProtocol
package import PostgresClient

/// The `expectations` table: what verified outputs fail of what was expected. Once known it never changes.
package enum Expectations {
    /// A verified task whose output is still to be looked into.
    package struct Due: Sendable {
        package let expectation: TaskExpectation
        package let ballot: Ballot
    }

    /// Notes a verified task; `failures` is nil as long as its output is to be looked into. The caller holds the task's
    /// row lock.
    package static func note(
        _ task: TaskID, failures: [ExpectationFailure]?, in session: some PostgresSession
    ) async throws {
        try await session.query(
            "INSERT INTO expectations (task_id, failures) VALUES ($1, $2)", task, failures.map(text))
    }

    /// nil if there is nothing to look into, or it was done.
    package static func due(_ task: TaskID, in session: some PostgresSession) async throws -> Due? {
        let rows = try await session.query(
            """
            SELECT v.outcome, v.output_digest, v.exit_code FROM expectations e JOIN verdicts v USING (task_id)
            WHERE e.task_id = $1 AND e.failures IS NULL
            """, task)
        guard let row = rows.first else { return nil }
        return Due(
            expectation: try await Tasks.expectation(of: task, in: session),
            ballot: Ballot(
                outcome: try row.decode("outcome"), digest: try row.decode("output_digest"),
                exitCode: try row.decode("exit_code")))
    }

    /// Keeps what was found; false if it was kept before. The caller holds the task's row lock.
    package static func store(
        _ failures: [ExpectationFailure], of task: TaskID, in session: some PostgresSession
    ) async throws -> Bool {
        try await session.query(
            "UPDATE expectations SET failures = $2 WHERE task_id = $1 AND failures IS NULL", task, text(failures)
        ).affectedRows == 1
    }

    private static func text(_ failures: [ExpectationFailure]) -> String {
        JSONValue.array(failures.map(\.json)).canonicalString
    }

    /// The failures that a column holds.
    static func failures(_ text: String) throws -> [ExpectationFailure] {
        try JSONDecoder().decode([ExpectationFailure].self, from: Data(text.utf8))
    }
}
