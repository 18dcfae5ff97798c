import HTTPTypes
import Hummingbird
package import Logging
import NIOCore
import ServiceLifecycle
import Synchronization

/// Serves ``AdminRoutes`` on a port of its own until the service group stops.
package struct AdminServer: Service {
    private let settings: AdminSettings
    private let checks: [ReadinessCheck]
    private let metrics: MetricsRegistry
    private let logger: Logger
    private let onListening: @Sendable (Int) -> Void

    /// Port 0 takes any free port; the one taken is logged and handed to `onListening`.
    package init(
        settings: AdminSettings, checks: [ReadinessCheck], metrics: MetricsRegistry = Telemetry.metrics,
        logger: Logger, onListening: @escaping @Sendable (Int) -> Void = { _ in }
    ) {
        self.settings = settings
        self.checks = checks
        self.metrics = metrics
        self.logger = logger
        self.onListening = onListening
    }

    /// Serves until a graceful shutdown; throws ``AdminServerError`` when it cannot listen.
    package func run() async throws {
        let router = Router()
        AdminRoutes.add(to: router, checks: checks, metrics: metrics)
        // Hummingbird's own line on every start and request is of no use to an operator.
        var quiet = logger
        quiet.logLevel = max(.warning, logger.logLevel)
        let isListening = Mutex(false)
        let application = Application(
            router: router,
            configuration: .init(address: .hostname(settings.host, port: settings.port), serverName: nil),
            onServerRunning: { channel in
                let port = channel.localAddress?.port ?? settings.port
                isListening.withLock { $0 = true }
                logger.info("Probes and metrics are served", metadata: ["host": "\(settings.host)", "port": "\(port)"])
                onListening(port)
            },
            logger: quiet)
        do {
            try await application.run()
        } catch  where !isListening.withLock({ $0 }) && !(error is CancellationError) {
            throw AdminServerError(host: settings.host, port: settings.port, cause: error)
        }
    }
}

/// The probes' address cannot be used.
package struct AdminServerError: Error, CustomStringConvertible {
    let host: String
    let port: Int
    let cause: any Error

    package var description: String {
        "cannot listen on \(host):\(port) for probes (PARITY_HEALTH_HOST, PARITY_HEALTH_PORT): \(cause)"
    }
}
