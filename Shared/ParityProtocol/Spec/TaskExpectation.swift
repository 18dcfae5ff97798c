/// What a submitter expects of the verified output. Runners are paid for agreeing, on whatever; what is expected only
/// marks the task for its submitter.
package struct TaskExpectation: Sendable, Hashable {
    package var exitCode: Int64
    /// The output as a whole; nil for any.
    package var outputDigest: Digest?
    /// Paths below `/output` at which there must be a regular file.
    package var files: [String]
    /// How many bytes stdout and all files together may have; nil for as many as the limits allow.
    package var maximumOutputBytes: Int64?
    /// nil for any.
    package var stdout: StdoutExpectation?

    package init(
        exitCode: Int64 = 0, outputDigest: Digest? = nil, files: [String] = [], maximumOutputBytes: Int64? = nil,
        stdout: StdoutExpectation? = nil
    ) {
        self.exitCode = exitCode
        self.outputDigest = outputDigest
        self.files = files
        self.maximumOutputBytes = maximumOutputBytes
        self.stdout = stdout
    }

    package static let maximumFiles = 1000
    /// Longer texts are expected by their digest.
    package static let maximumStdoutBytes = 65_536
}

package enum StdoutExpectation: Sendable, Hashable {
    /// Exactly these bytes.
    case bytes([UInt8])
    case digest(Digest)
    /// Occurs somewhere in it.
    case pattern(OutputPattern)
}

/// One expectation that an output did not meet.
package struct ExpectationFailure: Sendable, Hashable, Codable {
    package enum Code: String, Sendable, Codable, CaseIterable {
        case exitCode = "exit_code"
        case outputDigest = "output_digest"
        case fileMissing = "file_missing"
        case outputTooLarge = "output_too_large"
        case stdoutDiffers = "stdout_differs"
        case stdoutNoMatch = "stdout_no_match"
        /// A pattern is only looked for in ``OutputPattern/maximumTextBytes`` bytes.
        case stdoutTooLong = "stdout_too_long"
        /// The runners agree that the task goes over its limits, so there is no output.
        case limitExceeded = "limit_exceeded"
        /// The runners agree on a digest, but never uploaded what has it.
        case outputMissing = "output_missing"
    }

    /// The JSON pointer of the expectation in the spec.
    package let pointer: String
    package let code: Code
    /// What was expected and what was there.
    package let message: String

    package init(_ pointer: String, _ code: Code, _ message: String) {
        self.pointer = pointer
        self.code = code
        self.message = message
    }

    package var json: JSONValue {
        ["pointer": .string(pointer), "code": .string(code.rawValue), "message": .string(message)]
    }
}

extension [ExpectationFailure] {
    /// What events say of it.
    package var eventData: [String: JSONValue] {
        isEmpty
            ? ["expectation_failed": false]
            : ["expectation_failed": true, "expectation_failures": .array(map(\.json))]
    }
}
