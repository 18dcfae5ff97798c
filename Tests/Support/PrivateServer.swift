import Foundation

/// A Postgres cluster, RabbitMQ node or image registry of one test's own, which it may stop, pause and restart: see
/// `deploy/lib/postgres-cluster`, `rabbitmq-node` and `registry-node`. Gone at the end.
package struct PrivateServer: Sendable {
    private let script: String
    private let folder: String
    /// What the script printed when it started: `url`, `ca` and more.
    private let addresses: [String: String]

    package static func withPostgres<T>(_ body: (PrivateServer) async throws -> T) async throws -> T {
        try await with("postgres-cluster", body)
    }

    package static func withRabbitMQ<T>(_ body: (PrivateServer) async throws -> T) async throws -> T {
        try await with("rabbitmq-node", body)
    }

    package static func withRegistry<T>(_ body: (PrivateServer) async throws -> T) async throws -> T {
        try await with("registry-node", body)
    }

    /// An address that the server has under `name`.
    package func address(_ name: String) throws -> String {
        guard let address = addresses[name] else {
            throw TestEnvironment.Missing(description: "\(script) printed no \(name)")
        }
        return address
    }

    /// Runs a verb of the script, such as `restart`, to its end.
    @discardableResult
    package func call(_ verb: String, _ arguments: String...) async throws -> String {
        try await Self.run(script, [verb, folder] + arguments)
    }

    private static func with<T>(_ script: String, _ body: (PrivateServer) async throws -> T) async throws -> T {
        let folder = FileManager.default.temporaryDirectory.appending(path: TestEnvironment.uniqueName()).path()
        do {
            let lines = try await run(script, ["start", folder]).split(separator: "\n")
            let pairs = lines.compactMap { line -> (String, String)? in
                let parts = line.split(separator: "=", maxSplits: 1).map(String.init)
                return parts.count == 2 ? (parts[0], parts[1]) : nil
            }
            let server = PrivateServer(
                script: script, folder: folder, addresses: Dictionary(pairs, uniquingKeysWith: { $1 }))
            let value = try await body(server)
            await end(script, folder)
            return value
        } catch {
            await end(script, folder)
            throw error
        }
    }

    private static func end(_ script: String, _ folder: String) async {
        _ = try? await run(script, ["stop", folder])
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// On a thread of its own: a server takes seconds to start, and the cooperative pool must not wait for it. Not
    /// cancellable, so that what was started is also ended.
    private static func run(_ script: String, _ arguments: [String]) async throws -> String {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                continuation.resume(
                    with: Result {
                        let process = Process()
                        let output = Pipe()
                        process.executableURL = TestEnvironment.deployFolder.appending(path: "lib/\(script)")
                        process.arguments = arguments
                        process.standardOutput = output
                        try process.run()
                        let text = String(
                            decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
                        process.waitUntilExit()
                        guard process.terminationStatus == 0 else {
                            throw TestEnvironment.Missing(description: "\(script) \(arguments) failed")
                        }
                        return text
                    })
            }
        }
    }
}
