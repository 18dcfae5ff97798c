import CoreMetrics
package import Logging
import Synchronization

/// What a process tells about itself: logs, metrics, traces, health.
package enum Telemetry {
    /// The one registry of this process; swift-metrics writes to it once ``bootstrap(service:settings:)`` was called.
    package static let metrics = MetricsRegistry()

    private static let isBootstrapped = Mutex(false)

    /// Installs the log handler and the metrics registry for the whole process.
    ///
    /// Call it once, before the first `Logger` is made. A later call changes nothing: swift-log and swift-metrics
    /// allow one bootstrap a process.
    package static func bootstrap(service: String, settings: TelemetrySettings) {
        let isFirst = isBootstrapped.withLock { done in
            defer { done = true }
            return !done
        }
        guard isFirst else { return }
        let output = LogOutput.standardError
        let renderer = settings.format.renderer(service: service, isTerminal: output.isTerminal)
        LoggingSystem.bootstrap(
            { label, provider in
                RenderingLogHandler(
                    label: label, renderer: renderer, output: output, logLevel: settings.level,
                    metadataProvider: provider)
            }, metadataProvider: .traceContext)
        MetricsSystem.bootstrap(metrics)
    }

    /// Whether logs go through Parity's handler yet.
    static var isReady: Bool { isBootstrapped.withLock { $0 } }
}

extension Logger.MetadataProvider {
    /// Adds `trace`, the trace id of the current ``TraceContext``.
    package static let traceContext = Logger.MetadataProvider {
        TraceContext.current.map { ["trace": .string($0.traceID)] } ?? [:]
    }
}
