package import AMQPClient
import Ledger
package import Logging
package import Messaging
import Metrics
package import ParityProtocol
package import PostgresClient
package import ServiceLifecycle
import Store

/// The payout service's core: one transaction settles one task, for good.
package struct Payout: Sendable {
    private let pool: PostgresPool
    private let relay: OutboxRelay
    private let logger: Logger

    package init(pool: PostgresPool, relay: OutboxRelay, logger: Logger) {
        self.pool = pool
        self.relay = relay
        self.logger = logger
    }

    /// The queue that it works off.
    package func loops(on consumer: AMQPConsumer) -> [any Service] {
        [
            ConsumerLoop(
                queue: Topology.ServiceQueue.payoutDue.rawValue, consumer: consumer, concurrency: 4, logger: logger
            ) { delivery, id in
                guard let message = try Envelope.decode(PayoutDue.self, from: delivery) else {
                    throw MalformedMessage("is of no schema that belongs on this queue")
                }
                try await settle(message.task, message: id)
            }
        ]
    }

    /// Pays the matching replicas of a verified task, or refunds any other that has ended. Does nothing for a task that
    /// is settled, undecided, or still runs somewhere.
    package func settle(_ id: TaskID, message: MessageID) async throws {
        let settled = try await pool.transaction { transaction -> Settled? in
            guard try await Inbox.accept(message, by: "payout", in: transaction),
                let task = try await Tasks.lock(id, in: transaction), task.state.isFinal, !task.isSettled,
                let escrow = try await Ledger.escrow(of: id, in: transaction)
            else { return nil }
            if try await Replicas.all(of: id, in: transaction).contains(where: \.state.isOpen) { return nil }
            let shares = task.state == .verified ? try await pay(escrow, task, in: transaction) : []
            return try await close(task, escrow: escrow, shares: shares, in: transaction)
        }
        guard let settled else { return }
        relay.wake()
        Counter(label: "parity_settlements_total").increment()
        logger.info(
            "Settled",
            metadata: [
                "task": "\(id)", "paid": "\(settled.paid.decimal)", "refunded": "\(settled.refunded.decimal)",
            ])
    }

    private struct Settled: Sendable {
        let paid: Amount
        let refunded: Amount
    }

    private struct Share {
        let winner: Settlements.Winner
        let amount: Amount
    }

    private func pay(
        _ escrow: Amount, _ task: Tasks.Row, in transaction: PostgresTransaction
    ) async throws -> [Share] {
        let winners = try await Settlements.winners(of: task.id, in: transaction)
        let amounts = RewardSplit.shares(of: escrow, among: winners.map(\.replica))
        // More winners than units: the last of them get nothing, and there is no transfer of nothing.
        let shares = winners.compactMap { winner in
            amounts[winner.replica].flatMap { $0 > .zero ? Share(winner: winner, amount: $0) : nil }
        }
        // Accounts in ascending order, as everywhere: balances are locked in that order.
        for share in shares.sorted(by: { $0.winner.account.description < $1.winner.account.description }) {
            let transfer = try await Ledger.payShare(
                share.amount, of: task.id, replica: share.winner.replica, to: share.winner.account, in: transaction)
            try await Settlements.insertPayout(
                share.winner, of: task.id, share.amount, transfer: .uuid(transfer), in: transaction)
        }
        return shares
    }

    private func close(
        _ task: Tasks.Row, escrow: Amount, shares: [Share], in transaction: PostgresTransaction
    ) async throws -> Settled {
        let paidUnits = shares.reduce(0) { $0 + $1.amount.units }
        guard let paid = Amount(units: paidUnits), let refunded = Amount(units: escrow.units - paidUnits) else {
            throw PostgresError(code: .server, message: "the shares of task \(task.id) exceed its escrow")
        }
        if refunded > .zero {
            try await Ledger.refund(refunded, of: task.id, to: task.account, in: transaction)
        }
        try await Settlements.insert(task.id, escrow: escrow, paid: paid, refunded: refunded, in: transaction)
        try await Tasks.markSettled(task.id, in: transaction)
        let list: [JSONValue] = shares.map { share in
            [
                "replica": .integer(Int64(share.winner.replica)), "runner": .string(share.winner.runner.description),
                "amount": .integer(share.amount.units),
            ]
        }
        try await TaskEvents.append(
            [
                .init(
                    .taskSettled,
                    ["paid": .integer(paid.units), "refunded": .integer(refunded.units), "shares": .array(list)])
            ], to: task.id, in: transaction)
        try await Outbox.insert([try Routing.settled(task.id, paid: paid, refunded: refunded)], in: transaction)
        return Settled(paid: paid, refunded: refunded)
    }
}
