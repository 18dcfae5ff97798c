import ArgumentParser
import ParityProtocol

struct BalanceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "balance", abstract: "Show your account: what can be spent and what is locked for tasks.")

    @OptionGroup var client: ClientOptions

    func run() async throws {
        try await client.run { gateway in
            let account = try await gateway.account()
            if client.json { return Console.line(account.json.trimmingNewlines) }
            Console.line(Self.text(account.value))
        }
    }

    static func text(_ account: AccountObject) -> String {
        var table = TextTable("account", "name", "balance", "locked")
        table.add("\(account.id)", account.name, account.balance.decimal, account.escrowed.decimal)
        return table.text
    }
}
