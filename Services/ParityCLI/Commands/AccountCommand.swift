import ArgumentParser
import FoundationEssentials
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

    @Option(
        help: ArgumentHelp(
            "Write the key to this file instead, for its owner's eyes only. A file that is there is kept, and no account is made.",
            valueName: "file"))
    var keyFile: String?

    @Flag(help: "It may register builders, whose images other accounts' tasks run.")
    var builder = false

    @OptionGroup var client: ClientOptions

    func run() async throws {
        if let keyFile, FileManager.default.fileExists(atPath: keyFile) {
            return Console.error("\(keyFile) is there already: no account was made")
        }
        try await client.run { gateway in
            let account = try await gateway.asAdministrator.createAccount(
                NewAccount(name: name, builder: builder ? true : nil))
            if let keyFile {
                guard let key = account.value.apiKey else {
                    throw CommandFailure(.failure, "the gateway gave the account no key")
                }
                try PrivateFile.write(Array(key.utf8), to: keyFile)
                return Console.line("account  \(account.value.id)\nkey in   \(keyFile)")
            }
            if client.json { return Console.line(account.json.trimmingNewlines) }
            Console.line("account  \(account.value.id)")
            Console.line("api key  \(account.value.apiKey ?? "(none)")")
            Console.error("The key is shown this once: `parity login --api-key …` keeps it.")
        }
    }
}
