/// What a service of the network's operator needs besides ``CommonSettings``: its two servers.
package struct ServiceSettings: SettingsGroup, Equatable {
    static let postgresURL = Setting<String>.secretURL(
        "PARITY_POSTGRES_URL", flag: "--postgres-url", schemes: ["postgresql", "postgres"],
        help: "Where the database is, such as postgresql://user:password@host:5432/name.")
    static let amqpURL = Setting<String>.secretURL(
        "PARITY_AMQP_URL", flag: "--amqp-url", schemes: ["amqp", "amqps"],
        help: "Where the broker is, such as amqp://user:password@host:5672/vhost.")

    package static let descriptions =
        [postgresURL.description, amqpURL.description] + CommonSettings.descriptions

    package var postgresURL: String
    package var amqpURL: String
    package var admin: AdminSettings
    package var telemetry: TelemetrySettings

    package init(_ reader: SettingsReader) throws {
        let common = try CommonSettings(reader)
        admin = common.admin
        telemetry = common.telemetry
        postgresURL = try reader.value(Self.postgresURL)
        amqpURL = try reader.value(Self.amqpURL)
    }
}
