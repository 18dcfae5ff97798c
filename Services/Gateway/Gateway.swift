package import AMQPClient
package import BlobStore
import Foundation
import Hummingbird
package import Logging
package import Messaging
import ParityProtocol
package import PostgresClient
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
    /// Manifests and reports that are in memory at once, each perhaps with some hundred megabytes.
    let manifests = Gate(limit: 3)
    let uploads = UploadBook()
    /// Runs beside the server.
    package let watch: EventWatch

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
        watch = EventWatch(pool: pool, logger: logger)
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
            throw Problem(
                status: 403, code: "forbidden", title: "Forbidden", detail: "only an administrator may do this")
        }
        return account
    }
}
