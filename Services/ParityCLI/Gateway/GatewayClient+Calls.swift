import FoundationEssentials
import ParityProtocol

/// One function for each call of the API that `parity` makes.
extension GatewayClient {
    func submit(_ spec: JSONValue) async throws -> Answer<TaskObject> {
        try await post("/v1/tasks", spec.canonicalBytes(), as: TaskObject.self)
    }

    func task(_ id: TaskID) async throws -> Answer<TaskObject> {
        try await get("/v1/tasks/\(id)", as: TaskObject.self)
    }

    func divergence(_ id: TaskID) async throws -> Answer<DivergenceReport> {
        try await get("/v1/tasks/\(id)/divergence", as: DivergenceReport.self)
    }

    func tasks(state: TaskState?, limit: Int, cursor: String?) async throws -> Answer<Page<TaskObject>> {
        var query = ["limit=\(limit)"]
        if let state { query.append("state=\(state.rawValue)") }
        if let cursor { query.append("cursor=\(Self.escape(cursor))") }
        return try await get("/v1/tasks?" + query.joined(separator: "&"), as: Page<TaskObject>.self)
    }

    func cancel(_ id: TaskID) async throws -> Answer<TaskObject> {
        try await post("/v1/tasks/\(id)/cancel", [], as: TaskObject.self)
    }

    func runners(cursor: String?) async throws -> Answer<Page<RunnerObject>> {
        let query = cursor.map { "?cursor=\(Self.escape($0))" } ?? ""
        return try await get("/v1/runners\(query)", as: Page<RunnerObject>.self)
    }

    func account() async throws -> Answer<AccountObject> {
        try await get("/v1/accounts/me", as: AccountObject.self)
    }

    func createAccount(_ account: NewAccount) async throws -> Answer<AccountObject> {
        try await post("/v1/accounts", Array(try JSONEncoder().encode(account)), as: AccountObject.self)
    }

    func deposit(_ deposit: NewDeposit) async throws -> Answer<JSONValue> {
        try await post("/v1/deposits", Array(try JSONEncoder().encode(deposit)), as: JSONValue.self)
    }

    /// `text` as one part of a path or query (RFC 3986 unreserved characters stay).
    static func escape(_ text: String, keeping kept: String = "") -> String {
        let plain = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~\(kept)".utf8)
        var result = ""
        for byte in text.utf8 {
            if plain.contains(byte) {
                result.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                let hex = String(byte, radix: 16, uppercase: true)
                result += "%" + (hex.count == 1 ? "0" : "") + hex
            }
        }
        return result
    }
}
