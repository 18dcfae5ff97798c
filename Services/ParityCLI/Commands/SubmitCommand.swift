import ArgumentParser
import FoundationEssentials
import ParityProtocol
import Telemetry

struct SubmitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "submit",
        abstract: "Submit a task and print its id.",
        discussion: """
            A spec file is YAML or JSON (`-` reads standard input); flags win over it. Small inputs travel in the \
            spec, larger ones and image archives are uploaded first, once.

              parity submit task.yaml --watch
              parity submit --image-archive tool.tar --input data.csv --reward 1.5 --watch -- sort /input/data.csv
              parity submit --dockerfile . --reward 1.5 --watch -- ./run
            """)

    @Argument(help: ArgumentHelp("The spec; - is standard input.", valueName: "spec-file"))
    var file: String?

    @OptionGroup(title: "Spec options") var spec: SpecOptions

    @Flag(help: "Wait for the end; the exit code tells it.")
    var wait = false

    @Flag(name: .shortAndLong, help: "Show the progress until the end; the exit code tells it.")
    var watch = false

    @Option(help: ArgumentHelp("Give up waiting after this; the task goes on.", valueName: "duration"))
    var timeout: String?

    @Flag(help: "Check the spec here and print it with its digest; send nothing.")
    var dryRun = false

    @OptionGroup var client: ClientOptions

    @Argument(parsing: .postTerminator, help: ArgumentHelp("The command to run, after --.", valueName: "command"))
    var command: [String] = []

    func run() async throws {
        try await client.run { gateway in
            let limit = try Watching.timeout(timeout)
            let source = SpecFile(path: file)
            let submission = try await SpecBuilder.build(
                document: try source.document(), folder: source.folder, options: spec, command: command)
            if dryRun { return try show(submission) }
            for upload in submission.uploads {
                try await self.upload(upload, as: submission.contents[upload.path] ?? upload.path, gateway)
            }
            withExtendedLifetime(submission) {}
            let answer = try await gateway.submit(submission.spec)
            let id = answer.value.id
            guard wait || watch else { return Console.line(client.json ? answer.json.trimmingNewlines : "\(id)") }
            let terminal = Terminal.standardOutput
            let style = watch ? WatchView.style(json: client.json, terminal: terminal) : .silent
            if !client.json, style != .live { Console.line("\(id)") }
            let task = try await Watching.follow(id, client: gateway, style: style, timeout: limit)
            if style == .silent { finish(task) }
            let status = Watching.status(task.value)
            if status == .success, watch, !client.json { Console.line("`parity output \(id)` fetches the output") }
            if status != .success { throw ExitCode(status.rawValue) }
        }
    }

    private func show(_ submission: SpecBuilder.Submission) throws {
        let spec = try TaskSpec(parsing: submission.spec)
        let shown: JSONValue = ["spec": spec.json, "spec_digest": .string("\(spec.digest)")]
        Console.line(shown.canonicalString)
    }

    private func upload(_ file: LocalFile, as name: String, _ gateway: GatewayClient) async throws {
        let isSent = try await gateway.upload(file)
        let verb = isSent ? "uploaded" : "already there:"
        Console.error("\(verb) \(name) (\(ByteCount.text(file.size)))")
    }

    private func finish(_ task: GatewayClient.Answer<TaskObject>) {
        if client.json { return Console.line(task.json.trimmingNewlines) }
        for line in TaskText.status(task.value) { Console.line(line.render(.standardOutput)) }
    }
}
