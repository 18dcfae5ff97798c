package import AsyncHTTPClient
import Foundation
package import NIOCore
import NIOHTTP1
package import ParityProtocol

/// A typed client of the Docker Engine API. Paths carry no version: the engine then speaks its own newest, and what is
/// used here has been the same from API 1.41 (Docker 20.10) on.
package struct DockerEngine: Sendable {
    private let client: HTTPClient
    /// nil for an engine that is reached over TCP, at ``base``.
    let socketPath: String?
    let base: String

    /// Limits of what answers may hold.
    private static let maximumAnswerBytes = 16 << 20
    /// For calls that make or break containers on a busy disk.
    private static let callTimeout: TimeAmount = .seconds(60)
    /// For pulling or loading an image.
    static let imageTimeout: TimeAmount = .minutes(30)

    /// `endpoint` is `unix:///path/to/socket` or `tcp://host:port`.
    package init(endpoint: String, client: HTTPClient) throws {
        self.client = client
        if endpoint.hasPrefix("unix://") {
            socketPath = String(endpoint.dropFirst(7))
            base = ""
        } else if endpoint.hasPrefix("tcp://") {
            socketPath = nil
            base = "http://" + endpoint.dropFirst(6)
        } else {
            throw DockerError(.malformed, "settings", "the engine's address must start with unix:// or tcp://")
        }
    }

    // MARK: - Calls

    func request(_ method: HTTPMethod, _ path: String) throws -> HTTPClientRequest {
        var url = base + path
        if let socketPath {
            guard let address = URL(httpURLWithSocketPath: socketPath, uri: path) else {
                throw DockerError(.malformed, path, "the socket's path cannot be an address")
            }
            url = address.absoluteString
        }
        var request = HTTPClientRequest(url: url)
        request.method = method
        // A socket has no host, yet HTTP/1.1 demands one.
        if socketPath != nil { request.headers.add(name: "Host", value: "docker") }
        return request
    }

    func send(
        _ request: HTTPClientRequest, _ operation: String, timeout: TimeAmount = callTimeout
    ) async throws -> HTTPClientResponse {
        let response: HTTPClientResponse
        do {
            response = try await client.execute(request, timeout: timeout)
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            try Task.checkCancellation()
            throw DockerError(.unreachable, operation, "\(error)")
        }
        guard response.status.code >= 400 else { return response }
        let body = try await response.body.collect(upTo: Self.maximumAnswerBytes)
        struct Message: Decodable { let message: String }
        let bytes = Data(body.readableBytesView)
        let message =
            (try? JSONDecoder().decode(Message.self, from: bytes))?.message ?? String(decoding: bytes, as: UTF8.self)
        throw DockerError(status: response.status.code, operation: operation, message: message)
    }

    @discardableResult
    func call(
        _ method: HTTPMethod, _ path: String, _ operation: String, json: JSONValue? = nil
    ) async throws -> Data {
        var request = try request(method, path)
        if let json {
            request.headers.add(name: "Content-Type", value: "application/json")
            request.body = .bytes(json.canonicalBytes())
        }
        let response = try await send(request, operation)
        return Data(try await response.body.collect(upTo: Self.maximumAnswerBytes).readableBytesView)
    }

    func decode<T: Decodable>(_: T.Type, _ data: Data, _ operation: String) throws -> T {
        do {
            return try JSONDecoder().decode(T.self, from: data)
        } catch {
            throw DockerError(.malformed, operation, "the engine's answer cannot be read")
        }
    }

    static func escape(_ text: String) -> String {
        text.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
    }

    /// Throws `.unreachable` when no engine answers.
    package func ping() async throws { try await call(.GET, "/_ping", "ping") }

    // MARK: - Containers

    /// Makes a container and returns its id. `name` must be free; without one the engine thinks one up.
    @discardableResult
    package func createContainer(_ body: JSONValue, name: String? = nil) async throws -> String {
        struct Created: Decodable {
            let id: String
            enum CodingKeys: String, CodingKey { case id = "Id" }
        }
        let path = "/containers/create" + (name.map { "?name=\(Self.escape($0))" } ?? "")
        let data = try await call(.POST, path, "create container", json: body)
        return try decode(Created.self, data, "create container").id
    }

    package func start(_ container: String) async throws {
        try await call(.POST, "/containers/\(container)/start", "start container")
    }

    /// Sends SIGKILL; a container that does not run is no error.
    package func kill(_ container: String) async throws {
        do {
            try await call(.POST, "/containers/\(container)/kill", "kill container")
        } catch let error as DockerError where error.code == .conflict || error.code == .notFound {}
    }

    /// Waits for the end, at most `timeout`, and returns the exit code.
    package func wait(_ container: String, timeout: Duration) async throws -> Int64 {
        struct Status: Decodable {
            let code: Int64
            enum CodingKeys: String, CodingKey { case code = "StatusCode" }
        }
        let request = try request(.POST, "/containers/\(container)/wait")
        let limit = TimeAmount.seconds(timeout.components.seconds + 30)
        let response = try await send(request, "wait", timeout: limit)
        let body = Data(try await response.body.collect(upTo: Self.maximumAnswerBytes).readableBytesView)
        return try decode(Status.self, body, "wait").code
    }

    package struct State: Sendable, Decodable {
        package let isRunning: Bool
        package let oomKilled: Bool
        package let exitCode: Int64
        package let error: String
        enum CodingKeys: String, CodingKey {
            case isRunning = "Running"
            case oomKilled = "OOMKilled"
            case exitCode = "ExitCode"
            case error = "Error"
        }
    }

    package func state(_ container: String) async throws -> State {
        struct Inspected: Decodable {
            let state: State
            enum CodingKeys: String, CodingKey { case state = "State" }
        }
        return try decode(
            Inspected.self, try await call(.GET, "/containers/\(container)/json", "inspect container"),
            "inspect container"
        ).state
    }

    /// Removes a container with its anonymous volumes, running or not; one that is gone is no error.
    package func removeContainer(_ container: String) async throws {
        do {
            try await call(.DELETE, "/containers/\(container)?force=1&v=1", "remove container")
        } catch let error as DockerError where error.code == .notFound || error.code == .conflict {}
    }

    /// The ids of all containers with this label (`name`, or `name=value`).
    package func containers(label: String) async throws -> [String] { try await list(label).map(\.id) }

    /// The values that containers of this engine have for the label `name`, running or not.
    package func containerLabels(_ name: String) async throws -> [String] {
        try await list(name).compactMap { $0.labels?[name] }
    }

    private struct Listed: Decodable {
        let id: String
        let labels: [String: String]?
        enum CodingKeys: String, CodingKey {
            case id = "Id"
            case labels = "Labels"
        }
    }

    private func list(_ label: String) async throws -> [Listed] {
        let filters = Self.escape("{\"label\":[\"\(label)\"]}")
        let data = try await call(.GET, "/containers/json?all=1&filters=\(filters)", "list containers")
        return try decode([Listed].self, data, "list containers")
    }

    /// What the container writes, as the engine frames it, from before its start to its end.
    package func attach(_ container: String, timeout: Duration) async throws -> HTTPClientResponse.Body {
        let request = try request(.POST, "/containers/\(container)/attach?stream=1&stdout=1&stderr=1")
        return try await send(
            request, "attach", timeout: .seconds(timeout.components.seconds + 60)
        ).body
    }

    /// Unpacks a tar into a container, at `path`.
    package func putArchive<Bytes: AsyncSequence & Sendable>(
        _ container: String, path: String, _ archive: Bytes
    ) async throws where Bytes.Element == ByteBuffer {
        var request = try request(.PUT, "/containers/\(container)/archive?path=\(Self.escape(path))")
        // Uncompressed, always: the engine would run a decompressor on anything else.
        request.headers.add(name: "Content-Type", value: "application/x-tar")
        request.body = .stream(archive, length: .unknown)
        let response = try await send(request, "put archive", timeout: Self.imageTimeout)
        _ = try await response.body.collect(upTo: Self.maximumAnswerBytes)
    }

    /// What is at `path` in a container, as a tar.
    package func getArchive(_ container: String, path: String) async throws -> HTTPClientResponse.Body {
        let request = try request(.GET, "/containers/\(container)/archive?path=\(Self.escape(path))")
        return try await send(request, "get archive", timeout: Self.imageTimeout).body
    }

    // MARK: - Volumes

    /// Makes a volume of the engine's local driver and returns its folder on the engine's machine. With `tmpfs`, mount
    /// options as the kernel takes them, it is a file system in memory that is there while a container that has it runs.
    @discardableResult
    package func createVolume(_ name: String, labels: [String: String], tmpfs: String? = nil) async throws -> String {
        struct Created: Decodable {
            let mountpoint: String
            enum CodingKeys: String, CodingKey { case mountpoint = "Mountpoint" }
        }
        var body: [String: JSONValue] = [
            "Name": .string(name), "Driver": "local", "Labels": .object(labels.mapValues(JSONValue.string)),
        ]
        if let tmpfs { body["DriverOpts"] = ["type": "tmpfs", "device": "tmpfs", "o": .string(tmpfs)] }
        let data = try await call(.POST, "/volumes/create", "create volume", json: .object(body))
        return try decode(Created.self, data, "create volume").mountpoint
    }

    package func removeVolume(_ name: String) async throws {
        do {
            try await call(.DELETE, "/volumes/\(name)?force=1", "remove volume")
        } catch let error as DockerError where error.code == .notFound {}
    }

    /// The names of all volumes with this label.
    package func volumes(label: String) async throws -> [String] {
        struct Listed: Decodable {
            struct Volume: Decodable {
                let name: String
                enum CodingKeys: String, CodingKey { case name = "Name" }
            }
            let volumes: [Volume]?
            enum CodingKeys: String, CodingKey { case volumes = "Volumes" }
        }
        let filters = Self.escape("{\"label\":[\"\(label)\"]}")
        let data = try await call(.GET, "/volumes?filters=\(filters)", "list volumes")
        return try decode(Listed.self, data, "list volumes").volumes?.map(\.name) ?? []
    }
}
