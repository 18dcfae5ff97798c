import ArgumentParser
import FoundationEssentials
import Telemetry

/// The flags that every command which talks to the gateway takes.
struct ClientOptions: ParsableArguments {
    @Option(
        name: .customLong("gateway"),
        help: ArgumentHelp(ClientSettings.gatewayURL.description.help + " (PARITY_GATEWAY_URL)", valueName: "url"))
    var gateway: String?

    @Option(
        name: .customLong("api-key"),
        help: ArgumentHelp(
            ClientSettings.apiKey.description.help + " Other users can see flags: prefer PARITY_API_KEY.",
            valueName: "key"))
    var apiKey: String?

    @Flag(help: "Print JSON instead of text.")
    var json = false

    /// Flags, then variables, then the configuration file.
    func settings() throws -> ClientSettings {
        let environment = ProcessInfo.processInfo.environment
        var overrides: [String: String] = [:]
        overrides[ClientSettings.gatewayURL.name] = gateway
        overrides[ClientSettings.apiKey.name] = apiKey
        return try ClientSettings(
            overrides: overrides, environment: environment,
            file: ClientConfiguration.read(ClientConfiguration.path(environment)))
    }

    /// Runs `body` with a client, as ``CommandRun/perform(_:)`` runs a command.
    func run(_ body: (GatewayClient) async throws -> Void) async throws {
        try await CommandRun.perform { try await GatewayClient.with(try settings(), body) }
    }
}
