/// `GET /v1/accounts/me`, and what `POST /v1/accounts` answers.
package struct AccountObject: Codable, Sendable, Equatable {
    package var id: AccountID
    package var name: String
    /// What can be spent, in units of 10^-6 token.
    package var balance: Amount
    /// What is locked for tasks that are not settled.
    package var escrowed: Amount
    package var isAdmin: Bool
    /// Only in the answer that creates the account; it is not kept in a readable form.
    package var apiKey: String?

    enum CodingKeys: String, CodingKey {
        case id, name, balance, escrowed
        case isAdmin = "is_admin"
        case apiKey = "api_key"
    }

    package init(
        id: AccountID, name: String, balance: Amount, escrowed: Amount, isAdmin: Bool, apiKey: String? = nil
    ) {
        self.id = id
        self.name = name
        self.balance = balance
        self.escrowed = escrowed
        self.isAdmin = isAdmin
        self.apiKey = apiKey
    }
}

/// `POST /v1/accounts` (admin).
package struct NewAccount: Codable, Sendable, Equatable {
    package var name: String
    /// May register builders, whose images other accounts' tasks run.
    package var builder: Bool?

    package init(name: String, builder: Bool? = nil) {
        self.name = name
        self.builder = builder
    }
}

/// `POST /v1/deposits` (admin): credits `amount` to `account`.
package struct NewDeposit: Codable, Sendable, Equatable {
    package var account: AccountID
    package var amount: Amount
    package init(account: AccountID, amount: Amount) {
        self.account = account
        self.amount = amount
    }
}
