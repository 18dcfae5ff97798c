package import Logging

/// What every process of Parity can be told: where its probes are and how it logs.
package struct CommonSettings: SettingsGroup, Equatable {
    static let healthHost = Setting<String>.text(
        "PARITY_HEALTH_HOST", flag: "--health-host", default: "127.0.0.1",
        help: "Address on which /healthz, /readyz and /metrics are served.")
    static let healthPort = Setting<Int>.integer(
        "PARITY_HEALTH_PORT", flag: "--health-port", default: 0, in: 0...65535,
        help: "Port of the probes; 0 takes any free one and logs it.")
    static let logLevel = Setting<Logger.Level>.choice(
        "PARITY_LOG_LEVEL", flag: "--log-level", default: .info, help: "The least level that is logged.")
    static let logFormat = Setting<LogFormat>.choice(
        "PARITY_LOG_FORMAT", flag: "--log-format", default: .auto,
        help: "How logs are written: auto is text on a terminal and JSON otherwise.")

    package static let descriptions = [
        healthHost.description, healthPort.description, logLevel.description, logFormat.description,
    ]

    package var admin: AdminSettings
    package var telemetry: TelemetrySettings

    package init(_ reader: SettingsReader) throws {
        admin = AdminSettings(host: try reader.value(Self.healthHost), port: try reader.value(Self.healthPort))
        telemetry = TelemetrySettings(
            level: try reader.value(Self.logLevel), format: try reader.value(Self.logFormat))
    }
}

/// Where the probes are served. Port 0 is any free one.
package struct AdminSettings: Sendable, Equatable {
    package var host: String
    package var port: Int

    package init(host: String, port: Int) {
        self.host = host
        self.port = port
    }
}

package struct TelemetrySettings: Sendable, Equatable {
    package var level: Logger.Level
    package var format: LogFormat

    package init(level: Logger.Level = .info, format: LogFormat = .auto) {
        self.level = level
        self.format = format
    }
}
