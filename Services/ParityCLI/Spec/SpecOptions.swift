import ArgumentParser
import ParityProtocol

/// The parts of a spec that flags can give; they win over a spec file.
struct SpecOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The image: repository@sha256:…, repository:tag, which is pinned by its digest first, or the sha256:… id "
                + "of one that the runners hold."))
    var image: String?

    @Option(help: ArgumentHelp("A `docker save` archive to upload and run.", valueName: "file.tar"))
    var imageArchive: String?

    @Option(
        help: ArgumentHelp(
            "A folder with a Dockerfile, or the Dockerfile: a builder makes the image of it.", valueName: "folder"))
    var dockerfile: String?

    @Option(help: ArgumentHelp("A value for the Dockerfile's ARG; repeatable.", valueName: "NAME=VALUE"))
    var buildArg: [String] = []

    @Option(help: ArgumentHelp("Files for /input: a file, name=file, or folder; repeatable.", valueName: "[name=]path"))
    var input: [String] = []

    @Option(help: ArgumentHelp("An environment variable; repeatable.", valueName: "NAME=VALUE"))
    var env: [String] = []

    @Option(help: ArgumentHelp("Replaces the image's entrypoint; repeat for each word.", valueName: "word"))
    var entrypoint: [String] = []

    @Option(help: ArgumentHelp("The working directory inside the container.", valueName: "path"))
    var workdir: String?

    @Option(help: ArgumentHelp("What the task pays, in tokens, such as 1.5.", valueName: "tokens"))
    var reward: String?

    @Option(help: "How many runners execute it.")
    var replicas: Int64?

    @Option(help: "How many must agree; more than half of the replicas.")
    var quorum: Int64?

    @Option(help: "How many may be tried when some are lost.")
    var maxReplicas: Int64?

    @Option(help: ArgumentHelp("Memory of one run, such as 256M.", valueName: "size"))
    var memory: String?

    @Option(help: ArgumentHelp("CPUs of one run, such as 0.5.", valueName: "count"))
    var cpu: String?

    @Option(help: ArgumentHelp("Wall-clock limit of one run.", valueName: "seconds"))
    var wall: Int64?

    @Option(help: ArgumentHelp("Size limit of /output, such as 64M.", valueName: "size"))
    var outputSize: String?

    @Option(help: ArgumentHelp("The exit code that you expect.", valueName: "code"))
    var expectExit: Int64?

    @Option(name: .customLong("class"), help: "Platform and size of machine.")
    var taskClass: String?

    @Option(help: ArgumentHelp("After this an undecided task fails.", valueName: "seconds"))
    var deadline: Int64?
}

extension SpecOptions {
    /// `spec` with what the flags say put over it. Inputs and archive are ``SpecBuilder``'s.
    func apply(to spec: JSONValue, command: [String]) throws -> JSONValue {
        guard case .object(var members) = spec else {
            throw CommandFailure(.refused, "the spec must be an object, found \(spec.kindName)")
        }
        if let image { members["environment"] = Self.environment(image) }
        if !command.isEmpty { members["command"] = .array(command.map(JSONValue.string)) }
        if !entrypoint.isEmpty { members["entrypoint"] = .array(entrypoint.map(JSONValue.string)) }
        if let workdir { members["workdir"] = .string(workdir) }
        if let taskClass { members["class"] = .string(taskClass) }
        if let deadline { members["deadline_seconds"] = .integer(deadline) }
        if let reward { members["reward"] = .integer(try Self.amount(reward, flag: "--reward").units) }
        try members.merge("env", with: environmentVariables())
        try members.merge("limits", with: limits())
        try members.merge("verification", with: verification())
        try members.merge("expect", with: expectExit.map { ["exit_code": .integer($0)] } ?? [:])
        return .object(members)
    }

    private static func environment(_ image: String) -> JSONValue {
        Digest(image) != nil ? ["image_id": .string(image)] : ["image": .string(image)]
    }

    private func environmentVariables() throws -> [String: JSONValue] {
        var variables: [String: JSONValue] = [:]
        for (name, value) in try Self.assignments(env, flag: "--env") { variables[name] = .string(value) }
        return variables
    }

    static func assignments(_ flags: [String], flag: String) throws -> [String: String] {
        var values: [String: String] = [:]
        for assignment in flags {
            guard let equals = assignment.firstIndex(of: "=") else {
                throw CommandFailure(.usage, "\(flag) \(assignment): NAME=VALUE is expected")
            }
            values[String(assignment[..<equals])] = String(assignment[assignment.index(after: equals)...])
        }
        return values
    }

    private func limits() throws -> [String: JSONValue] {
        var limits: [String: JSONValue] = [:]
        limits["memory_bytes"] = try Self.bytes(memory, flag: "--memory")
        limits["output_bytes"] = try Self.bytes(outputSize, flag: "--output-size")
        limits["wall_seconds"] = wall.map(JSONValue.integer)
        if let cpu {
            guard let milli = MilliCount.parse(cpu) else {
                throw CommandFailure(.usage, "--cpu \(cpu): a count such as 1 or 0.5 is expected")
            }
            limits["cpu_milli"] = .integer(milli)
        }
        return limits
    }

    private func verification() -> [String: JSONValue] {
        var rules: [String: JSONValue] = [:]
        rules["replicas"] = replicas.map(JSONValue.integer)
        rules["quorum"] = quorum.map(JSONValue.integer)
        rules["max_replicas"] = maxReplicas.map(JSONValue.integer)
        return rules
    }

    private static func bytes(_ text: String?, flag: String) throws -> JSONValue? {
        guard let text else { return nil }
        guard let count = ByteCount.parse(text) else {
            throw CommandFailure(.usage, "\(flag) \(text): a size such as 256M is expected")
        }
        return .integer(count)
    }

    static func amount(_ text: String, flag: String) throws -> Amount {
        guard let amount = Amount(decimal: text) else {
            throw CommandFailure(
                .usage, "\(flag) \(text): tokens such as 1.5 are expected, with at most six decimals")
        }
        return amount
    }
}

extension [String: JSONValue] {
    /// Puts `members` into the object `name`, which is made when it is missing.
    fileprivate mutating func merge(_ name: String, with members: [String: JSONValue]) throws {
        guard !members.isEmpty else { return }
        let present = self[name] ?? [:]
        guard case .object(var object) = present else {
            throw CommandFailure(.refused, "/\(name): expected an object, found \(present.kindName)")
        }
        object.merge(members) { _, new in new }
        self[name] = .object(object)
    }
}
