import AsyncHTTPClient
import Crypto
import Foundation
import ParityProtocol
import RunnerAgent
import Sandbox
import TestSupport

/// Agents with real containers on the network of a test, and what they leave on the engine, which goes with them.
struct RealAgents: Sendable {
    let network: TestNetwork
    let engine: DockerEngine
    let folder: String
    let operators: TestAPI.Account
    let builders: TestAPI.Account
    /// As the agent makes it; the shared client would ask for compressed archives.
    private static let client = HTTPClient(eventLoopGroupProvider: .singleton)

    static func with(
        _ network: TestNetwork, _ body: (RealAgents) async throws -> Void
    ) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: TestEnvironment.uniqueName()).path()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let agents = RealAgents(
            network: network, engine: try DockerEngine(endpoint: try TestEnvironment.docker, client: client),
            folder: folder, operators: try await network.api.makeAccount("operator", units: 0),
            builders: try await network.api.makeAccount("builder", units: 0, builder: true))
        let result: Result<Void, any Error>
        do { result = .success(try await body(agents)) } catch { result = .failure(error) }
        // A start with no room for images, and a file of another's: all of them go.
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
            try await agents.images(name, limits: .init(cacheBytes: 0)).start()
        }
        try? FileManager.default.removeItem(atPath: folder)
        try result.get()
    }

    private func images(_ name: String, limits: ImageCache.Limits = .init()) -> ImageCache {
        ImageCache(
            engine: engine, owner: "\(folder)/\(name)", folder: "\(folder)/\(name)", limits: limits,
            logger: network.logger)
    }

    /// Runs replicas until the task is cancelled, as sudden as a crash.
    func runRunner(_ name: String) async throws {
        let executor = SandboxExecutor(
            sandbox: Sandbox(engine: engine, logger: network.logger), images: images(name),
            gateway: GatewayLink(
                client: Self.client, base: network.api.base, apiKey: operators.key, logger: network.logger),
            folder: "\(folder)/\(name)/scratch", runner: RunnerKey(Curve25519.Signing.PrivateKey().publicKey))
        try await executor.removeLeftovers()
        try await network.runAgent(name, operator: operators, executor: executor)
    }

    /// Builds until the task is cancelled, as sudden as a crash.
    func runBuilder(_ name: String, limits: BuildLimits = .init()) async throws {
        let folder = "\(folder)/\(name)/builds"
        let building = ImageBuilding(
            engine: engine, images: images(name), limits: limits, folder: folder, logger: network.logger)
        try await building.start()
        try await network.runBuilder(name, operator: builders, folder: folder) { _ in
            EngineBuilder(
                building: building,
                gateway: GatewayLink(
                    client: Self.client, base: network.api.base, apiKey: builders.key, logger: network.logger))
        }
    }
}
