import ArgumentParser
import ParityProtocol

struct DivergenceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "divergence",
        abstract: "Show what the results of a task differ in, and most likely why.",
        discussion: """
            For a task that ended without consensus, and for a verified one with results that did not match: who agreed \
            with whom, what differs first and from which byte, and what to do about it. `parity check` finds such \
            causes before a reward is locked.
            """)

    @OptionGroup var argument: TaskArgument
    @OptionGroup var client: ClientOptions

    func run() async throws {
        try await client.run { gateway in
            let report = try await gateway.divergence(try argument.id())
            if client.json { return Console.line(report.json.trimmingNewlines) }
            for line in DivergenceText.lines(report.value) { Console.line(line.render(.standardOutput)) }
        }
    }
}
