import Testing

@testable import ParityProtocol

@Suite struct ExpectationTests {
    private static let text = Array("one\ntwo\n".utf8)
    private static let file = OutputManifest.Content(digest: .sha256(of: [1, 2, 3]), size: 3)

    private var manifest: OutputManifest {
        OutputManifest(
            exitCode: 3, stdout: .init(digest: .sha256(of: Self.text), size: Int64(Self.text.count)),
            files: [
                .init(path: .init("d"), kind: .directory),
                .init(path: .init("d/a"), kind: .file(Self.file, isExecutable: false)),
                .init(path: .init("d/hard"), kind: .file(Self.file, isExecutable: false)),
                .init(path: .init("l"), kind: .symlink(target: .init("d/a"))),
            ])
    }

    private func failures(
        _ expectation: TaskExpectation, stdout: [UInt8]? = text
    ) -> [(pointer: String, code: ExpectationFailure.Code)] {
        let output = JudgedOutput(
            ballot: Ballot(outcome: .completed, digest: manifest.digest, exitCode: 3), manifest: manifest,
            stdout: stdout)
        return expectation.failures(of: output).map { ($0.pointer, $0.code) }
    }

    @Test func `What is met fails nothing`() throws {
        let all = TaskExpectation(
            exitCode: 3, outputDigest: manifest.digest, files: ["d/a", "d/hard"], maximumOutputBytes: 14,
            stdout: .pattern(try OutputPattern("^two$")))
        #expect(failures(all).isEmpty)
        #expect(failures(.init(exitCode: 3, stdout: .bytes(Self.text))).isEmpty)
        #expect(failures(.init(exitCode: 3, stdout: .digest(.sha256(of: Self.text)))).isEmpty)
    }

    @Test func `Everything that is not met is named at once, each by its field`() throws {
        let none = TaskExpectation(
            exitCode: 0, outputDigest: .sha256(of: []), files: ["d", "d/a", "l", "x"], maximumOutputBytes: 13,
            stdout: .pattern(try OutputPattern("three")))
        let found = failures(none)
        #expect(
            found.map(\.pointer) == [
                "/expect/exit_code", "/expect/output_digest", "/expect/files/0", "/expect/files/2", "/expect/files/3",
                "/expect/max_output_bytes", "/expect/stdout/pattern",
            ])
        #expect(
            found.map(\.code) == [
                .exitCode, .outputDigest, .fileMissing, .fileMissing, .fileMissing, .outputTooLarge, .stdoutNoMatch,
            ])
        #expect(failures(.init(exitCode: 3, stdout: .bytes([]))).map(\.code) == [.stdoutDiffers])
        #expect(failures(.init(exitCode: 3, stdout: .digest(.sha256(of: [])))).map(\.code) == [.stdoutDiffers])
    }

    @Test func `An output that was never uploaded meets only what needs no look into it`() throws {
        let ballot = Ballot(outcome: .completed, digest: .sha256(of: []), exitCode: 0)
        let unseen = JudgedOutput(ballot: ballot)
        #expect(TaskExpectation(outputDigest: ballot.digest).failures(of: unseen).isEmpty)
        #expect(TaskExpectation(files: ["a"]).failures(of: unseen).map(\.code) == [.outputMissing])
        let pattern = TaskExpectation(exitCode: 3, stdout: .pattern(try OutputPattern("")))
        #expect(failures(pattern, stdout: nil).map(\.code) == [.outputMissing])
    }

    @Test func `Over its limits a task meets nothing`() {
        let ballot = Ballot(outcome: .limitExceeded, digest: OutputManifest.limitDigest("memory"))
        let failures = TaskExpectation().failures(of: JudgedOutput(ballot: ballot))
        #expect(failures.map(\.code) == [.limitExceeded])
    }

    @Test func `Stdout is read only for a pattern, and only when it is short enough`() throws {
        let pattern = TaskExpectation(stdout: .pattern(try OutputPattern("a")))
        func manifest(_ size: Int) -> OutputManifest {
            OutputManifest(exitCode: 0, stdout: .init(digest: .sha256(of: []), size: Int64(size)), files: [])
        }
        let most = OutputPattern.maximumTextBytes
        #expect(pattern.stdoutToRead(in: manifest(most)) != nil)
        #expect(pattern.stdoutToRead(in: manifest(most + 1)) == nil)
        #expect(TaskExpectation(stdout: .bytes([])).stdoutToRead(in: manifest(0)) == nil)
        let long = JudgedOutput(
            ballot: .init(outcome: .completed, digest: .sha256(of: []), exitCode: 0), manifest: manifest(most + 1))
        #expect(pattern.failures(of: long).map(\.code) == [.stdoutTooLong])
    }

    @Test func `What asks for exit code or digest alone needs no manifest`() throws {
        #expect(!TaskExpectation(exitCode: 1, outputDigest: .sha256(of: [])).readsManifest)
        #expect(TaskExpectation(files: ["a"]).readsManifest)
        #expect(TaskExpectation(maximumOutputBytes: 0).readsManifest)
        #expect(TaskExpectation(stdout: .bytes([])).readsManifest)
    }
}
