package import FoundationEssentials
package import ParityProtocol
package import PostgresClient
import Store

/// Money in double entry. Every movement is one immutable transfer between two accounts; the database moves both
/// balances with it and refuses a negative one, so that all balances always sum to zero.
package enum Ledger {
    /// Deposits come from here; its balance is minus all that circulates.
    private static let issuer = UUID(uuid: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))

    /// Opens the ledger account of a submitter or operator.
    package static func openAccount(_ account: AccountID, in session: some PostgresSession) async throws {
        try await session.query(
            "INSERT INTO ledger_accounts (id, kind) VALUES ($1, 'account') ON CONFLICT DO NOTHING", account)
    }

    /// What an account can spend; nil if there is no such account.
    package static func balance(of account: AccountID, in session: some PostgresSession) async throws -> Amount? {
        try await session.query(
            "SELECT balance FROM ledger_accounts WHERE id = $1 AND kind = 'account'", account
        ).first?.decode("balance")
    }

    /// What is locked in the escrows of an account's tasks.
    package static func escrowed(by account: AccountID, in session: some PostgresSession) async throws -> Amount {
        let units: Int64 =
            try await session.query(
                """
                SELECT coalesce(sum(l.balance), 0)::int8 AS locked FROM tasks t JOIN ledger_accounts l ON l.id = t.id
                WHERE t.account_id = $1 AND t.settled_at IS NULL
                """, account
            ).first?.decode("locked") ?? 0
        return Amount(units: units) ?? .zero
    }

    /// What a task's escrow holds.
    package static func escrow(of task: TaskID, in session: some PostgresSession) async throws -> Amount? {
        try await session.query(
            "SELECT balance FROM ledger_accounts WHERE id = $1 AND kind = 'escrow'", task
        ).first?.decode("balance")
    }

    /// Credits an account from outside. `reference` names the deposit: one that was booked throws a unique violation.
    package static func deposit(
        _ amount: Amount, to account: AccountID, reference: String, in session: some PostgresSession
    ) async throws {
        try await transfer(
            id: transferID("deposit", account.description, reference), from: issuer, to: account.uuid, amount,
            kind: "deposit", task: nil, in: session)
    }

    /// Locks a task's reward. Throws a check violation, see ``isInsufficientFunds(_:)``, when the account cannot pay.
    package static func lockEscrow(
        _ amount: Amount, for task: TaskID, from account: AccountID, in session: some PostgresSession
    ) async throws {
        try await session.query("INSERT INTO ledger_accounts (id, kind) VALUES ($1, 'escrow')", task)
        try await transfer(
            id: transferID("escrow", task.description), from: account.uuid, to: task.uuid, amount, kind: "escrow",
            task: task, in: session)
    }

    /// Pays a share of a task's escrow for one replica; returns the transfer's id, which is the same for every try.
    package static func payShare(
        _ amount: Amount, of task: TaskID, replica: Int, to account: AccountID, in session: some PostgresSession
    ) async throws -> UUID {
        let id = transferID("share", task.description, String(replica))
        try await transfer(
            id: id, from: task.uuid, to: account.uuid, amount, kind: "share", task: task, in: session)
        return id
    }

    /// Gives the whole remaining escrow back.
    package static func refund(
        _ amount: Amount, of task: TaskID, to account: AccountID, in session: some PostgresSession
    ) async throws {
        try await transfer(
            id: transferID("refund", task.description), from: task.uuid, to: account.uuid, amount, kind: "refund",
            task: task, in: session)
    }

    /// Whether a transaction failed because an account would have gone below zero.
    package static func isInsufficientFunds(_ error: PostgresError) -> Bool {
        error.constraint == "ledger_balance_not_negative"
    }

    private static func transfer(
        id: UUID, from debit: UUID, to credit: UUID, _ amount: Amount, kind: String, task: TaskID?,
        in session: some PostgresSession
    ) async throws {
        try await session.query(
            "INSERT INTO ledger_transfers (id, debit, credit, amount, kind, task_id) VALUES ($1, $2, $3, $4, $5, $6)",
            id, debit, credit, amount, kind, task)
    }

    /// A transfer's id follows from what it is for (UUIDv8, RFC 9562), so that booking it again collides instead of
    /// paying twice.
    private static func transferID(_ parts: String...) -> UUID {
        var bytes = Array(Digest.sha256(of: Array(parts.joined(separator: "\n").utf8)).bytes.prefix(16))
        bytes[6] = bytes[6] & 0x0F | 0x80
        bytes[8] = bytes[8] & 0x3F | 0x80
        return UUID(
            uuid: (
                bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7],
                bytes[8], bytes[9], bytes[10], bytes[11], bytes[12], bytes[13], bytes[14], bytes[15]
            ))
    }
}
