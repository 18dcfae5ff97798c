package import AMQPClient
package import Logging
package import PostgresClient
package import ServiceLifecycle
import Store
package import Telemetry

/// What every service of the network stands on: a pool, a connection that publishes and one that consumes, the relay,
/// and the probes.
package struct NetworkService: Sendable {
    package let pool: PostgresPool
    package let publisher: AMQPPublisher
    package let consumer: AMQPConsumer
    package let relay: OutboxRelay
    package let broker: AMQPConfiguration
    private let settings: ServiceSettings
    private let logger: Logger

    /// Reads the addresses, brings the schema up to date (waiting for the database), and prepares the connections.
    package static func connect(
        _ name: String, _ settings: ServiceSettings, logger: Logger
    ) async throws -> NetworkService {
        var database = try PostgresConfiguration(url: settings.postgresURL)
        database.applicationName = "parity-\(name)"
        var broker = try AMQPConfiguration(url: settings.amqpURL)
        broker.connectionName = "parity-\(name)"
        try await Migrator.migrate(database, migrations: Migrations.all, logger: logger)
        return NetworkService(database: database, broker: broker, settings: settings, logger: logger)
    }

    private init(
        database: PostgresConfiguration, broker: AMQPConfiguration, settings: ServiceSettings, logger: Logger
    ) {
        self.settings = settings
        self.logger = logger
        self.broker = broker
        pool = PostgresPool(configuration: database, logger: logger)
        publisher = AMQPPublisher(configuration: broker, logger: logger)
        consumer = AMQPConsumer(configuration: broker, logger: logger)
        relay = OutboxRelay(pool: pool, publisher: publisher, logger: logger)
    }

    /// All of a service in order of dependence: stopped from the last to the first, so that what handlers commit while
    /// the consumer drains can still be sent.
    package func services(
        consuming loops: [any Service], _ others: [any Service] = [], checks more: [ReadinessCheck] = []
    ) -> [any Service] {
        [pool, publisher, relay, ConsumingService(consumer: consumer, loops: loops)] + others + [
            AdminServer(settings: settings.admin, checks: checks + more, logger: logger)
        ]
    }

    package var checks: [ReadinessCheck] {
        let (pool, publisher, consumer) = (pool, publisher, consumer)
        return [
            ReadinessCheck("postgres") { pool.isReady },
            ReadinessCheck("amqp-publisher") { publisher.status == .connected },
            ReadinessCheck("amqp-consumer") { consumer.status == .connected },
        ]
    }
}
