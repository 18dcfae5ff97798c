import Foundation
import Ledger
import ParityProtocol
import PostgresClient
import Store
import TestSupport
import Testing

@Suite(.serialized) struct LedgerTests {
    private func account(_ pool: PostgresPool) async throws -> AccountID {
        let id = AccountID(UUID.v7())
        try await pool.transaction { transaction in
            try await Accounts.insert(id, name: "a", isAdmin: false, in: transaction)
            try await Ledger.openAccount(id, in: transaction)
        }
        return id
    }

    @Test(.timeLimit(.minutes(25)))
    func `The database refuses a negative balance, a moved balance and a changed transfer`() async throws {
        try await PostgresTestDatabase.withPool(Migrations.all) { pool in
            let account = try await account(pool)
            let ten = try #require(Amount(units: 10))
            try await pool.transaction { try await Ledger.deposit(ten, to: account, reference: "r", in: $0) }
            let error = await #expect(throws: PostgresError.self) {
                try await pool.transaction {
                    try await Ledger.lockEscrow(Amount(units: 11) ?? ten, for: TaskID(UUID.v7()), from: account, in: $0)
                }
            }
            #expect(error.map(Ledger.isInsufficientFunds) == true)
            await #expect(throws: PostgresError.self) {
                try await pool.transaction { try await Ledger.deposit(ten, to: account, reference: "r", in: $0) }
            }
            await #expect(throws: PostgresError.self) {
                try await pool.query("UPDATE ledger_accounts SET balance = 99")
            }
            await #expect(throws: PostgresError.self) { try await pool.query("UPDATE ledger_transfers SET amount = 1") }
            await #expect(throws: PostgresError.self) { try await pool.query("DELETE FROM ledger_transfers") }
            #expect(try await pool.withConnection { try await Ledger.balance(of: account, in: $0) } == ten)
            #expect(try await pool.query("SELECT 1 FROM ledger_accounts HAVING sum(balance) <> 0").isEmpty)
        }
    }
}
