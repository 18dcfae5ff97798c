import ParityProtocol

/// The accounts of one `parity dev`: `dev`, which a developer acts as, and the builder's.
enum DevAccount {
    /// A million tokens: enough to forget about.
    static let balance = "1000000"

    /// Makes the account `dev` and gives it its balance. Called again, it makes another account: remember the key.
    static func make(gatewayURL: String, adminKey: String) async throws -> String {
        try await make(NewAccount(name: "dev"), balance: balance, gatewayURL: gatewayURL, adminKey: adminKey)
    }

    /// Makes the account that may register builders.
    static func makeBuilder(gatewayURL: String, adminKey: String) async throws -> String {
        try await make(
            NewAccount(name: "builder", builder: true), balance: nil, gatewayURL: gatewayURL, adminKey: adminKey)
    }

    private static func make(
        _ new: NewAccount, balance: String?, gatewayURL: String, adminKey: String
    ) async throws -> String {
        let made = OneShot<String>()
        try await GatewayClient.with(ClientSettings(gatewayURL: gatewayURL, apiKey: adminKey)) { admin in
            let account = try await admin.createAccount(new).value
            guard let key = account.apiKey else {
                throw CommandFailure(.failure, "the gateway gave the account no key")
            }
            if let amount = balance.flatMap({ Amount(decimal: $0) }) {
                _ = try await admin.deposit(NewDeposit(account: account.id, amount: amount))
            }
            made.set(key)
        }
        guard let key = made.current else { throw CommandFailure(.failure, "the account could not be made") }
        return key
    }

    /// Whether the gateway knows `key`.
    static func isKnown(_ key: String, gatewayURL: String) async throws -> Bool {
        do {
            try await GatewayClient.with(ClientSettings(gatewayURL: gatewayURL, apiKey: key)) { client in
                _ = try await client.account()
            }
            return true
        } catch GatewayFailure.problem(let problem) where problem.status == 401 {
            return false
        }
    }
}
