import FoundationEssentials
import ParityProtocol

/// Makes a spec of a file, flags and local files, and knows which blobs it needs.
struct SpecBuilder {
    /// What a submission consists of.
    struct Submission: Sendable {
        var spec: JSONValue
        /// To be with the gateway before the spec is submitted.
        var uploads: [LocalFile]
        /// Files that exist for the upload alone.
        var scratch: [ScratchFile] = []
        /// What such a file holds, for people, by its path.
        var contents: [String: String] = [:]
    }

    private(set) var uploads: [LocalFile] = []
    private var scratch: [ScratchFile] = []
    private var contents: [String: String] = [:]
    /// Bytes that may still stand in the spec itself.
    private var inlineBytes = TaskInput.maximumInlineBytes

    /// `document` is the spec file's content, nil when there is none; paths in it are relative to `folder`.
    ///
    /// Beside the fields of the schema a spec file may say `file: path` in an input, `image_archive_file: path` in its
    /// environment, and `folder: path` in the environment's `dockerfile`: the file takes the place of `base64` or `blob`,
    /// and of `image_archive`, the folder that of `context`. An image with a tag is pinned by what `pin` says of it.
    static func build(
        document: JSONValue?, folder: String, options: SpecOptions, command: [String],
        pin: (String) async throws -> String = ImageTags.pin
    ) async throws -> Submission {
        var builder = SpecBuilder()
        let sources = [options.image, options.imageArchive, options.dockerfile].compactMap { $0 }
        guard sources.count <= 1 else {
            throw CommandFailure(.usage, "give one of --image, --image-archive and --dockerfile")
        }
        let start = document ?? ["schema": .string(TaskSpec.schema)]
        var spec = try options.apply(to: start, command: command)
        spec = try await pinned(spec, pin)
        spec = try builder.resolveArchive(in: spec, folder: folder, flag: options.imageArchive)
        spec = try builder.resolveDockerfile(in: spec, folder: folder, options: options)
        spec = try builder.resolveInputs(in: spec, folder: folder, flags: options.input)
        // All faults at once, before anything is uploaded.
        _ = try TaskSpec(parsing: spec)
        return Submission(spec: spec, uploads: builder.uploads, scratch: builder.scratch, contents: builder.contents)
    }

    /// Shows what a tag stands for: the task is about that, whatever the tag will be tomorrow.
    private static func pinned(_ spec: JSONValue, _ pin: (String) async throws -> String) async throws -> JSONValue {
        guard case .object(var members) = spec, case .object(var environment) = members["environment"],
            let named = environment["image"]?.string, ImageTags.isTag(named)
        else { return spec }
        let image = try await pin(named)
        Console.error("\(named) is \(image)")
        environment["image"] = .string(image)
        members["environment"] = .object(environment)
        return .object(members)
    }

    private mutating func resolveArchive(in spec: JSONValue, folder: String, flag: String?) throws -> JSONValue {
        guard case .object(var members) = spec else { return spec }
        var path = flag
        if path == nil, let named = members["environment"]?["image_archive_file"]?.string {
            path = Self.resolve(named, in: folder)
        }
        guard let path else { return spec }
        let file = try LocalFile(path)
        uploads.append(file)
        // What else the file says there is the reader's to judge.
        var environment = flag == nil ? members["environment"]?.object ?? [:] : [:]
        environment["image_archive_file"] = nil
        environment["image_archive"] = .string(file.digest.description)
        members["environment"] = .object(environment)
        return .object(members)
    }

    private mutating func resolveDockerfile(
        in spec: JSONValue, folder: String, options: SpecOptions
    ) throws -> JSONValue {
        guard case .object(var members) = spec else { return spec }
        let document = options.dockerfile == nil ? members["environment"]?["dockerfile"] : nil
        var arguments = document?["args"]?.object?.compactMapValues(\.string) ?? [:]
        arguments.merge(try SpecOptions.assignments(options.buildArg, flag: "--build-arg")) { _, new in new }
        let context: ContextArchive
        if let path = options.dockerfile {
            context = try ContextArchive(path, arguments: arguments)
        } else if let named = document?["folder"]?.string {
            context = try ContextArchive(
                folder: Self.resolve(named, in: folder),
                dockerfile: document?["path"]?.string ?? BuildRecipe.defaultPath, arguments: arguments)
        } else if options.buildArg.isEmpty {
            return spec
        } else {
            throw CommandFailure(.usage, "--build-arg goes with --dockerfile, or a spec file that names a folder")
        }
        uploads.append(context.file)
        scratch.append(context.scratch)
        contents[context.file.path] = "the context \(context.folder)"
        guard var written = document?.object else {
            members["environment"] = ["dockerfile": context.recipe.json]
            return .object(members)
        }
        guard written["context"] == nil else {
            throw CommandFailure(.refused, "/environment/dockerfile: folder and context exclude each other")
        }
        // What else the file says there is the reader's to judge.
        written["folder"] = nil
        written["context"] = .string(context.recipe.context.description)
        if !options.buildArg.isEmpty || written["args"] == nil {
            let given = context.recipe.arguments.mapValues(JSONValue.string)
            written["args"] = .object((written["args"]?.object ?? [:]).merging(given) { _, new in new })
        }
        var environment = members["environment"]?.object ?? [:]
        environment["dockerfile"] = .object(written)
        members["environment"] = .object(environment)
        return .object(members)
    }

    private mutating func resolveInputs(in spec: JSONValue, folder: String, flags: [String]) throws -> JSONValue {
        guard case .object(var members) = spec else { return spec }
        inlineBytes -= Self.inlineBytes(in: members)
        var inputs = try (members["inputs"]?.array ?? []).map { input -> JSONValue in
            guard case .object(var fields) = input, let named = fields["file"]?.string else { return input }
            let path = Self.resolve(named, in: folder)
            fields["file"] = nil
            try fields.merge(content(of: path)) { _, new in new }
            if fields["path"] == nil { fields["path"] = .string(Self.lastComponent(named)) }
            return .object(fields)
        }
        for flag in flags { inputs += try self.inputs(flag) }
        if !inputs.isEmpty { members["inputs"] = .array(inputs) }
        return .object(members)
    }

    /// Bytes that the document itself holds.
    private static func inlineBytes(in members: [String: JSONValue]) -> Int {
        let holders = [members["stdin"]].compactMap { $0 } + (members["inputs"]?.array ?? [])
        return holders.reduce(0) { total, holder in
            let base64 = holder["base64"]?.string.flatMap { Data(base64Encoded: $0)?.count }
            return total + (holder["text"]?.string?.utf8.count ?? base64 ?? 0)
        }
    }

    /// The inputs of one `--input`: a file, or every regular file in a folder.
    private mutating func inputs(_ flag: String) throws -> [JSONValue] {
        let (name, path) = Self.splitInput(flag)
        var isDirectory = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
            throw CommandFailure(.notFound, "--input \(flag): there is no \(path)")
        }
        guard isDirectory else { return [try input(name, path)] }
        let files = try FileManager.default.subpathsOfDirectory(atPath: path).sorted()
        return try files.compactMap { relative in
            let full = "\(path)/\(relative)"
            var isFolder = false
            guard FileManager.default.fileExists(atPath: full, isDirectory: &isFolder), !isFolder else { return nil }
            return try input("\(name)/\(relative)", full)
        }
    }

    private mutating func input(_ name: String, _ path: String) throws -> JSONValue {
        .object(try content(of: path).merging(["path": .string(name)]) { _, new in new })
    }

    /// Small files stand in the spec, the others become blobs.
    private mutating func content(of path: String) throws -> [String: JSONValue] {
        let size = try LocalFile.size(path)
        guard size <= inlineBytes else {
            let file = try LocalFile(path)
            uploads.append(file)
            return ["blob": .string(file.digest.description)]
        }
        let bytes = try LocalFile.contents(path)
        inlineBytes -= bytes.count
        return ["base64": .string(Data(bytes).base64EncodedString())]
    }

    /// `name=path`, or a path whose last component is the name.
    static func splitInput(_ flag: String) -> (name: String, path: String) {
        guard let equals = flag.firstIndex(of: "="), equals != flag.startIndex else {
            return (lastComponent(flag), flag)
        }
        return (String(flag[..<equals]), String(flag[flag.index(after: equals)...]))
    }

    private static func lastComponent(_ path: String) -> String {
        path.split(separator: "/").last.map(String.init) ?? path
    }

    private static func resolve(_ path: String, in folder: String) -> String {
        path.hasPrefix("/") ? path : "\(folder)/\(path)"
    }
}
