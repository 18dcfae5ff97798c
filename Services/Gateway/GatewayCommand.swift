import ArgumentParser
import BlobStore
import Hummingbird
import Logging
import Messaging
import Store
import Telemetry

/// The network's door for people: tasks, blobs, runners, money, live events.
@main
struct GatewayCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gateway", abstract: "Serves the HTTP API.",
        discussion: SettingsTable.help(GatewaySettings.descriptions))

    @OptionGroup var servers: ServerOptions
    @OptionGroup var common: CommonOptions

    func run() async throws {
        try await ServiceRunner.command("gateway") {
            let reader = try common.reader(servers.overrides, for: GatewaySettings.descriptions)
            let settings = try GatewaySettings(reader)
            Telemetry.bootstrap(service: "gateway", settings: settings.service.telemetry)
            let logger = Logger(label: "gateway")
            let core = try await NetworkService.connect("gateway", settings.service, logger: logger)
            let blobs = try DiskBlobStore(root: settings.blobFolder)
            let gateway = Gateway(
                pool: core.pool, relay: core.relay, blobs: blobs, broker: core.broker, settings: settings,
                logger: logger)
            let setup = GatewaySetup(gateway: gateway)
            let application = Application(
                router: gateway.router(checks: core.checks + [setup.check]),
                configuration: .init(
                    address: .hostname(settings.host, port: settings.port), serverName: "parity-gateway"),
                onServerRunning: { channel in
                    logger.info("Listening", metadata: ["port": "\(channel.localAddress?.port ?? settings.port)"])
                }, logger: Logger(label: "http"))
            try await ServiceRunner.run(
                services: core.services(
                    consuming: gateway.loops(on: core.consumer), [setup, gateway.watch, application],
                    checks: [setup.check]),
                logger: logger)
        }
    }
}
