import Crypto
import Foundation
import Testing

@testable import RunnerAgent

@Suite struct StateFolderTests {
    @Test func `Agents on shared storage get a folder each, and a freed one is taken again`() async throws {
        try await TemporaryFolder.with { root in
            let pattern = root.path + "/agents/{n}"
            var held = try (0..<3).map { _ in try StateFolder(pattern: pattern) }
            #expect(held.map(\.number) == [1, 2, 3])
            let key = try KeyFile.load(folder: held[1].path).rawRepresentation
            held.remove(at: 1)
            let again = try StateFolder(pattern: pattern)
            #expect(again.number == 2)
            #expect(again.numbered("runner-{n}") == "runner-2")
            #expect(try KeyFile.load(folder: again.path).rawRepresentation == key)
        }
    }

    @Test func `A folder without a number serves one agent`() async throws {
        try await TemporaryFolder.with { root in
            let first = try StateFolder(pattern: root.path + "/agent")
            let error = #expect(throws: AgentError.self) { try StateFolder(pattern: root.path + "/agent") }
            #expect(error?.description.contains("in use by another agent") == true)
            withExtendedLifetime(first) {}
        }
    }

    @Test func `A folder that cannot be made says so`() {
        #expect(throws: AgentError.self) { try StateFolder(pattern: "/proc/nowhere/{n}") }
    }
}
