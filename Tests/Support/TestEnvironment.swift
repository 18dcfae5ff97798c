package import Foundation

/// Where the servers are that tests use. `deploy/test` starts private ones and says so in the environment.
package enum TestEnvironment {
    package struct Missing: Error, CustomStringConvertible {
        package let description: String
        package init(description: String) { self.description = description }
    }

    private static func value(_ name: String) throws -> String {
        guard let value = ProcessInfo.processInfo.environment[name], !value.isEmpty else {
            throw Missing(description: "\(name) is not set: run deploy/test, which starts the servers that tests need")
        }
        return value
    }

    package static var postgres: String { get throws { try value("PARITY_TEST_POSTGRES") } }
    package static var amqp: String { get throws { try value("PARITY_TEST_AMQP") } }
    package static var rabbitmqAPI: String { get throws { try value("PARITY_TEST_RABBITMQ_API") } }
    package static var docker: String { get throws { try value("PARITY_TEST_DOCKER") } }

    /// `deploy` of this repository.
    package static var deployFolder: URL {
        URL(filePath: #filePath).appending(path: "../../../deploy").standardizedFileURL
    }

    /// A name that no other suite has.
    package static func uniqueName() -> String {
        "parity_test_" + UUID().uuidString.replacing("-", with: "").lowercased().prefix(16)
    }

    /// Waits for a condition, at most `limit`; a last look decides. A look that throws says that it is not so yet: a
    /// busy server lets one time out.
    package static func eventually(
        within limit: Duration = .seconds(180), _ condition: () async throws -> Bool
    ) async throws -> Bool {
        let deadline = ContinuousClock.now.advanced(by: limit)
        while ContinuousClock.now < deadline {
            do {
                if try await condition() { return true }
            } catch {
                try Task.checkCancellation()
            }
            try await Task.sleep(for: .milliseconds(20))
        }
        return try await condition()
    }
}
