import ArgumentParser
import ParityProtocol

struct WatchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch", abstract: "Show a task's progress until it is settled.",
        discussion: "On a terminal the picture is kept up to date; elsewhere each event is a line, or a JSON object.")

    @OptionGroup var argument: TaskArgument

    @Option(help: ArgumentHelp("Give up after this; the task goes on.", valueName: "duration"))
    var timeout: String?

    @OptionGroup var client: ClientOptions

    func run() async throws {
        try await client.run { gateway in
            let style = WatchView.style(json: client.json, terminal: .standardOutput)
            let task = try await Watching.follow(
                try argument.id(), client: gateway, style: style, timeout: try Watching.timeout(timeout))
            let status = Watching.status(task.value)
            if status != .success { throw ExitCode(status.rawValue) }
        }
    }
}
