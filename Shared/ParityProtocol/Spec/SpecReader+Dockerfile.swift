extension SpecReader {
    /// `{"context": digest, "path": …, "args": {…}}` at `/environment/dockerfile`.
    mutating func readRecipe(_ json: JSONValue, at pointer: String) -> BuildRecipe? {
        guard let members = object(json, at: pointer, known: ["context", "path", "args"]) else { return nil }
        guard let context = members["context"] else {
            fault("\(pointer)/context", "missing", "upload the context as a tar and give its digest")
            return nil
        }
        let path = readDockerfilePath(members["path"], at: "\(pointer)/path")
        let arguments = readBuildArguments(members["args"], at: "\(pointer)/args")
        guard let text = context.string else {
            fault("\(pointer)/context", "type", "expected a string, found \(context.kindName)")
            return nil
        }
        guard let digest = Digest(text) else {
            fault("\(pointer)/context", "digest", "expected sha256: and 64 lower-case hex digits")
            return nil
        }
        return BuildRecipe(context: digest, path: path, arguments: arguments)
    }

    private mutating func readDockerfilePath(_ json: JSONValue?, at pointer: String) -> String {
        guard let json, let text = plainText(json, at: pointer, maximumBytes: 1024) else {
            return BuildRecipe.defaultPath
        }
        if !text.pathParts.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." }) {
            fault(pointer, "path", "expected a path inside the context, without . and ..")
        }
        return text
    }

    private mutating func readBuildArguments(_ json: JSONValue?, at pointer: String) -> [String: String] {
        guard let json else { return [:] }
        guard case .object(let members) = json else {
            fault(pointer, "type", "expected an object of strings, found \(json.kindName)")
            return [:]
        }
        if members.count > BuildRecipe.maximumArguments {
            fault(pointer, "range", "at most \(BuildRecipe.maximumArguments) arguments")
        }
        var arguments: [String: String] = [:]
        for (name, value) in members.sorted(by: { $0.key < $1.key }) {
            let place = "\(pointer)/\(Self.escape(name))"
            if !Self.isVariableName(name) {
                fault(place, "name", "an argument's name is letters, digits and _, not starting with a digit")
            }
            arguments[name] = plainText(value, at: place, maximumBytes: BuildRecipe.maximumArgumentBytes)
        }
        let bytes = arguments.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count }
        if bytes > BuildRecipe.maximumArgumentBytes {
            fault(pointer, "range", "the arguments hold more than \(BuildRecipe.maximumArgumentBytes) bytes")
        }
        return arguments
    }
}
