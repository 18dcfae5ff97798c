import ParityProtocol
import TestSupport
import Testing

@testable import ParityCLI

@Suite struct CLIImageTagTests {
    @Test(arguments: [
        ("busybox", "busybox", "busybox:latest"), ("busybox:1.36", "busybox", "busybox:1.36"),
        ("localhost:5000/a/b", "localhost:5000/a/b", "localhost:5000/a/b:latest"),
        ("localhost:5000/a/b:c", "localhost:5000/a/b", "localhost:5000/a/b:c"),
    ])
    func `A name has a repository and a tag`(name: String, repository: String, tagged: String) {
        #expect(ImageTags.isTag(name))
        #expect(ImageTags.repository(of: name) == repository)
        #expect(ImageTags.tagged(name) == tagged)
    }

    @Test(arguments: [Samples.image, "a:b@sha256:x", "\(Digest.sha256(of: []))", ""])
    func `What is pinned, or no name, is left as it is`(reference: String) { #expect(!ImageTags.isTag(reference)) }

    @Test(.timeLimit(.minutes(25)))
    func `A tag is pinned by the digest that its registry has, and shown`() async throws {
        try await PrivateServer.withRegistry { registry in
            let engine = try TestEnvironment.docker
            func docker(_ arguments: String...) async throws -> String {
                try await TestCommand.run("docker", ["-H", engine] + arguments)
            }
            let repository = "\(try registry.address("address"))/\(TestEnvironment.uniqueName())"
            let tag = "\(repository):1.0"
            _ = try await docker("tag", "parity-test/busybox", tag)
            let pushed = try await docker("push", tag)
            _ = try await docker("image", "rm", tag)
            func submit(_ image: String, engine: String = engine) async throws -> ParityExecutable.Run {
                try await ParityExecutable.run(
                    ["submit", "--dry-run", "--image", image, "--reward", "1", "--", "true"],
                    environment: ["DOCKER_HOST": engine])
            }
            let run = try await submit(tag)
            #expect(run.status == 0, "\(run.errors)")
            let spec = try TaskSpec(
                parsing: try #require(try JSONValue.parse(Array(run.output.utf8))["spec"]))
            guard case .image(let pinned) = spec.environment else {
                Issue.record("no image: \(run.output)")
                return
            }
            let digest = try #require(pinned.split(separator: "@").last)
            #expect(pinned == "\(repository)@\(digest)" && pushed.contains("digest: \(digest) "))
            #expect(run.errors.contains("\(tag) is \(pinned)"))

            let unknown = try await submit("\(repository):2.0")
            #expect(unknown.status == CommandExit.notFound.rawValue && unknown.errors.contains("no registry shows"))
            #expect(unknown.errors.contains("--image-archive"))
            let alone = try await submit(tag, engine: "unix:///nonexistent.sock")
            #expect(alone.status == CommandExit.refused.rawValue && alone.errors.contains("\(repository)@sha256:"))
        }
    }
}
