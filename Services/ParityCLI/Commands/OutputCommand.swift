import ArgumentParser
import ParityProtocol

struct OutputCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "output",
        abstract: "Fetch the verified output of a task.",
        discussion: """
              parity output ID                 unpack all files into the folder parity-ID
              parity output ID model/a.bin     fetch one file
              parity output ID --stdout        print what the command wrote to standard output
              parity output ID --tar -o a.tar  keep the archive as it is

            Whatever is fetched is hashed and compared with the digest that the runners agreed on.
            """)

    @OptionGroup var argument: TaskArgument

    @Argument(help: "One file of the output; all of it without.")
    var path: String?

    @Flag(help: "What the command wrote to standard output.")
    var stdout = false

    @Flag(help: "Keep the tar archive; do not unpack it.")
    var tar = false

    @Option(
        name: [.customShort("o"), .long],
        help: ArgumentHelp("Where to put it; - is standard output.", valueName: "path"))
    var output: String?

    @Flag(help: "Replace what is in the way.")
    var force = false

    @OptionGroup var client: ClientOptions

    func validate() throws {
        if [path != nil, stdout, tar].count(where: { $0 }) > 1 {
            throw ValidationError("a path, --stdout and --tar exclude each other")
        }
    }

    func run() async throws {
        try await client.run { gateway in
            let parts = try path.map { path in
                guard let parts = OutputPath.components(path.utf8), !parts.isEmpty else {
                    throw CommandFailure(.usage, "\(path) is not a path inside an output")
                }
                return parts
            }
            if !stdout, !tar, parts == nil, output == "-" {
                throw CommandFailure(.usage, "standard output takes a file, --stdout or --tar")
            }
            let id = try argument.id()
            let fetched = try await VerifiedOutput.of(id, from: gateway)
            if stdout { return try await save(fetched.manifest.stdout, "its standard output", of: fetched, to: "-") }
            if let parts {
                let path = OutputPath.text(parts)
                guard let content = fetched.content(at: OutputManifest.Path(path)) else {
                    throw CommandFailure(.notFound, "the output has no file \(path); --tar shows all that it has")
                }
                return try await save(content, path, of: fetched, to: OutputPath.text(parts.suffix(1)))
            }
            if tar { return try await saveArchive(of: fetched, to: output ?? "parity-\(id).tar") }
            try await unpack(fetched, to: output ?? "parity-\(id)")
        }
    }

    private func save(
        _ content: OutputManifest.Content, _ name: String, of fetched: VerifiedOutput, to standard: String
    ) async throws {
        let destination = output ?? standard
        try await OutputFile.write(
            try await fetched.bytes(of: content, named: name), to: destination, isForced: force)
        report(destination)
    }

    private func saveArchive(of fetched: VerifiedOutput, to destination: String) async throws {
        let archive = CheckedArchive(source: try await fetched.archive(), manifest: fetched.manifest) { _ in }
        try await OutputFile.write(archive, to: destination, isForced: force)
        report(destination)
    }

    private func report(_ destination: String) {
        guard destination != "-" else { return }
        Console.line(client.json ? Self.json(["path": .string(destination)]) : destination)
    }

    private func unpack(_ fetched: VerifiedOutput, to destination: String) async throws {
        var count = 0
        var warnings: [String] = []
        let folder = OutputFolder(destination: destination, isForced: force)
        try await folder.filled { partial in
            let extractor = try OutputExtractor(folder: partial)
            let archive = CheckedArchive(
                source: try await fetched.archive(), manifest: fetched.manifest, onEvent: extractor.take)
            for try await _ in archive {}
            try extractor.finish()
            (count, warnings) = (extractor.files, extractor.warnings)
        }
        for warning in warnings { Console.error("parity: \(warning)") }
        let text = "\(destination)/ (\(count) file\(count == 1 ? "" : "s"))"
        Console.line(
            client.json ? Self.json(["path": .string(destination), "files": .integer(Int64(count))]) : text)
    }

    private static func json(_ value: JSONValue) -> String { value.canonicalString }
}
