import AMQPClient
import Foundation
import Ledger
import Logging
import Messaging
import ParityProtocol
import PostgresClient
import ServiceLifecycle
import Store
import Synchronization
package import Telemetry

/// Declares the topology and makes the administrator; the gateway reports ready only then.
package final class GatewaySetup: Service {
    private let gateway: Gateway
    private let done = Atomic(false)

    package init(gateway: Gateway) { self.gateway = gateway }

    package var check: ReadinessCheck {
        ReadinessCheck("setup") { [weak self] in self?.done.load(ordering: .relaxed) ?? false }
    }

    package func run() async throws {
        try await declareTopology()
        try await ensureAdmin()
        done.store(true, ordering: .relaxed)
        try? await gracefulShutdown()
    }

    private func declareTopology() async throws {
        var failures = 0
        while !Task.isShuttingDownGracefully {
            do {
                return try await Topology.declare(
                    on: gateway.broker, classes: gateway.settings.classes, lanes: gateway.settings.lanes)
            } catch let error as AMQPError where error.code == .connectionFailed || error.code == .closed {
                if failures == 0 {
                    gateway.logger.warning("Waiting for the broker", metadata: ["error": "\(error.message)"])
                }
                failures += 1
                try await Task.sleep(for: .milliseconds(500))
            }
        }
    }

    private func ensureAdmin() async throws {
        guard let key = gateway.settings.adminKey else { return }
        let digest = Digest.sha256(of: Array(key.utf8))
        while !Task.isShuttingDownGracefully {
            do {
                return try await gateway.pool.transaction { transaction in
                    // One gateway at a time makes the account.
                    try await transaction.query("SELECT pg_advisory_xact_lock(7202)")
                    if let admin = try await Accounts.find(key: digest, in: transaction) {
                        return try await Ledger.openAccount(admin.id, in: transaction)
                    }
                    let id = AccountID(UUID.v7())
                    try await Accounts.insert(id, name: "admin", isAdmin: true, in: transaction)
                    try await Accounts.addKey(digest, for: id, in: transaction)
                    try await Ledger.openAccount(id, in: transaction)
                }
            } catch let error as PostgresError where error.isTransient {
                try await Task.sleep(for: .milliseconds(500))
            }
        }
    }
}
