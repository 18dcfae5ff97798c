import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import ParityProtocol

extension GatewayClient {
    /// A large upload may take this long.
    static let transferTimeout = TimeAmount.hours(6)

    /// Makes sure that the gateway holds the blob of `file`; sends it only when it does not, and again when the
    /// connection was lost.
    ///
    /// - Returns: whether it was sent.
    @discardableResult
    func upload(_ file: LocalFile) async throws -> Bool {
        let path = "/v1/blobs/\(file.digest)"
        for attempt in 1... {
            do {
                if try await holds(path) { return attempt > 1 }
                try await send(file, to: path)
                return true
            } catch let failure as GatewayFailure where failure.mayPass && attempt < Self.attempts {
                try await Task.sleep(for: .milliseconds(200 << attempt))
            }
        }
        throw CancellationError()
    }

    private func holds(_ path: String) async throws -> Bool {
        let response = try await http.executeMapped(request(.HEAD, path), timeout: Self.callTimeout, client: self)
        if response.status.code == 404 { return false }
        _ = try await checked(response)
        return true
    }

    private func send(_ file: LocalFile, to path: String) async throws {
        var request = self.request(.PUT, path)
        request.headers.add(name: "Content-Type", value: "application/octet-stream")
        request.body = .stream(FileChunks(path: file.path), length: .known(file.size))
        _ = try await checked(try await http.executeMapped(request, timeout: Self.transferTimeout, client: self))
    }

    /// A small blob, whole. Nothing says yet that its bytes have this digest.
    func blob(_ digest: Digest, maximumBytes: Int) async throws -> [UInt8] {
        let body = try await download("/v1/blobs/\(digest)").body
        do {
            return Array(buffer: try await body.collect(upTo: maximumBytes))
        } catch {
            throw unreachable(error)
        }
    }

    /// A download whose body is read as it comes.
    func download(_ path: String) async throws -> HTTPClientResponse {
        var request = self.request(.GET, path)
        request.headers.replaceOrAdd(name: "Accept", value: "*/*")
        return try await checked(try await http.executeMapped(request, timeout: Self.transferTimeout, client: self))
    }
}

extension HTTPClient {
    /// As `execute`, with failures to connect told as ``GatewayFailure/unreachable(url:cause:)``.
    func executeMapped(
        _ request: HTTPClientRequest, timeout: TimeAmount, client: GatewayClient
    ) async throws -> HTTPClientResponse {
        do {
            return try await execute(request, timeout: timeout)
        } catch let error as CommandFailure {
            throw error
        } catch {
            throw client.unreachable(error)
        }
    }
}
