package import Foundation

/// Programs of this machine that tests call.
package enum TestCommand {
    /// Runs a program to its end and returns what it printed; throws when it fails.
    ///
    /// On a thread of its own: it may take seconds, and the cooperative pool must not wait for it. Not cancellable, so
    /// that what was started is also ended.
    @discardableResult
    package static func run(
        _ program: String, _ arguments: [String], environment: [String: String] = [:], in folder: URL? = nil
    ) async throws -> String {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                continuation.resume(with: Result { try wait(program, arguments, environment, folder) })
            }
        }
    }

    private static func wait(
        _ program: String, _ arguments: [String], _ environment: [String: String], _ folder: URL?
    ) throws -> String {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [program] + arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.currentDirectoryURL = folder
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw TestEnvironment.Missing(description: "\(program) \(arguments) failed: \(text.suffix(200_000))")
        }
        return text
    }
}
