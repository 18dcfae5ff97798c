import ArgumentParser
import ParityProtocol

struct DepositCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "deposit", abstract: "Credit an account (administrators only).")

    @Argument(help: "Tokens, such as 100 or 1.5.")
    var amount: String

    @Option(help: ArgumentHelp("The account; your own unless given.", valueName: "id"))
    var account: String?

    @OptionGroup var client: ClientOptions

    func run() async throws {
        try await client.run { gateway in
            let amount = try SpecOptions.amount(self.amount, flag: "amount")
            let id: AccountID
            if let account {
                guard let named = AccountID(account) else {
                    throw CommandFailure(.usage, "--account \(account): an account's id (a UUID) is expected")
                }
                id = named
            } else {
                id = try await gateway.account().value.id
            }
            let answer = try await gateway.asAdministrator.deposit(NewDeposit(account: id, amount: amount))
            Console.line(client.json ? answer.json.trimmingNewlines : "\(amount.decimal) credited to \(id)")
        }
    }
}
