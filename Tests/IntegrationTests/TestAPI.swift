import AsyncHTTPClient
import Foundation
import NIOCore
import NIOFoundationCompat
import NIOHTTP1
import ParityProtocol

/// The gateway's API as a submitter uses it.
struct TestAPI: Sendable {
    static let adminKey = "test-admin-key"
    let base: String
    let log = AnswerLog()

    struct Account: Sendable {
        let id: AccountID
        let key: String
    }

    func send(
        _ method: String, _ path: String, key: String? = nil, json: String? = nil, headers: [(String, String)] = []
    ) async throws -> (status: Int, body: Data) {
        var request = HTTPClientRequest(url: base + path)
        request.method = .RAW(value: method)
        if let key { request.headers.add(name: "Authorization", value: "Bearer \(key)") }
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        if let json {
            if !headers.contains(where: { $0.0 == "Content-Type" }) {
                request.headers.add(name: "Content-Type", value: "application/json")
            }
            request.body = .bytes(Data(json.utf8))
        }
        return try await execute(request, path: path)
    }

    /// As a client should, repeats what a busy gateway sends away.
    func sendUntilTaken(
        _ method: String, _ path: String, key: String, json: String, headers: [(String, String)]
    ) async throws -> (status: Int, body: Data) {
        while true {
            let answer = try await send(method, path, key: key, json: json, headers: headers)
            if answer.status != 503 { return answer }
            try await Task.sleep(for: .milliseconds(200))
        }
    }

    private func execute(_ request: HTTPClientRequest, path: String) async throws -> (status: Int, body: Data) {
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(60))
        let (status, body) = (
            Int(response.status.code), Data(buffer: try await response.body.collect(upTo: 16 << 20))
        )
        log.note(
            request.method.rawValue, path, status, type: response.headers.first(name: "Content-Type") ?? "", body: body)
        return (status, body)
    }

    func isReady() async throws -> Bool { try await send("GET", "/readyz").status == 200 }

    func decode<T: Decodable>(_: T.Type, _ data: Data) throws -> T { try JSONDecoder().decode(T.self, from: data) }

    /// Uploads a blob and returns its digest.
    func upload(_ bytes: [UInt8], key: String) async throws -> Digest {
        let digest = Digest.sha256(of: bytes)
        let path = "/v1/blobs/\(digest)"
        var request = HTTPClientRequest(url: base + path)
        request.method = .PUT
        request.headers.add(name: "Authorization", value: "Bearer \(key)")
        request.body = .bytes(bytes)
        _ = try await execute(request, path: path)
        return digest
    }

    func events(_ id: TaskID, key: String) async throws -> String {
        String(decoding: try await send("GET", "/v1/tasks/\(id)/events", key: key).body, as: UTF8.self)
    }

    func makeAccount(_ name: String, units: Int64, builder: Bool = false) async throws -> Account {
        let created = try decode(
            AccountObject.self,
            try await send(
                "POST", "/v1/accounts", key: Self.adminKey, json: "{\"name\":\"\(name)\",\"builder\":\(builder)}"
            ).body)
        if units > 0 {
            _ = try await send(
                "POST", "/v1/deposits", key: Self.adminKey, json: "{\"account\":\"\(created.id)\",\"amount\":\(units)}")
        }
        return Account(id: created.id, key: created.apiKey ?? "")
    }

    /// `extra` are further members of the spec.
    static func spec(_ command: String, reward: Int64 = 1000, replicas: Int = 3, extra: String = "") -> String {
        """
        {"schema":"parity.task/v1","environment":{"image_id":"sha256:\(String(repeating: "0", count: 64))"},
         "command":["\(command)"],"reward":\(reward),"verification":{"replicas":\(replicas)}\(extra)}
        """
    }

    /// One more member, which makes a task's spec its own.
    static func mark(_ number: Int) -> String { ",\"env\":{\"NUMBER\":\"\(number)\"}" }

    func submit(_ json: String, key: String) async throws -> TaskObject {
        let (status, body) = try await send("POST", "/v1/tasks", key: key, json: json)
        guard status == 201 else { throw try decode(Problem.self, body) }
        return try decode(TaskObject.self, body)
    }

    /// A task's events as they come, to the end of the stream.
    func events(of task: TaskID, after seq: Int64? = nil, key: String) async throws -> [EventObject] {
        let headers = seq.map { [("Last-Event-ID", "\($0)")] } ?? []
        let body = try await send("GET", "/v1/tasks/\(task)/events", key: key, headers: headers).body
        return try String(decoding: body, as: UTF8.self).split(separator: "\n").compactMap { line in
            guard line.hasPrefix("data: ") else { return nil }
            return try decode(EventObject.self, Data(line.dropFirst(6).utf8))
        }
    }

    func task(_ id: TaskID, key: String) async throws -> TaskObject {
        try decode(TaskObject.self, try await send("GET", "/v1/tasks/\(id)", key: key).body)
    }
}
