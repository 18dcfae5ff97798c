import ArgumentParser
import AsyncHTTPClient
import NIOCore
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
            let id = try argument.id()
            let base = "/v1/tasks/\(id)"
            if stdout { return try await fetch("\(base)/output-stdout", to: output ?? "-", gateway) }
            if let path {
                guard let parts = OutputPath.components(path), let name = parts.last else {
                    throw CommandFailure(.usage, "\(path) is not a path inside an output")
                }
                let escaped = parts.map { GatewayClient.escape($0) }.joined(separator: "/")
                return try await fetch("\(base)/output/\(escaped)", to: output ?? name, gateway)
            }
            if tar { return try await fetch("\(base)/output", to: output ?? "parity-\(id).tar", gateway) }
            guard output != "-" else { throw CommandFailure(.usage, "standard output takes a file, --stdout or --tar") }
            try await unpack("\(base)/output", to: output ?? "parity-\(id)", gateway)
        }
    }

    private func fetch(_ path: String, to destination: String, _ gateway: GatewayClient) async throws {
        let response = try await gateway.download(path)
        try await OutputFile.write(response.body, to: destination, isForced: force)
        guard destination != "-" else { return }
        Console.line(client.json ? Self.json(["path": .string(destination)]) : destination)
    }

    private func unpack(_ path: String, to destination: String, _ gateway: GatewayClient) async throws {
        var count = 0
        var warnings: [String] = []
        let folder = OutputFolder(destination: destination, isForced: force)
        try await folder.filled { partial in
            let response = try await gateway.download(path)
            var reader = TarReader(response.body.makeAsyncIterator())
            let extractor = try OutputExtractor(folder: partial)
            try await extractor.extract(&reader)
            (count, warnings) = (extractor.files, extractor.warnings)
        }
        for warning in warnings { Console.error("parity: \(warning)") }
        let text = "\(destination)/ (\(count) file\(count == 1 ? "" : "s"))"
        Console.line(
            client.json ? Self.json(["path": .string(destination), "files": .integer(Int64(count))]) : text)
    }

    private static func json(_ value: JSONValue) -> String { value.canonicalString }
}
