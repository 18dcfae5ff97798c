import Crypto
import Foundation
import HTTPTypes
import Hummingbird
import Ledger
import ParityProtocol
import PostgresClient
import Store

extension Gateway {
    /// `POST /v1/accounts` (admin): a new account with its first API key, which is shown this once. A repetition with
    /// the same Idempotency-Key gets the same account and key.
    @Sendable func createAccount(_ request: Request, _ context: BasicRequestContext) async throws -> Response {
        let admin = try await authenticateAdmin(request)
        let bytes = try await body(of: request)
        let new: NewAccount = try decode(bytes)
        guard (1...200).contains(new.name.unicodeScalars.count), !new.name.utf8.contains(0) else {
            throw Problem.badRequest("name", "an account's name is 1 to 200 characters")
        }
        let key = "parity_" + Self.newKey(for: request)
        let (status, text) = try await idempotent(
            request, account: admin.id, digest: Digest.sha256(of: bytes)
        ) { transaction in
            let id = AccountID(UUID.v7())
            try await Accounts.insert(
                id, name: new.name, isAdmin: false, mayBuild: new.builder == true, in: transaction)
            try await Accounts.addKey(Digest.sha256(of: Array(key.utf8)), for: id, in: transaction)
            try await Ledger.openAccount(id, in: transaction)
            // Kept for repetitions, and so without the key.
            let account = AccountObject(
                id: id, name: new.name, balance: .zero, escrowed: .zero, isAdmin: false, apiKey: nil)
            return (201, try JSONText.encode(account))
        }
        var account: AccountObject = try decode(Array(text.utf8))
        account.apiKey = key
        return try JSONText.response(account, status: status)
    }

    /// With an Idempotency-Key the new key follows from it and from the administrator's own, so that a repetition can be
    /// told it again although only its digest is kept.
    private static func newKey(for request: Request) -> String {
        guard let idempotencyKey = HTTPField.Name("Idempotency-Key").flatMap({ request.headers[$0] }) else {
            return randomHex(bytes: 24)
        }
        let secret = SymmetricKey(data: Data((request.headers[.authorization] ?? "").utf8))
        let code = HMAC<SHA256>.authenticationCode(for: Data("new account \(idempotencyKey)".utf8), using: secret)
        return Array(code).prefix(24).map { $0 }.hexadecimal
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
        let (status, text) = try await idempotent(
            request, account: admin.id, digest: Digest.sha256(of: bytes)
        ) { transaction in
            guard try await Accounts.exists(new.account, in: transaction) else {
                throw Problem.notFound("such account")
            }
            try await Ledger.openAccount(new.account, in: transaction)
            try await Ledger.deposit(
                new.amount, to: new.account, reference: UUID.v7().uuidString, in: transaction)
            return (201, try JSONText.encode(new))
        }
        return JSONText.raw(text, status: status)
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
