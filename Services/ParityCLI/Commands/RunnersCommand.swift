import ArgumentParser
import ParityProtocol

struct RunnersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "runners", abstract: "List the runners of the network.")

    @Option(help: "Where the page before ended.")
    var cursor: String?

    @OptionGroup var client: ClientOptions

    func run() async throws {
        try await client.run { gateway in
            let page = try await gateway.runners(cursor: cursor)
            if client.json { return Console.line(page.json.trimmingNewlines) }
            var table = TextTable("runner", "name", "state", "classes", "slots", "matched", "mismatched", "earned")
            for runner in page.value.items {
                let state = Self.state(of: runner)
                table.add(
                    "\(runner.id)", runner.name, state, runner.classes.joined(separator: " "), "\(runner.slots)",
                    "\(runner.matched)", "\(runner.mismatched)", runner.earned.decimal)
            }
            Console.line(page.value.items.isEmpty ? "no runners" : table.text)
            if let next = page.value.nextCursor { Console.error("more: parity runners --cursor \(next)") }
        }
    }

    private static func state(of runner: RunnerObject) -> String {
        if runner.disqualified { return "disqualified" }
        if !runner.online { return "offline" }
        return runner.pausedUntil == nil ? "online" : "paused"
    }
}
