import Foundation
import ParityProtocol
import TestSupport
import Testing

@testable import ParityCLI

/// The built executable, run as a script would run it.
@Suite(.timeLimit(.minutes(25))) struct CLICommandTests {
    private func parity(
        _ arguments: [String], environment: [String: String] = [:], input: String = ""
    ) async throws -> ParityExecutable.Run {
        try await ParityExecutable.run(arguments, environment: environment, input: input)
    }

    private static let spec = "schema: parity.task/v1\nenvironment: {image: '\(Samples.image)'}\nreward: 5\n"

    @Test func `submit prints the id and nothing else`() async throws {
        try await FakeGateway.run { _, _ in
            .json(Samples.task(state: "queued", settled: false), status: 201)
        } _: { gateway, url in
            let run = try await parity(["submit", "-", "--gateway", url], input: Self.spec)
            #expect(run.status == 0, "\(run.errors)")
            #expect(run.output == Samples.task + "\n")
            let json = try await parity(["submit", "-", "--json", "--gateway", url], input: Self.spec)
            #expect(json.output == Samples.task(state: "queued", settled: false) + "\n")
            #expect(gateway.requests.count == 2)
        }
    }

    @Test func `everything after the two dashes is the command`() async throws {
        let run = try await parity([
            "submit", "--dry-run", "--image", Samples.image, "--reward", "0.5", "--", "sh", "-c", "echo --reward 9",
            "--",
        ])
        #expect(run.status == 0, "\(run.errors)")
        let value = try JSONValue.parse(Array(run.output.utf8))
        #expect(value["spec"]?["command"] == ["sh", "-c", "echo --reward 9", "--"])
        #expect(value["spec"]?["reward"] == 500_000)
        #expect(value["spec_digest"]?.string == (try TaskSpec(parsing: try #require(value["spec"]))).digest.description)
    }

    @Test(arguments: [
        ("verified", false, CommandExit.success), ("verified", true, .expectationFailed),
        ("no_consensus", false, .noConsensus), ("failed", false, .failed), ("cancelled", false, .cancelled),
    ]) func `the end of a task is the exit code`(state: String, expectationFailed: Bool, status: CommandExit)
        async throws
    {
        try await FakeGateway.run { request, _ in
            if request.path.hasSuffix("/events") {
                let decided = "{\"verdict\":\"\(state)\",\"output_digest\":null}"
                return .events(
                    Samples.event(1, "task.decided", decided), Samples.event(2, "task.settled", "{\"paid\":0}"))
            }
            return .json(
                Samples.task(state: state, expectationFailed: expectationFailed),
                status: request.method == "POST" ? 201 : 200)
        } _: { _, url in
            for arguments in [["submit", "-", "--wait"], ["submit", "-", "--watch"], ["watch", Samples.task]] {
                let run = try await parity(arguments + ["--gateway", url], input: Self.spec)
                #expect(run.status == status.rawValue, "\(arguments) \(run.errors)")
                #expect(!run.output.contains("\u{1B}"))
            }
            let json = try await parity(["watch", Samples.task, "--json", "--gateway", url])
            #expect(json.output.split(separator: "\n").count == 3)
            for line in json.output.split(separator: "\n") { _ = try JSONValue.parse(Array(line.utf8)) }
        }
    }

    @Test func `a task that does not end in time has a code of its own`() async throws {
        try await FakeGateway.run { request, _ in
            request.path.hasSuffix("/events")
                ? .events(": wait\n\n") : .json(Samples.task(state: "running", settled: false))
        } _: { _, url in
            let run = try await parity(["watch", Samples.task, "--timeout", "300ms", "--gateway", url])
            #expect(run.status == CommandExit.timedOut.rawValue, "\(run.errors)")
        }
    }

    @Test func `faults are printed one a line`() async throws {
        let run = try await parity(["submit", "-"], input: "schema: parity.task/v1\nimage: x\nreward: -1\n")
        #expect(run.status == CommandExit.refused.rawValue)
        #expect(run.output.isEmpty)
        #expect(run.errors.contains("\n  /environment: "))
        #expect(run.errors.contains("\n  /image: there is no field of this name (unknown_field)\n"))
        #expect(run.errors.contains("\n  /reward: "))
    }

    /// A gateway with one verified task, whose answer to requests that end in `lie` has byte `position` changed.
    private func withOutput(
        lie: String? = nil, at position: Int = 0, _ body: (TemporaryFolder, [String]) async throws -> Void
    ) async throws {
        let answers = Samples.outputAnswers()
        try await FakeGateway.run { request, _ in
            guard var bytes = answers[request.path] else { return .problem(404, "not_found") }
            if let lie, request.path.hasSuffix(lie) { bytes[position] ^= 1 }
            return .bytes(bytes)
        } _: { _, url in
            try await TemporaryFolder.with { folder in try await body(folder, ["--gateway", url]) }
        }
    }

    @Test func `an output is unpacked, streamed, and not overwritten`() async throws {
        try await withOutput { folder, gateway in
            let printed = try await parity(["output", Samples.task, "--stdout"] + gateway)
            #expect(printed.output == "printed\n")
            let fetch = ["output", Samples.task, "a b/c.txt", "-o", "\(folder.path)/c.txt"] + gateway
            #expect(try await parity(fetch).status == 0)
            #expect(try folder.read("c.txt") == "hello")
            #expect(try await parity(fetch).status == CommandExit.exists.rawValue)
            #expect(try await parity(fetch + ["--force"]).status == 0)
            #expect(try await parity(["output", Samples.task, "-o", "\(folder.path)/all"] + gateway).status == 0)
            #expect(try folder.read("all/a b/c.txt") == "hello")
            let none = try await parity(["output", Samples.task, "none", "-o", "\(folder.path)/n"] + gateway)
            #expect(none.status == CommandExit.notFound.rawValue)
            #expect(try folder.names == ["all", "c.txt"])
            let outside = try await parity(["output", Samples.task, "../x"] + gateway)
            #expect(outside.status == CommandExit.usage.rawValue)
        }
    }

    @Test(arguments: [
        (["a b/c.txt"], Samples.content("hello").digest.description, 4),
        (["--stdout"], Samples.manifest.digest.description, 9),
        ([], "/output", 512), (["--tar"], "/output", 512), ([], Samples.manifest.digest.description, 0),
    ])
    func `a gateway that lies about an output is found out`(what: [String], lie: String, position: Int) async throws {
        try await withOutput(lie: lie, at: position) { folder, gateway in
            let run = try await parity(["output", Samples.task, "-o", "\(folder.path)/x"] + what + gateway)
            #expect(run.status == CommandExit.mismatch.rawValue)
            #expect(run.errors.contains("is not what the runners agreed on"))
            #expect(try folder.names == [])
        }
    }

    @Test func `account commands show amounts as decimals`() async throws {
        try await FakeGateway.run { request, _ in
            .json(Samples.account, status: request.method == "POST" ? 201 : 200)
        } _: {
            gateway, url in
            let balance = try await parity(["balance", "--gateway", url], environment: ["PARITY_API_KEY": "k1"])
            #expect(balance.output.contains("2.5"))
            #expect(balance.output.contains("0.000001"))
            #expect(gateway.requests.last?.headers["authorization"] == "Bearer k1")
            let deposit = try await parity(["deposit", "1.000001", "--gateway", url])
            #expect(deposit.status == 0, "\(deposit.errors)")
            #expect(gateway.requests.last?.body.contains("1000001") == true)
            let made = try await parity(["account", "create", "new", "--gateway", url])
            #expect(made.output.contains("api key  k"))
        }
    }

    @Test func `login keeps the key and later commands use it`() async throws {
        try await FakeGateway.run { _, _ in
            .json(Samples.account)
        } _: { gateway, url in
            try await TemporaryFolder.with { folder in
                let home = ["HOME": folder.path]
                let login = try await parity(["login", "--gateway", url], environment: home, input: "kept-key\n")
                #expect(login.status == 0, "\(login.errors)")
                #expect(try await parity(["balance"], environment: home).status == 0)
                #expect(gateway.requests.map { $0.headers["authorization"] } == ["Bearer kept-key", "Bearer kept-key"])
                #expect(!login.output.contains("kept-key"))
            }
        }
    }

    @Test func `nobody there, a bad setting, a bad flag: each has its code`() async throws {
        let nobody = try UnservedPort()
        let unreachable = try await parity(["list", "--gateway", "http://127.0.0.1:\(nobody.port)"])
        #expect(unreachable.status == CommandExit.unreachable.rawValue)
        let setting = try await parity(["list"], environment: ["PARITY_GATEWAY_URL": "nonsense"])
        #expect(setting.status == CommandExit.settings.rawValue)
        #expect(setting.errors.contains("PARITY_GATEWAY_URL is \"nonsense\""))
        #expect(try await parity(["list", "--nonsense"]).status == CommandExit.usage.rawValue)
        #expect(try await parity(["status", "nonsense"]).status == CommandExit.usage.rawValue)
    }

    @Test(arguments: ["bash", "zsh", "fish"]) func `shells get completions`(shell: String) async throws {
        let run = try await parity(["--generate-completion-script", shell])
        #expect(run.status == 0)
        #expect(run.output.contains("submit"))
    }
}
