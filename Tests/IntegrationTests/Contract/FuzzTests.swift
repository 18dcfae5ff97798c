import Foundation
import ParityProtocol
import TestSupport
import Testing

/// Requests made up from the description, right ones and wrong ones, against the real gateway.
@Suite struct FuzzTests {
    /// Schemathesis, which `deploy/test --fuzz` installs.
    static let program = ProcessInfo.processInfo.environment["PARITY_TEST_SCHEMATHESIS"] ?? ""

    @Test(.enabled(if: !program.isEmpty), .timeLimit(.minutes(25)), arguments: [true, false])
    func `No request breaks the gateway, and each answer is one that is described`(isAdmin: Bool) async throws {
        try await TestNetwork.run { network in
            let account = try await network.api.makeAccount("fuzzer", units: 1_000_000)
            let key = isAdmin ? TestAPI.adminKey : account.key
            let folder = FileManager.default.temporaryDirectory.appending(path: TestEnvironment.uniqueName())
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: folder) }
            let settings = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "schemathesis.toml")
            try await TestCommand.run(
                Self.program,
                [
                    "--config-file", settings.path(), "run", "\(network.api.base)/openapi.yaml",
                    "-H", "Authorization: Bearer \(key)", "--no-color",
                ], in: folder)
        }
    }
}
