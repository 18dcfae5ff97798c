import ArgumentParser

/// The `parity` command: everything that a person does with the network.
@main
struct ParityCommand: AsyncParsableCommand {
    static let version = "0.1.0"

    static let configuration = CommandConfiguration(
        commandName: "parity",
        abstract: "Submit work to a compute network that proves its results by agreement.",
        discussion: """
            Start with `parity dev`, which runs a whole network on this machine, and `parity submit --watch` in a \
            second terminal.

            \(CommandExit.help)
            """,
        version: version,
        subcommands: [
            CheckCommand.self, SubmitCommand.self, WatchCommand.self, StatusCommand.self, DivergenceCommand.self,
            ListCommand.self,
            OutputCommand.self, CancelCommand.self, RunnersCommand.self, BalanceCommand.self, DepositCommand.self,
            AccountCommand.self,
            LoginCommand.self, DevCommand.self,
        ])
}
