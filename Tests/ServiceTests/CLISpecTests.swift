import ArgumentParser
import Foundation
import ParityProtocol
import Testing

@testable import ParityCLI

@Suite struct CLISpecTests {
    private func build(
        _ flags: [String], command: [String] = [], document: JSONValue? = nil, folder: String = "."
    ) async throws -> SpecBuilder.Submission {
        try await SpecBuilder.build(
            document: document, folder: folder, options: try SpecOptions.parse(flags), command: command
        ) { reference in
            "\(ImageTags.repository(of: reference))@\(Digest.sha256(of: Array(reference.utf8)))"
        }
    }

    @Test func `flags alone make a whole spec`() async throws {
        let spec = try await build(
            [
                "--image", Samples.image, "--reward", "1.5", "--env", "A=b=c", "--replicas", "5", "--quorum", "4",
                "--max-replicas", "9", "--memory", "256M", "--cpu", "0.5", "--wall", "60", "--output-size", "1k",
                "--expect-exit", "3", "--workdir", "/w", "--class", "linux-amd64.large", "--deadline", "90",
                "--entrypoint", "/bin/sh",
            ], command: ["-c", "echo hi"]
        ).spec
        let parsed = try TaskSpec(parsing: spec)
        #expect(parsed.environment == .image(Samples.image))
        #expect(parsed.reward.units == 1_500_000)
        #expect(parsed.env == ["A": "b=c"])
        #expect(parsed.verification == VerificationRules(replicas: 5, quorum: 4, maxReplicas: 9))
        #expect(parsed.limits.memoryBytes == 256 << 20)
        #expect(parsed.limits.cpuMilli == 500)
        #expect(parsed.limits.wallSeconds == 60)
        #expect(parsed.limits.outputBytes == 1024)
        #expect(parsed.expect.exitCode == 3)
        #expect(parsed.command == ["-c", "echo hi"])
        #expect(parsed.entrypoint == ["/bin/sh"])
        #expect(parsed.taskClass == "linux-amd64.large")
        #expect(parsed.deadlineSeconds == 90)
    }

    @Test func `flags win over the spec file and leave the rest of it`() async throws {
        let document: JSONValue = [
            "schema": "parity.task/v1", "environment": ["image_id": .string(Samples.digest)], "reward": 7,
            "limits": ["pids": 9, "wall_seconds": 10],
        ]
        let parsed = try TaskSpec(parsing: try await build(["--wall", "20"], document: document).spec)
        #expect(parsed.limits.pids == 9)
        #expect(parsed.limits.wallSeconds == 20)
        #expect(parsed.reward.units == 7)
    }

    @Test func `an image id is told from a reference`() async throws {
        let spec = try await build(["--image", Samples.digest, "--reward", "1"]).spec
        #expect(try TaskSpec(parsing: spec).environment == .imageID(try #require(Digest(Samples.digest))))
    }

    @Test func `a tag is pinned before anything is looked at, in flags and in files`() async throws {
        let pinned = "a.example:5000/b@\(Digest.sha256(of: Array("a.example:5000/b:1".utf8)))"
        let flagged = try await build(["--image", "a.example:5000/b:1", "--reward", "1"]).spec
        #expect(flagged["environment"] == ["image": .string(pinned)])
        let document: JSONValue = [
            "schema": .string(TaskSpec.schema), "reward": 1, "environment": ["image": "a.example:5000/b:1"],
        ]
        #expect(try await build([], document: document).spec["environment"] == ["image": .string(pinned)])
    }

    @Test func `every fault is reported at once`() async throws {
        let error = await #expect(throws: SpecFaults.self) {
            try await build(["--image", "UPPER@sha256:0", "--wall", "0"])
        }
        let pointers = Set(try #require(error).faults.map(\.pointer))
        #expect(pointers.isSuperset(of: ["/environment/image", "/limits/wall_seconds", "/reward"]))
        let failure = CommandRun.describe(try #require(error))
        #expect(failure.status == .refused)
        #expect(failure.lines.count == 1 + pointers.count)
    }

    @Test(arguments: [
        ["--reward", "1.0000001"], ["--reward=-1"], ["--reward", "1e3"], ["--memory", "lots"], ["--cpu", "1.2345"],
        ["--env", "NOVALUE"],
    ]) func `a flag that does not fit is a usage error`(flags: [String]) async {
        let error = await #expect(throws: CommandFailure.self) { try await build(["--image", Samples.image] + flags) }
        #expect(error?.status == .usage)
    }

    @Test func `small inputs travel in the spec, the one that does not fit becomes a blob`() async throws {
        try await TemporaryFolder.with { folder in
            let small = try folder.write("data.csv", "a,b\n")
            let large = try folder.write("large.bin", String(repeating: "x", count: TaskInput.maximumInlineBytes))
            let built = try await build([
                "--image", Samples.image, "--reward", "1", "--input", small, "--input", "model/weights=\(large)",
            ])
            let inputs = try TaskSpec(parsing: built.spec).inputs
            #expect(inputs.map(\.path) == ["data.csv", "model/weights"])
            #expect(inputs[0].content == .inline(Array("a,b\n".utf8)))
            #expect(inputs[1].content == .blob(try LocalFile(large).digest))
            #expect(built.uploads.map(\.path) == [large])
            #expect(built.uploads.first?.size == Int64(TaskInput.maximumInlineBytes))
        }
    }

    @Test func `an input of exactly the inline limit stays in the spec`() async throws {
        try await TemporaryFolder.with { folder in
            let file = try folder.write("x", String(repeating: "x", count: TaskInput.maximumInlineBytes))
            #expect(try await build(["--image", Samples.image, "--reward", "1", "--input", file]).uploads.isEmpty)
        }
    }

    @Test func `a folder brings all its files under its name`() async throws {
        try await TemporaryFolder.with { folder in
            _ = try folder.write("set/b/two.txt", "2")
            _ = try folder.write("set/one.txt", "1")
            let built = try await build(["--image", Samples.image, "--reward", "1", "--input", "\(folder.path)/set"])
            #expect(try TaskSpec(parsing: built.spec).inputs.map(\.path) == ["set/b/two.txt", "set/one.txt"])
        }
    }

    @Test func `files named in a spec file are read from beside it`() async throws {
        try await TemporaryFolder.with { folder in
            _ = try folder.write("in.txt", "hello")
            let archive = try folder.write("image.tar", "not really")
            let document = try SpecDocument.parse(
                Array(
                    """
                    schema: parity.task/v1
                    environment: {image_archive_file: image.tar}
                    reward: 5
                    inputs:
                      - file: in.txt
                      - {path: other.txt, file: in.txt}
                    """.utf8), name: "task.yaml")
            let built = try await build([], document: document, folder: folder.path)
            let parsed = try TaskSpec(parsing: built.spec)
            #expect(parsed.environment == .archive(try LocalFile(archive).digest))
            #expect(parsed.inputs.map(\.path) == ["in.txt", "other.txt"])
            #expect(built.uploads.map(\.path) == ["\(folder.path)/image.tar"])
        }
    }

    @Test func `a missing input is not found`() async {
        let error = await #expect(throws: CommandFailure.self) {
            try await build(["--image", Samples.image, "--reward", "1", "--input", "/no/such/file"])
        }
        #expect(error?.status == .notFound)
    }

    @Test func `YAML and JSON give the same value`() throws {
        let yaml = """
            schema: parity.task/v1
            command: [sort, "-n", '5']
            env: {PORT: "8080", FLAG: yes, VERSION: 1.10, MODE: 0755}
            limits: {pids: 5, wall_seconds: -1}
            """
        let json = """
            {"schema":"parity.task/v1","command":["sort","-n","5"],
             "env":{"PORT":"8080","FLAG":"yes","VERSION":"1.10","MODE":"0755"},"limits":{"pids":5,"wall_seconds":-1}}
            """
        let fromYAML = try SpecDocument.parse(Array(yaml.utf8), name: "a")
        #expect(try SpecDocument.parse(Array(json.utf8), name: "b") == fromYAML)
    }

    @Test(arguments: [
        "a: 1\na: 2\n", "a: [1\n", "{\"a\":1.5}", "{\"a\":1}{", "a: 1\n---\nb: 2\n", "", "[a]: 1\n", "{a: *nothing}",
    ]) func `a broken document is refused by name`(text: String) {
        let error = #expect(throws: CommandFailure.self) { try SpecDocument.parse(Array(text.utf8), name: "task.yaml") }
        #expect(error?.lines.first?.contains("task.yaml") == true)
    }

    @Test func `aliases cannot blow a document up`() {
        var text = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"
        for level in 1...12 {
            let aliases = Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ",")
            text += "a\(level): &a\(level) [\(aliases)]\n"
        }
        #expect(throws: CommandFailure.self) { try SpecDocument.parse(Array(text.utf8), name: "bomb") }
    }

    @Test(arguments: [("1", 1), ("1k", 1024), ("256M", 256 << 20), ("2GiB", 2 << 30), ("7b", 7)])
    func `sizes are read`(text: String, bytes: Int64) { #expect(ByteCount.parse(text) == bytes) }

    @Test(arguments: ["", "M", "1.5G", "-1", "1T", "99999999999999999999", "9999999999999G"])
    func `what is no size is refused`(text: String) { #expect(ByteCount.parse(text) == nil) }

    @Test(arguments: [("1", 1000), ("0.5", 500), ("1.25", 1250), ("0.001", 1)])
    func `CPU counts are read exactly`(text: String, milli: Int64) { #expect(MilliCount.parse(text) == milli) }
}
