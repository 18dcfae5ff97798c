import Foundation
import HTTPTypes
import Hummingbird
import Ledger
import ParityProtocol
import PostgresClient
import Store

extension Gateway {
    /// `POST /v1/accounts` (admin): a new account with its first API key, which is shown this once.
    @Sendable func createAccount(_ request: Request, _ context: BasicRequestContext) async throws -> Response {
        _ = try await authenticateAdmin(request)
        let new: NewAccount = try decode(try await body(of: request))
        guard (1...200).contains(new.name.unicodeScalars.count), !new.name.utf8.contains(0) else {
            throw Problem.badRequest("name", "an account's name is 1 to 200 characters")
        }
        let id = AccountID(UUID.v7())
        let key = "parity_" + Self.randomHex(bytes: 24)
        try await pool.transaction { transaction in
            try await Accounts.insert(id, name: new.name, isAdmin: false, in: transaction)
            try await Accounts.addKey(Digest.sha256(of: Array(key.utf8)), for: id, in: transaction)
            try await Ledger.openAccount(id, in: transaction)
        }
        return try JSONText.response(
            AccountObject(id: id, name: new.name, balance: .zero, escrowed: .zero, isAdmin: false, apiKey: key),
            status: .created)
    }

    private static func randomHex(bytes count: Int) -> String {
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }.hexadecimal
    }

    /// `GET /v1/accounts/me`
    @Sendable func showAccount(_ request: Request, _ context: BasicRequestContext) async throws -> Response {
        let account = try await authenticate(request)
        return try await pool.withConnection { connection in
            try JSONText.response(
                AccountObject(
                    id: account.id, name: account.name,
                    balance: try await Ledger.balance(of: account.id, in: connection) ?? .zero,
                    escrowed: try await Ledger.escrowed(by: account.id, in: connection), isAdmin: account.isAdmin))
        }
    }

    /// `POST /v1/deposits` (admin): credits an account. With an Idempotency-Key it books once.
    @Sendable func deposit(_ request: Request, _ context: BasicRequestContext) async throws -> Response {
        let admin = try await authenticateAdmin(request)
        let bytes = try await body(of: request)
        let new: NewDeposit = try decode(bytes)
        guard new.amount > .zero else { throw Problem.badRequest("amount", "a deposit is at least one unit") }
        return try await idempotent(request, account: admin.id, digest: Digest.sha256(of: bytes)) { transaction in
            guard try await Accounts.exists(new.account, in: transaction) else {
                throw Problem.notFound("such account")
            }
            try await Ledger.openAccount(new.account, in: transaction)
            try await Ledger.deposit(
                new.amount, to: new.account, reference: UUID.v7().uuidString, in: transaction)
            return (201, try JSONText.encode(new))
        }
    }

    func decode<T: Decodable>(_ bytes: [UInt8]) throws -> T {
        do {
            return try JSONDecoder().decode(T.self, from: Data(bytes))
        } catch let error as DecodingError {
            throw Problem.badRequest("malformed_body", Self.sentence(error))
        }
    }

    private static func sentence(_ error: DecodingError) -> String {
        func place(_ path: [any CodingKey]) -> String { "/" + path.map(\.stringValue).joined(separator: "/") }
        return switch error {
        case .keyNotFound(let key, let context): "\(place(context.codingPath + [key])) is missing"
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            "\(place(context.codingPath)): \(context.debugDescription)"
        case .dataCorrupted(let context): "\(place(context.codingPath)): \(context.debugDescription)"
        @unknown default: "the body does not fit"
        }
    }
}
