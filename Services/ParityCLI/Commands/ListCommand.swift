import ArgumentParser
import ParityProtocol

struct ListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List your tasks, newest first.")

    @Option(help: "Only tasks in this state: \(TaskState.allCases.map(\.rawValue).joined(separator: ", ")).")
    var state: TaskState?

    @Option(help: "At most this many.")
    var limit = 20

    @Option(help: "Where the page before ended.")
    var cursor: String?

    @OptionGroup var client: ClientOptions

    func validate() throws {
        guard (1...200).contains(limit) else { throw ValidationError("--limit \(limit): 1 to 200 is expected") }
    }

    func run() async throws {
        try await client.run { gateway in
            let page = try await gateway.tasks(state: state, limit: limit, cursor: cursor)
            if client.json { return Console.line(page.json.trimmingNewlines) }
            var table = TextTable("task", "state", "class", "reward", "submitted")
            for task in page.value.items {
                let state = ProgressText.stateName(task.state.rawValue)
                table.add("\(task.id)", state, task.taskClass, task.reward.decimal, task.createdAt)
            }
            Console.line(page.value.items.isEmpty ? "no tasks" : table.text)
            if let next = page.value.nextCursor { Console.error("more: parity list --cursor \(next)") }
        }
    }
}

extension TaskState: ExpressibleByArgument {}
