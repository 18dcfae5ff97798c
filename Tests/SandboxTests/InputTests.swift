import AsyncHTTPClient
import Foundation
import Logging
import ParityProtocol
import TestSupport
import Testing

@testable import Sandbox

/// What a container is given: standard input and trees.
@Suite(.serialized) struct InputTests {
    private static let client = HTTPClient(eventLoopGroupProvider: .singleton)
    private static let image = "parity-test/busybox"
    private let label = "network.parity.runner=test-\(UUID().uuidString)"

    private func run(
        _ script: String, stdin: SandboxJob.Input.Content? = nil, tree: [UInt8]? = nil,
        name: String = "parity-test-\(UUID().uuidString.lowercased())",
        limits: TaskLimits = TaskLimits(wallSeconds: 30)
    ) async throws -> (result: SandboxResult, stdout: String) {
        let engine = try DockerEngine(endpoint: try TestEnvironment.docker, client: Self.client)
        let found = try #require(
            try await engine.image(Self.image), "\(Self.image) is missing: deploy/test makes it")
        return try await Self.withFolder { scratch in
            let archive = "\(scratch)/tree.tar"
            if let tree {
                try Data(tree).write(to: URL(filePath: archive))
                try InputTree.check(archive)
            }
            let spec = TaskSpec(
                environment: .imageID(try #require(Digest(found.id))), command: ["sh", "-c", script], limits: limits,
                reward: try #require(Amount(units: 1)))
            let parts = label.split(separator: "=")
            let job = SandboxJob(
                name: name, image: found.id, spec: spec, inputs: [],
                trees: tree == nil ? [] : [.init(path: "t", archive: archive)], stdin: stdin,
                labels: [String(parts[0]): String(parts[1])], scratch: scratch)
            let sandbox = Sandbox(engine: engine, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            let result = try await sandbox.prepare(job).execute()
            #expect(try await engine.containers(label: label).isEmpty, "no container is left")
            let path = result.manifest.flatMap { result.contents[$0.stdout.digest] }
            let stdout = try path.map { String(decoding: try Data(contentsOf: URL(filePath: $0)), as: UTF8.self) }
            return (result, stdout ?? "")
        }
    }

    private static func withFolder<T>(_ body: (String) async throws -> T) async throws -> T {
        let folder = FileManager.default.temporaryDirectory.appending(path: TestEnvironment.uniqueName()).path()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        return try await body(folder)
    }

    /// More than pipes and sockets hold.
    private static let large = (0..<6_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }

    @Test(.timeLimit(.minutes(25)))
    func `Standard input arrives whole and ends, whatever the command does with it`() async throws {
        for (script, stdin, stdout) in [
            ("cat; echo end", [UInt8]("in\n".utf8), "in\nend\n"),
            ("wc -c", [0, 255, 10, 13], "4\n"),
            ("wc -c", Self.large, "6000000\n"),
            ("cat | cat | sha256sum", Self.large, "\(Digest.sha256(of: Self.large).hex)  -\n"),
            ("echo not read", Self.large, "not read\n"),
            ("head -c 3; exec 0<&-; sleep 0.2; echo closed", Array("abcdef".utf8), "abcclosed\n"),
            ("exec 2>&-; sleep 0.5; cat; sleep 0.5; echo late", Array("in\n".utf8), "in\nlate\n"),
        ] {
            let (result, found) = try await run(script, stdin: .bytes(stdin))
            #expect(result.outcome == .completed && result.exitCode == 0, "\(script): \(result.detail)")
            #expect(found == stdout, "\(script)")
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `Input and output stream at once, from a file of any size`() async throws {
        try await Self.withFolder { folder in
            let path = "\(folder)/stdin"
            try Data(Self.large).write(to: URL(filePath: path))
            let (result, _) = try await run("cat", stdin: .file(path: path, size: Int64(Self.large.count)))
            #expect(result.manifest?.stdout.digest == Digest.sha256(of: Self.large), "\(result.detail)")
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `Without a standard input there is an empty one`() async throws {
        #expect(try await run("cat; wc -c; read x || echo none").stdout == "0\nnone\n")
    }

    @Test(.timeLimit(.minutes(25)))
    func `Limits hold for a command that reads`() async throws {
        let small = TaskLimits(wallSeconds: 20, outputBytes: 1 << 20)
        #expect(try await run("cat", stdin: .bytes(Self.large), limits: small).result.outcome == .limitExceeded)
        let quick = TaskLimits(wallSeconds: 1)
        #expect(try await run("sleep 60", stdin: .bytes(Self.large), limits: quick).result.outcome == .timedOut)
        let job = try await run("no-such-program", stdin: .bytes([1]), limits: small).result
        #expect(job.outcome == .completed && job.exitCode == 127)
    }

    @Test(.timeLimit(.minutes(25)))
    func `Cancelling ends a command that waits for input`() async throws {
        let engine = try DockerEngine(endpoint: try TestEnvironment.docker, client: Self.client)
        let name = "parity-test-\(UUID().uuidString.lowercased())"
        let task = Task { try await run("sleep 60", stdin: .bytes(Self.large), name: name) }
        let started = try await TestEnvironment.eventually { (try? await engine.state(name))?.isRunning == true }
        #expect(started)
        task.cancel()
        _ = await task.result
        let gone = try await TestEnvironment.eventually { try await engine.containers(label: label).isEmpty }
        #expect(gone)
    }

    @Test(.timeLimit(.minutes(25)))
    func `A tree is a folder of root's with the times, names and rights of no machine`() async throws {
        func entry(
            _ path: [UInt8], _ kind: TarEntry.Kind, mode: Int = 0o600, content: String = "", link: String = ""
        ) -> [UInt8] {
            TarEntry(
                path: path, kind: kind, mode: mode, size: Int64(content.utf8.count), link: Array(link.utf8), owner: 77
            ).headerBytes() + Array(content.utf8) + TarEntry.padding(after: Int64(content.utf8.count))
        }
        let tree =
            entry(Array("./".utf8), .directory) + entry(Array("a/b/run".utf8), .file, mode: 0o6711, content: "echo ran")
            + entry(Array("a/b/same".utf8), .hardlink, link: "a/b/run")
            + entry(Array("a/link".utf8), .symlink, link: "b/run") + entry([0xFF], .file, content: "x")
            + entry(Array("empty".utf8), .directory) + TarEntry.trailer
        let script = """
            cd /input/t; find . -type d -o -type f -o -type l | sort | while read -r f; do
            stat -c '%a %u %g %Y %F' "$f"; done | sort | uniq -c | sort -n; printf '%s ' * | od -An -c | tr -s ' '
            cat a/link
            /bin/sh a/b/same; stat -c %h a/b/same; touch a/x 2>/dev/null || echo read-only
            """
        let (result, stdout) = try await run(script, tree: tree)
        #expect(result.exitCode == 0, "\(result.detail)")
        #expect(
            stdout.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) } == [
                "1 644 0 0 0 regular file", "1 777 0 0 0 symbolic link", "2 755 0 0 0 regular file",
                "4 755 0 0 0 directory", #"a e m p t y 377"#, "echo ranran", "2", "read-only",
            ])
    }

    @Test func `A file that is no tree is refused before anything is unpacked`() async throws {
        try await Self.withFolder { folder in
            for (name, bytes) in [
                ("empty", []), ("text", Array("hello".utf8)), ("cut", [UInt8](repeating: 0, count: 100)),
                ("climbing", TarEntry(path: Array("../x".utf8), kind: .file).headerBytes() + TarEntry.trailer),
            ] as [(String, [UInt8])] {
                let path = "\(folder)/\(name)"
                try Data(bytes).write(to: URL(filePath: path))
                #expect(throws: TarError.self, "\(name)") { try InputTree.check(path) }
            }
        }
    }
}
