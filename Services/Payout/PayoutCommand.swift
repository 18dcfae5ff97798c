import ArgumentParser
import Logging
import Messaging
import Telemetry

/// Splits rewards and gives refunds.
@main
struct PayoutCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "payout", abstract: "Settles the escrow of ended tasks.",
        discussion: SettingsTable.help(ServiceSettings.descriptions))

    @OptionGroup var servers: ServerOptions
    @OptionGroup var common: CommonOptions

    func run() async throws {
        try await ServiceRunner.command("payout") {
            let reader = try common.reader(servers.overrides, for: ServiceSettings.descriptions)
            let settings = try ServiceSettings(reader)
            Telemetry.bootstrap(service: "payout", settings: settings.telemetry)
            let logger = Logger(label: "payout")
            let core = try await NetworkService.connect("payout", settings, logger: logger)
            let payout = Payout(pool: core.pool, relay: core.relay, logger: logger)
            try await ServiceRunner.run(
                services: core.services(consuming: payout.loops(on: core.consumer)), logger: logger)
        }
    }
}
