package import AMQPClient
package import BlobStore
import Foundation
import Hummingbird
package import Logging
package import Messaging
import ParityProtocol
package import PostgresClient
import ServiceLifecycle
import Store
import Telemetry

/// The gateway's core: what its handlers share.
package struct Gateway: Sendable {
    let pool: PostgresPool
    let relay: OutboxRelay
    let blobs: DiskBlobStore
    let broker: AMQPConfiguration
    let settings: GatewaySettings
    let logger: Logger

    /// A spec is small: large inputs are blobs.
    static let maximumBodyBytes = 1 << 20
    static let pageLimit = 200

    package init(
        pool: PostgresPool, relay: OutboxRelay, blobs: DiskBlobStore, broker: AMQPConfiguration,
        settings: GatewaySettings, logger: Logger
    ) {
        self.pool = pool
        self.relay = relay
        self.blobs = blobs
        self.broker = broker
        self.settings = settings
        self.logger = logger
    }

    /// The account that a request acts for.
    func authenticate(_ request: Request) async throws -> Accounts.Row {
        let header = request.headers[.authorization] ?? ""
        guard header.hasPrefix("Bearer "), header.utf8.count < 512 else { throw Problem.unauthorized }
        let digest = Digest.sha256(of: Array(header.dropFirst(7).utf8))
        guard let account = try await pool.withConnection({ try await Accounts.find(key: digest, in: $0) }) else {
            throw Problem.unauthorized
        }
        return account
    }

    func authenticateAdmin(_ request: Request) async throws -> Accounts.Row {
        let account = try await authenticate(request)
        guard account.isAdmin else {
            throw Problem(status: 403, code: "forbidden", title: "Forbidden", detail: "only an administrator may do this")
        }
        return account
    }
}

/// Declares the topology and the administrator before it reports ready, then has nothing more to do.
struct GatewaySetup: Service {
    let gateway: Gateway

    func run() async throws {
        try await withGracefulShutdownHandler {
            try await declareTopology()
            try await ensureAdmin()
            try? await gracefulShutdown()
        } onGracefulShutdown: {
        }
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
                    if try await Accounts.find(key: digest, in: transaction) != nil { return }
                    let id = AccountID(UUID.v7())
                    try await Accounts.insert(id, name: "admin", isAdmin: true, in: transaction)
                    try await Accounts.addKey(digest, for: id, in: transaction)
                }
            } catch let error as PostgresError where error.isConnectionTrouble {
                try await Task.sleep(for: .milliseconds(500))
            }
        }
    }
}
