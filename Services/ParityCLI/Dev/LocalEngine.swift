import AsyncHTTPClient
import NIOCore
import NIOHTTP1

/// The Docker Engine of this machine, that runner agents and `parity check` need.
enum LocalEngine {
    private static let standardSocket = "/var/run/docker.sock"

    /// The engine that a person named: for Parity, or for Docker's own tools.
    static func address(_ environment: [String: String]) -> String {
        let named = ["PARITY_DOCKER_HOST", "DOCKER_HOST"].compactMap { environment[$0] }.first { !$0.isEmpty }
        return named ?? "unix://\(standardSocket)"
    }

    /// Throws ``CommandFailure`` with what to do when no engine answers on the local socket. An engine elsewhere
    /// (an address with another scheme) is left to the agents.
    static func check(_ environment: [String: String]) async throws {
        let host = address(environment)
        guard host.hasPrefix("unix://") else { return }
        let socket = String(host.dropFirst("unix://".count))
        var request = HTTPClientRequest(url: "http+unix://\(GatewayClient.escape(socket))/_ping")
        // The engine refuses the socket's path as a host.
        request.headers.add(name: "Host", value: "docker")
        let problem: String
        do {
            let status = try await HTTPClient.shared.execute(request, timeout: .seconds(10)).status.code
            if status == 200 { return }
            problem = "it says \(status)"
        } catch {
            problem = GatewayClient.reason(error)
        }
        throw CommandFailure(
            .failure, "no Docker Engine answers on \(socket): \(problem)",
            "install one: sudo apt-get install docker.io; or start it: sudo systemctl start docker",
            "you may have to be in the group docker: sudo usermod -aG docker $USER, then log in again")
    }
}
