import Testing

@testable import ParityProtocol

/// Manifests that a runner signed and nobody's files stand behind.
@Suite struct HostileManifestTests {
    private func manifest(files: Int, size: Int64) throws -> [UInt8] {
        let content = OutputManifest.Content(digest: Digest.sha256(of: []), size: size)
        let entries = (0..<files).map {
            OutputManifest.Entry(path: .init("f\($0)"), kind: .file(content, isExecutable: false))
        }
        return OutputManifest(exitCode: 0, stdout: content, files: entries).canonicalBytes
    }

    @Test func `Sizes that no number holds are the largest`() throws {
        let bytes = try manifest(files: 1100, size: (1 << 53) - 1)
        let manifest = try #require(OutputManifest(canonical: bytes))
        #expect(manifest.contentBytes == .max)
        var expectation = TaskExpectation()
        expectation.maximumOutputBytes = 1
        let ballot = Ballot(outcome: .completed, digest: manifest.digest, exitCode: 0)
        let failures = expectation.failures(of: JudgedOutput(ballot: ballot, manifest: manifest, stdout: nil))
        #expect(failures.map(\.code) == [.outputTooLarge])
    }

    @Test func `More files than any spec allows are no manifest`() throws {
        #expect(OutputManifest(canonical: try manifest(files: OutputManifest.maximumFiles, size: 0)) != nil)
        #expect(OutputManifest(canonical: try manifest(files: OutputManifest.maximumFiles + 1, size: 0)) == nil)
    }
}
