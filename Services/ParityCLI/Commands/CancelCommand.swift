import ArgumentParser
import ParityProtocol

struct CancelCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel", abstract: "Cancel a task that has no verdict yet; its reward comes back.")

    @OptionGroup var argument: TaskArgument
    @OptionGroup var client: ClientOptions

    func run() async throws {
        try await client.run { gateway in
            let task = try await gateway.cancel(try argument.id())
            Console.line(
                client.json
                    ? task.json.trimmingNewlines
                    : "\(task.value.id) \(ProgressText.stateName(task.value.state.rawValue))")
        }
    }
}
