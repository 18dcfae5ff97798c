import AMQPClient
import ArgumentParser
import Logging
import Messaging
import PostgresClient
import Store
import Telemetry

/// Turns tasks into replicas and watches them until they have ended.
@main
struct SchedulerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scheduler", abstract: "Puts the replicas of tasks on lanes and watches their leases.",
        discussion: SettingsTable.help(SchedulerSettings.descriptions))

    @OptionGroup var servers: ServerOptions
    @OptionGroup var common: CommonOptions

    func run() async throws {
        try await ServiceRunner.command("scheduler") {
            let reader = try common.reader(servers.overrides, for: SchedulerSettings.descriptions)
            let settings = try SchedulerSettings(reader)
            Telemetry.bootstrap(service: "scheduler", settings: settings.service.telemetry)
            let logger = Logger(label: "scheduler")
            let core = try await NetworkService.connect("scheduler", settings.service, logger: logger)
            let scheduler = Scheduler(
                pool: core.pool, relay: core.relay, publisher: core.publisher, policy: settings.policy, logger: logger)
            let tick = SchedulerTick(scheduler: scheduler, interval: settings.tick, logger: logger)
            try await ServiceRunner.run(
                services: core.services(consuming: scheduler.loops(on: core.consumer), [tick]), logger: logger)
        }
    }
}
