import Foundation
import ParityProtocol
import Synchronization
import TestSupport

@testable import Gateway

/// What the gateway answered in a test, to be held against the description that it serves.
final class AnswerLog: Sendable {
    struct Answer: Codable, Hashable {
        var method: String
        var path: String
        var status: Int
        var type: String
        /// Of answers that are text, and not too long.
        var body: String?
    }

    private static let maximumAnswers = 5000
    private static let maximumBytes = 1 << 18
    private let answers = Mutex<Set<Answer>>([])

    func note(_ method: String, _ path: String, _ status: Int, type: String, body: Data) {
        let isText = ["json", "event-stream"].contains { type.contains($0) }
        guard !isText || body.count <= Self.maximumBytes else { return }
        let path = path.split(separator: "?").first.map(String.init) ?? path
        let answer = Answer(
            method: method, path: path, status: status, type: type,
            body: isText ? String(decoding: body, as: UTF8.self) : nil)
        answers.withLock { if $0.count < Self.maximumAnswers { $0.insert(answer) } }
    }

    /// Throws with what is not as described.
    func judge() async throws {
        let answers = answers.withLock { Array($0) }
        guard !answers.isEmpty else { return }
        let folder = FileManager.default.temporaryDirectory.appending(path: TestEnvironment.uniqueName())
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let files = ["openapi.yaml", "task.json", "answers.json"].map { folder.appending(path: $0) }
        try Data(Gateway.apiDescription).write(to: files[0])
        try Data(TaskSchema.bytes).write(to: files[1])
        try JSONEncoder().encode(answers).write(to: files[2])
        let script = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Python/judge_answers.py")
        _ = try await Python.run([script.path()] + files.map { $0.path() })
    }
}
