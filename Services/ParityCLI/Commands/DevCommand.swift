import ArgumentParser
import FoundationEssentials
import Glibc
import UnixSignals

struct DevCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dev",
        abstract: "Run the whole network on this machine.",
        discussion: """
            Starts a PostgreSQL cluster, a RabbitMQ node, the five services and runner agents of its own, on loopback \
            ports, and keeps their state between starts. It needs the packages postgresql and rabbitmq-server, and a \
            Docker Engine. Ctrl-C stops everything; a second Ctrl-C does so at once.

            Settings of the services (PARITY_…) are passed on to them.
            """)

    /// More agents than this do nothing for one machine.
    static let maximumRunners = 64

    @Option(help: ArgumentHelp("Where the state is kept.", valueName: "folder"))
    var state: String?

    @Option(help: "How many runner agents.")
    var runners = 3

    @Option(help: ArgumentHelp("The least level that the services log.", valueName: "level"))
    var logLevel = "info"

    func validate() throws {
        guard (0...Self.maximumRunners).contains(runners) else {
            throw ValidationError("--runners \(runners): 0 to \(Self.maximumRunners) is expected")
        }
        guard ["trace", "debug", "info", "notice", "warning", "error", "critical"].contains(logLevel) else {
            throw ValidationError("--log-level \(logLevel): trace, debug, info, notice, warning, error or critical")
        }
    }

    func run() async throws {
        try await CommandRun.perform {
            let environment = ProcessInfo.processInfo.environment
            guard Executables.isExecutable(Executables.setpriv) else {
                throw CommandFailure(
                    .failure, "\(Executables.setpriv) is missing", "install it: sudo apt-get install util-linux")
            }
            let folder = try DevFolder(state ?? DevFolder.standard(environment))
            // What we start must be able to stand where we stand, also under another account.
            chdir("/")
            let lock = try FolderLock(folder: folder.path)
            if runners > 0 { try await LocalEngine.check(environment) }
            let network = DevNetwork(
                folder: folder, runners: runners, logLevel: logLevel, environment: environment,
                log: MergedLog(terminal: .standardOutput))
            try await Self.stoppable(network)
            withExtendedLifetime(lock) {}
        }
    }

    /// Runs the network; the first signal stops it, the second kills it.
    private static func stoppable(_ network: DevNetwork) async throws {
        let signals = await UnixSignalsSequence(trapping: [.sigint, .sigterm, .sighup])
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for await _ in signals {
                    if network.stopRequest.current == nil {
                        network.stopRequest.set(())
                    } else {
                        await network.processes.killAll()
                    }
                }
                // Cancelled: the network has ended.
                try await Task.sleep(for: .seconds(3600))
            }
            group.addTask { try await network.run() }
            defer { group.cancelAll() }
            try await group.next()
        }
    }
}
