import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import ParityProtocol

extension GatewayClient {
    /// A large upload may take this long.
    static let transferTimeout = TimeAmount.hours(6)

    /// Makes sure that the gateway holds the blob of `file`; sends it only when it does not.
    ///
    /// - Returns: whether it was sent.
    @discardableResult
    func upload(_ file: LocalFile) async throws -> Bool {
        let path = "/v1/blobs/\(file.digest)"
        let head = try await http.executeMapped(request(.HEAD, path), timeout: Self.callTimeout, client: self)
        if head.status.code == 200 { return false }
        if head.status.code != 404 { _ = try await checked(head) }
        var request = self.request(.PUT, path)
        request.headers.add(name: "Content-Type", value: "application/octet-stream")
        request.body = .stream(FileChunks(path: file.path), length: .known(file.size))
        let response = try await http.executeMapped(request, timeout: Self.transferTimeout, client: self)
        _ = try await checked(response)
        return true
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
