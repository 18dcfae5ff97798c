import Foundation

/// Other people's programs, in Python, against which ours are held. `deploy/test` installs what they need and names the
/// interpreter; without that it is the one on the path.
package enum Python {
    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    /// Runs a script, or a module after `-m`, and gives what it printed. Throws ``Failure`` with that, unless it ended
    /// with 0 within `limit`.
    package static func run(
        _ arguments: [String], environment: [String: String] = [:], within limit: Duration = .seconds(600)
    ) async throws -> String {
        let named = ProcessInfo.processInfo.environment["PARITY_TEST_PYTHON"] ?? ""
        let process = Process()
        process.executableURL = URL(filePath: named.isEmpty ? "/usr/bin/env" : named)
        process.arguments = (named.isEmpty ? ["python3"] : []) + arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let alarm = Task {
            try await Task.sleep(for: limit)
            process.terminate()
        }
        defer { alarm.cancel() }
        let text = await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
                process.waitUntilExit()
                continuation.resume(returning: text)
            }
        }
        guard process.terminationStatus == 0 else {
            throw Failure(description: "\(arguments.joined(separator: " ")): \(text.suffix(20_000))")
        }
        return text
    }
}
