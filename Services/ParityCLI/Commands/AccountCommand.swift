import ArgumentParser
import ParityProtocol

struct AccountCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "account", abstract: "Make accounts.", subcommands: [CreateAccountCommand.self])
}

struct CreateAccountCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Make an account and print its API key, once (administrators only).")

    @Argument(help: "What the account is called.")
    var name: String

    @OptionGroup var client: ClientOptions

    func run() async throws {
        try await client.run { gateway in
            let account = try await gateway.asAdministrator.createAccount(NewAccount(name: name))
            if client.json { return Console.line(account.json.trimmingNewlines) }
            Console.line("account  \(account.value.id)")
            Console.line("api key  \(account.value.apiKey ?? "(none)")")
            Console.error("The key is shown this once: `parity login --api-key …` keeps it.")
        }
    }
}
