package import ParityProtocol
package import PostgresClient

/// The `payouts` and `settlements` tables. Callers hold the task's row lock.
package enum Settlements {
    /// A replica that matched, and the account that is paid for it.
    package struct Winner: Sendable {
        package let replica: Int
        package let runner: RunnerID
        package let account: AccountID
    }

    /// The replicas that voted for the verified output, by ascending number.
    package static func winners(of task: TaskID, in session: some PostgresSession) async throws -> [Winner] {
        try await session.query(
            """
            SELECT p.replica, p.runner_id, r.account_id FROM replicas p JOIN runners r ON r.id = p.runner_id
            WHERE p.task_id = $1 AND p.matched ORDER BY p.replica
            """, task
        ).map { row throws(PostgresError) in
            Winner(
                replica: try row.decode("replica"), runner: try row.decode("runner_id"),
                account: try row.decode("account_id"))
        }
    }

    package static func insertPayout(
        _ winner: Winner, of task: TaskID, _ amount: Amount, transfer: PostgresValue, in session: some PostgresSession
    ) async throws {
        try await session.query(
            """
            INSERT INTO payouts (task_id, replica, runner_id, account_id, amount, transfer_id)
            VALUES ($1, $2, $3, $4, $5, $6)
            """, task, Int32(winner.replica), winner.runner, winner.account, amount, transfer)
    }

    package static func insert(
        _ task: TaskID, escrow: Amount, paid: Amount, refunded: Amount, in session: some PostgresSession
    ) async throws {
        try await session.query(
            "INSERT INTO settlements (task_id, escrow, paid, refunded) VALUES ($1, $2, $3, $4)", task, escrow, paid,
            refunded)
    }
}
