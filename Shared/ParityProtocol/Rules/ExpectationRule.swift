/// What the runners agreed on, as far as it has been read.
package struct JudgedOutput: Sendable {
    package let ballot: Ballot
    /// nil where it was not asked for (``TaskExpectation/readsManifest``), or is not there.
    package let manifest: OutputManifest?
    /// nil where it was not asked for (``TaskExpectation/stdoutToRead(in:)``), or is not there.
    package let stdout: [UInt8]?

    package init(ballot: Ballot, manifest: OutputManifest? = nil, stdout: [UInt8]? = nil) {
        self.ballot = ballot
        self.manifest = manifest
        self.stdout = stdout
    }
}

/// The rule by which an output meets what is expected of it: a pure function of both, which anyone can repeat.
extension TaskExpectation {
    /// Whether exit code and output digest are not enough to judge.
    package var readsManifest: Bool { !files.isEmpty || maximumOutputBytes != nil || stdout != nil }

    /// The stdout whose bytes must be read to judge; nil where its digest is enough, or it is too long to be looked at.
    package func stdoutToRead(in manifest: OutputManifest) -> OutputManifest.Content? {
        guard case .pattern = stdout, manifest.stdout.size <= Int64(OutputPattern.maximumTextBytes) else { return nil }
        return manifest.stdout
    }

    /// Everything that `output` does not meet, in the order of the spec's fields; empty if it meets all.
    package func failures(of output: JudgedOutput) -> [ExpectationFailure] {
        guard output.ballot.outcome == .completed else {
            return [.init("/expect", .limitExceeded, "the runners agree that the task goes over its limits")]
        }
        var failures: [ExpectationFailure] = []
        if output.ballot.exitCode.map(Int64.init) != exitCode {
            let found = output.ballot.exitCode.map(String.init) ?? "none"
            failures.append(.init("/expect/exit_code", .exitCode, "expected \(exitCode), found \(found)"))
        }
        if let outputDigest, outputDigest != output.ballot.digest {
            failures.append(
                .init(
                    "/expect/output_digest", .outputDigest,
                    "expected \(outputDigest), found \(output.ballot.digest)"))
        }
        guard readsManifest else { return failures }
        guard let manifest = output.manifest else {
            return failures + [
                .init("/expect", .outputMissing, "the runners agree on a digest, but none uploaded what has it")
            ]
        }
        return failures + fileFailures(of: manifest) + stdoutFailures(of: manifest.stdout, output.stdout)
    }

    private func fileFailures(of manifest: OutputManifest) -> [ExpectationFailure] {
        var failures: [ExpectationFailure] = []
        let kinds = files.isEmpty ? [:] : Dictionary(manifest.files.map { ($0.path, $0.kind) }) { first, _ in first }
        for (index, file) in files.enumerated() {
            let found: String
            switch kinds[OutputManifest.Path(file)] {
            case .file: continue
            case .directory: found = "\(file) is a directory"
            case .symlink: found = "\(file) is a symbolic link"
            case nil: found = "there is no \(file)"
            }
            failures.append(.init("/expect/files/\(index)", .fileMissing, "expected a file, \(found)"))
        }
        if let maximumOutputBytes {
            let size = manifest.contentBytes
            if size > maximumOutputBytes {
                failures.append(
                    .init(
                        "/expect/max_output_bytes", .outputTooLarge,
                        "expected at most \(maximumOutputBytes) bytes, stdout and files have \(size)"))
            }
        }
        return failures
    }

    private func stdoutFailures(of content: OutputManifest.Content, _ bytes: [UInt8]?) -> [ExpectationFailure] {
        let found = "found \(content.size) bytes with digest \(content.digest)"
        switch stdout {
        case nil: return []
        case .bytes(let expected):
            if Digest.sha256(of: expected) == content.digest { return [] }
            return [.init("/expect/stdout", .stdoutDiffers, "expected other \(expected.count) bytes, \(found)")]
        case .digest(let expected):
            if expected == content.digest { return [] }
            return [.init("/expect/stdout/digest", .stdoutDiffers, "expected \(expected), \(found)")]
        case .pattern(let pattern):
            let pointer = "/expect/stdout/pattern"
            if content.size > Int64(OutputPattern.maximumTextBytes) {
                let most = OutputPattern.maximumTextBytes
                return [
                    .init(pointer, .stdoutTooLong, "a pattern is looked for in at most \(most) bytes, \(found)")
                ]
            }
            guard let bytes else { return [.init(pointer, .outputMissing, "no runner uploaded stdout")] }
            if pattern.occurs(in: bytes) { return [] }
            return [.init(pointer, .stdoutNoMatch, "the pattern does not occur, \(found)")]
        }
    }
}
