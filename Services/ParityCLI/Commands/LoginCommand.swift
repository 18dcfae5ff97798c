import ArgumentParser
import FoundationEssentials
import ParityProtocol
import Telemetry

struct LoginCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "login",
        abstract: "Keep gateway and API key for later commands.",
        discussion: "Without --api-key and PARITY_API_KEY the key is read from standard input.")

    @OptionGroup var client: ClientOptions

    func run() async throws {
        try await CommandRun.perform {
            let environment = ProcessInfo.processInfo.environment
            let path = ClientConfiguration.path(environment)
            var overrides: [String: String] = [:]
            overrides[ClientSettings.gatewayURL.name] = client.gateway
            overrides[ClientSettings.apiKey.name] = client.apiKey
            // The old file's gateway stands in for --gateway; its key is what is to be replaced.
            let old = try? ClientConfiguration.read(path)
            let file = old.map { ClientConfiguration(gatewayURL: $0.gatewayURL, apiKey: "") }
            var settings = try ClientSettings(overrides: overrides, environment: environment, file: file)
            if settings.apiKey?.isEmpty != false { settings.apiKey = Self.readKey() }
            guard let key = settings.apiKey, !key.isEmpty else { throw CommandFailure(.usage, "no API key was given") }
            try await GatewayClient.with(settings) { gateway in
                let account = try await gateway.account()
                try ClientConfiguration(gatewayURL: settings.gatewayURL, apiKey: key).write(path)
                let text = "logged in to \(settings.gatewayURL) as \(account.value.name); kept in \(path)"
                Console.line(client.json ? account.json.trimmingNewlines : text)
            }
        }
    }

    private static func readKey() -> String? {
        Console.error("API key:")
        return readLine()?.trimmingNewlines
    }
}
