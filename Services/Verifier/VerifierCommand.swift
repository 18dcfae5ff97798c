import ArgumentParser
import Logging
import Messaging
import ParityProtocol
import Telemetry

/// Decides which output of a task is true.
@main
struct VerifierCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verifier", abstract: "Checks signed results and decides consensus.",
        discussion: SettingsTable.help(VerifierSettings.descriptions))

    @OptionGroup var servers: ServerOptions
    @OptionGroup var common: CommonOptions

    func run() async throws {
        try await ServiceRunner.command("verifier") {
            let reader = try common.reader(servers.overrides, for: VerifierSettings.descriptions)
            let settings = try VerifierSettings(reader)
            Telemetry.bootstrap(service: "verifier", settings: settings.service.telemetry)
            let logger = Logger(label: "verifier")
            let core = try await NetworkService.connect("verifier", settings.service, logger: logger)
            let verifier = Verifier(pool: core.pool, relay: core.relay, policy: settings.policy, logger: logger)
            try await ServiceRunner.run(
                services: core.services(consuming: verifier.loops(on: core.consumer)), logger: logger)
        }
    }
}
