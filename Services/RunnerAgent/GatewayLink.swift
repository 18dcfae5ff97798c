import AMQPClient
package import AsyncHTTPClient
import Foundation
package import Logging
import NIOCore
import NIOFoundationCompat
import NIOHTTP1
package import ParityProtocol
import Sandbox
import Telemetry

/// The runner's side of the gateway's API: registration, specs and blobs.
package struct GatewayLink: Sendable {
    private let client: HTTPClient
    private let base: String
    private let apiKey: String
    private let logger: Logger
    private static let backoff = Backoff(base: .milliseconds(500), cap: .seconds(15))
    private static let callTimeout: TimeAmount = .seconds(30)
    private static let blobTimeout: TimeAmount = .minutes(30)
    private static let maximumAnswerBytes = 4 << 20

    package init(client: HTTPClient, base: String, apiKey: String, logger: Logger) {
        self.client = client
        self.base = base.hasSuffix("/") ? String(base.dropLast()) : base
        self.apiKey = apiKey
        self.logger = logger
    }

    private func request(_ method: HTTPMethod, _ path: String) -> HTTPClientRequest {
        var request = HTTPClientRequest(url: base + path)
        request.method = method
        request.headers.add(name: "Authorization", value: "Bearer \(apiKey)")
        if let trace = TraceContext.current { request.headers.add(name: TraceContext.headerName, value: trace.header) }
        return request
    }

    private func send(_ request: HTTPClientRequest, timeout: TimeAmount = callTimeout) async throws
        -> HTTPClientResponse
    {
        let response = try await client.execute(request, timeout: timeout)
        guard response.status.code >= 400 else { return response }
        let body = try await response.body.collect(upTo: Self.maximumAnswerBytes)
        if let problem = try? JSONDecoder().decode(Problem.self, from: Data(buffer: body)) { throw problem }
        throw Problem(
            status: Int(response.status.code), code: "http", title: response.status.reasonPhrase,
            detail: "the gateway answered \(response.status)")
    }

    /// The account that the API key acts for.
    package func account() async throws -> AccountObject { try await json(request(.GET, "/v1/accounts/me")) }

    package func register(_ runner: NewRunner) async throws -> RunnerRegistration {
        var request = request(.POST, "/v1/runners")
        request.headers.add(name: "Content-Type", value: "application/json")
        request.body = .bytes(try JSONEncoder().encode(runner))
        return try await json(request)
    }

    private func json<T: Decodable>(_ request: HTTPClientRequest) async throws -> T {
        let body = try await send(request).body.collect(upTo: Self.maximumAnswerBytes)
        return try JSONDecoder().decode(T.self, from: Data(buffer: body))
    }

    // MARK: - What is asked until there is an answer

    /// The spec of this digest, checked against it.
    package func spec(_ digest: Digest) async throws -> TaskSpec {
        try await untilAnswered { try await specOnce(digest) }
    }

    private func specOnce(_ digest: Digest) async throws -> TaskSpec {
        let body = try await send(request(.GET, "/v1/specs/\(digest)")).body.collect(upTo: Self.maximumAnswerBytes)
        let spec: TaskSpec
        do {
            spec = try TaskSpec(parsing: try JSONValue.parse(Array(body.readableBytesView)))
        } catch {
            throw EnvironmentRejected("the spec cannot be read: \(error)")
        }
        guard spec.digest == digest else {
            throw EnvironmentRejected("the spec that the gateway gave is not \(digest)")
        }
        return spec
    }

    /// Asks again while the gateway or what it stands on is away, overloaded or full: everything here may be asked twice,
    /// and an outage is no reason to give up work that is done. Bounded by cancellation, which losing the lease brings.
    private func untilAnswered<T>(_ ask: () async throws -> T) async throws -> T {
        var generator = SystemRandomNumberGenerator()
        var failures = 0
        while true {
            do {
                return try await ask()
            } catch  where Self.mayPass(error) {
                if failures == 0 { logger.warning("Waiting for the gateway", metadata: ["error": "\(error)"]) }
                try await Task.sleep(for: Self.backoff.delay(attempt: failures, using: &generator))
                failures += 1
            }
        }
    }

    /// What is no answer for good and no fault of this machine is the gateway's or the way to it.
    private static func mayPass(_ error: any Error) -> Bool {
        switch error {
        case let problem as Problem: problem.mayPass
        case is CancellationError, is EnvironmentRejected, is AgentError, is DockerError: false
        default: (error as NSError).domain != NSCocoaErrorDomain
        }
    }

    /// Fetches a blob into `path`, checked against its digest; returns its size. One of more than `maximumBytes` is
    /// refused before it fills the disk.
    package func download(_ digest: Digest, to path: String, maximumBytes: Int64 = .max) async throws -> Int64 {
        try await untilAnswered { try await downloadOnce(digest, to: path, maximumBytes) }
    }

    private func downloadOnce(_ digest: Digest, to path: String, _ maximumBytes: Int64) async throws -> Int64 {
        let response: HTTPClientResponse
        do {
            response = try await send(request(.GET, "/v1/blobs/\(digest)"), timeout: Self.blobTimeout)
        } catch let problem as Problem where problem.status == 404 {
            throw EnvironmentRejected("there is no blob \(digest)")
        }
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw AgentError("\(path) cannot be written") }
        let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        var hasher = DigestHasher()
        for try await chunk in response.body {
            guard hasher.count + Int64(chunk.readableBytes) <= maximumBytes else {
                throw EnvironmentRejected("blob \(digest) has more than the \(maximumBytes) bytes that are taken")
            }
            chunk.withUnsafeReadableBytes { hasher.update($0) }
            try file.write(contentsOf: Data(buffer: chunk))
        }
        let size = hasher.count
        guard hasher.finalize() == digest else { throw AgentError("blob \(digest) arrived damaged") }
        return size
    }

    /// Stores what the gateway does not have yet.
    package func upload(_ digest: Digest, from path: String) async throws {
        try await untilAnswered { try await uploadOnce(digest, from: path) }
    }

    /// Whether the gateway has a blob.
    package func holds(_ digest: Digest) async throws -> Bool { try await untilAnswered { try await holdsNow(digest) } }

    private func holdsNow(_ digest: Digest) async throws -> Bool {
        do {
            _ = try await send(request(.HEAD, "/v1/blobs/\(digest)"))
            return true
        } catch let problem as Problem where problem.status == 404 {
            return false
        }
    }

    private func uploadOnce(_ digest: Digest, from path: String) async throws {
        if try await holdsNow(digest) { return }
        let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? NSNumber
        var put = request(.PUT, "/v1/blobs/\(digest)")
        put.body = .stream(
            InputArchive(file: path, size: size?.int64Value ?? 0), length: .known(size?.int64Value ?? 0))
        _ = try await send(put, timeout: Self.blobTimeout).body.collect(upTo: Self.maximumAnswerBytes)
    }
}

extension Problem {
    /// The same call may succeed soon: the other side is at fault, or asked too much of. A day's quota is not worth the
    /// wait: another runner does the work sooner.
    var mayPass: Bool { status >= 500 || (status == 429 && code != "upload_quota") }
}
