import AsyncHTTPClient
import FoundationEssentials
import NIOCore
import NIOFoundationCompat
import NIOHTTP1
import ParityProtocol
import Telemetry

/// The gateway's HTTP API as seen by one account.
///
/// A call that could not be delivered is tried again for a while: every POST carries an `Idempotency-Key`, so that
/// the second try of one that had arrived changes nothing.
struct GatewayClient: Sendable {
    /// An answer, decoded and as it came; `--json` prints the latter, so that nothing a newer gateway says is lost.
    struct Answer<Value: Sendable>: Sendable {
        let value: Value
        let json: String
    }

    static let callTimeout = TimeAmount.seconds(30)
    /// A list page or a task is far smaller.
    static let maximumAnswerBytes = 32 << 20
    static let attempts = 4

    let settings: ClientSettings
    let http: HTTPClient

    /// Runs `body` with a client that is closed afterwards.
    static func with(_ settings: ClientSettings, _ body: (GatewayClient) async throws -> Void) async throws {
        var configuration = HTTPClient.Configuration()
        configuration.timeout.connect = .seconds(5)
        // Event streams carry a comment now and then; silence for this long means the line is dead.
        configuration.timeout.read = .seconds(90)
        configuration.redirectConfiguration = .disallow
        let http = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        do {
            try await body(GatewayClient(settings: settings, http: http))
        } catch {
            try? await http.shutdown()
            throw error
        }
        try await http.shutdown()
    }

    /// The same client with the administrator's key, where we have it.
    var asAdministrator: GatewayClient { GatewayClient(settings: settings.asAdministrator, http: http) }

    func get<Value: Decodable & Sendable>(_ path: String, as type: Value.Type) async throws -> Answer<Value> {
        try await call(.GET, path, body: nil, as: type)
    }

    /// One POST; `key` makes its repetitions one (a fresh one unless given).
    func post<Value: Decodable & Sendable>(
        _ path: String, _ body: [UInt8], key: String = UUID().uuidString.lowercased(), as type: Value.Type
    ) async throws -> Answer<Value> {
        try await call(.POST, path, body: body, key: key, as: type)
    }

    private func call<Value: Decodable & Sendable>(
        _ method: HTTPMethod, _ path: String, body: [UInt8]?, key: String? = nil, as type: Value.Type
    ) async throws -> Answer<Value> {
        var request = self.request(method, path)
        if let body {
            request.headers.add(name: "Content-Type", value: "application/json")
            request.body = .bytes(body)
        }
        if let key { request.headers.add(name: "Idempotency-Key", value: key) }
        let response = try await sendRepeating(request)
        let bytes = try await collect(response)
        do {
            let value = try JSONDecoder().decode(type, from: Data(bytes))
            return Answer(value: value, json: String(decoding: bytes, as: UTF8.self))
        } catch {
            throw GatewayFailure.unexpected(
                status: Int(response.status.code),
                what: "with a body that parity \(ParityCommand.version) does not know")
        }
    }

    /// A request to `path` with this account's key and the trace of the command.
    func request(_ method: HTTPMethod, _ path: String) -> HTTPClientRequest {
        var request = HTTPClientRequest(url: settings.gatewayURL + path)
        request.method = method
        request.headers.add(name: "User-Agent", value: "parity/\(ParityCommand.version)")
        request.headers.add(name: "Accept", value: "application/json")
        if let key = settings.apiKey { request.headers.add(name: "Authorization", value: "Bearer \(key)") }
        if let trace = TraceContext.current { request.headers.add(name: TraceContext.headerName, value: trace.header) }
        return request
    }

    /// Sends, and sends again where the gateway cannot be reached or says that it is busy. Throws ``GatewayFailure``
    /// for every answer that is not a success.
    func sendRepeating(_ request: HTTPClientRequest) async throws -> HTTPClientResponse {
        for attempt in 1... {
            do {
                let response = try await http.execute(request, timeout: Self.callTimeout)
                let isBusy = [429, 502, 503, 504].contains(response.status.code)
                guard isBusy, attempt < Self.attempts else { return try await checked(response) }
            } catch let error as GatewayFailure {
                throw error
            } catch {
                guard attempt < Self.attempts, !(error is CancellationError) else { throw unreachable(error) }
            }
            try await Task.sleep(for: .milliseconds(200 << attempt))
        }
        throw CancellationError()
    }

    func unreachable(_ error: any Error) -> any Error {
        error is CancellationError
            ? error : GatewayFailure.unreachable(url: settings.gatewayURL, cause: Self.reason(error))
    }

    /// The response when it is a success; throws what the gateway says otherwise.
    func checked(_ response: HTTPClientResponse) async throws -> HTTPClientResponse {
        guard !(200..<300).contains(response.status.code) else { return response }
        let bytes = (try? await collect(response)) ?? []
        if let problem = try? JSONDecoder().decode(Problem.self, from: Data(bytes)) {
            throw GatewayFailure.problem(problem)
        }
        throw GatewayFailure.unexpected(status: Int(response.status.code), what: response.status.reasonPhrase)
    }

    private func collect(_ response: HTTPClientResponse) async throws -> [UInt8] {
        do {
            return Array(buffer: try await response.body.collect(upTo: Self.maximumAnswerBytes))
        } catch {
            throw unreachable(error)
        }
    }

    /// The client library's errors in words.
    static func reason(_ error: any Error) -> String {
        if let error = error as? HTTPClientError {
            switch error {
            case .connectTimeout: return "no connection in time"
            case .deadlineExceeded, .readTimeout: return "no answer in time"
            case .remoteConnectionClosed: return "it closed the connection"
            default: return error.description
            }
        }
        let text = "\(error)"
        return text.contains("ECONNREFUSED") || text.contains("errno: 111") ? "connection refused" : text
    }
}
