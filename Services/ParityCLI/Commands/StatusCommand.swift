import ArgumentParser
import ParityProtocol

struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "status", abstract: "Show a task as it stands.")

    @OptionGroup var argument: TaskArgument
    @OptionGroup var client: ClientOptions

    func run() async throws {
        try await client.run { gateway in
            let task = try await gateway.task(try argument.id())
            if client.json { return Console.line(task.json.trimmingNewlines) }
            for line in TaskText.status(task.value) { Console.line(line.render(.standardOutput)) }
        }
    }
}
