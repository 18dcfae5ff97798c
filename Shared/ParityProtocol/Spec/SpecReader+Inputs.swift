import FoundationEssentials

// What the container is given: standard input and files.

extension SpecReader {
    mutating func readStdin(_ json: JSONValue?) -> TaskStdin {
        let kinds = ["text", "base64", "blob"]
        guard let json, let members = object(json, at: "/stdin", known: Set(kinds)),
            let held = onlyMember(of: members, kinds, at: "/stdin")
        else { return .empty }
        if held.kind == "blob" { return digest(held).map(TaskStdin.blob) ?? .empty }
        return bytes(held).map(TaskStdin.inline) ?? .empty
    }

    mutating func readInputs(_ json: JSONValue?) -> [TaskInput] {
        guard let json else { return [] }
        guard let elements = json.array else {
            fault("/inputs", "type", "expected an array, found \(json.kindName)")
            return []
        }
        if elements.count > TaskInput.maximumCount {
            fault("/inputs", "range", "at most \(TaskInput.maximumCount) inputs; a tree is one")
        }
        let inputs = elements.enumerated().compactMap { readInput($1, at: "/inputs/\($0)") }
        checkPaths(of: inputs)
        return inputs
    }

    private mutating func readInput(_ json: JSONValue, at pointer: String) -> TaskInput? {
        let kinds = ["text", "base64", "blob", "tree"]
        guard let members = object(json, at: pointer, known: Set(["path"] + kinds)) else { return nil }
        let path = readPath(members["path"], at: pointer + "/path", of: "an input", relativeTo: "/input")
        guard let held = onlyMember(of: members, kinds, at: pointer) else { return nil }
        let content: TaskInput.Content?
        switch held.kind {
        case "blob": content = digest(held).map(TaskInput.Content.blob)
        case "tree": content = digest(held).map(TaskInput.Content.tree)
        default: content = bytes(held).map(TaskInput.Content.inline)
        }
        guard let path, let content else { return nil }
        return TaskInput(path: path, content: content)
    }

    mutating func checkInlineBytes(of inputs: [TaskInput], _ stdin: TaskStdin) {
        var count = 0
        if case .inline(let bytes) = stdin { count += bytes.count }
        for input in inputs { if case .inline(let bytes) = input.content { count += bytes.count } }
        let most = TaskInput.maximumInlineBytes
        guard count > most else { return }
        let pointer = if case .inline(let bytes) = stdin, bytes.count > most { "/stdin" } else { "/inputs" }
        fault(
            pointer, "range", "stdin and the inline inputs hold \(count) bytes, \(most) are allowed; upload blobs")
    }

    /// Two inputs at one path, or a file or tree where another input needs a folder, contradict each other.
    private mutating func checkPaths(of inputs: [TaskInput]) {
        // By bytes: to String, names that differ can be equal.
        let paths = Set(inputs.map { Array($0.path.utf8) })
        if paths.count < inputs.count { fault("/inputs", "contradiction", "two inputs have the same path") }
        for (index, input) in inputs.enumerated() where Self.hasParent(of: input.path, in: paths) {
            fault("/inputs/\(index)/path", "contradiction", "a part of this path is itself an input")
        }
    }

    /// Whether a path above `path` is one of `paths`.
    static func hasParent(of path: String, in paths: Set<[UInt8]>) -> Bool {
        let bytes = Array(path.utf8)
        return bytes.indices.contains { bytes[$0] == UInt8(ascii: "/") && paths.contains(Array(bytes[..<$0])) }
    }

    mutating func readPath(_ json: JSONValue?, at pointer: String, of what: String, relativeTo root: String) -> String?
    {
        guard let json else {
            fault(pointer, "missing", "\(what) needs a path, relative to \(root)")
            return nil
        }
        guard let path = plainText(json, at: pointer, maximumBytes: TaskInput.maximumPathBytes) else { return nil }
        let parts = path.pathParts
        let clean = parts.allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." && $0.utf8.count <= 255 }
        guard clean, parts.count <= TaskInput.maximumDepth else {
            fault(
                pointer, "path",
                "expected a relative path without empty parts, . and .., at most \(TaskInput.maximumDepth) deep")
            return nil
        }
        return path
    }
}

// MARK: - Members that say what something holds

extension SpecReader {
    /// A member of an object, where only one of several may stand.
    struct HeldMember {
        let kind: String
        let text: String
        let pointer: String
    }

    /// The one of `kinds` that `members` has, a string.
    mutating func onlyMember(
        of members: [String: JSONValue], _ kinds: [String], at pointer: String
    ) -> HeldMember? {
        let present = kinds.filter { members[$0] != nil }
        guard present.count == 1, let kind = present.first, let value = members[kind] else {
            fault(pointer, "contradiction", "give exactly one of \(kinds.joined(separator: ", "))")
            return nil
        }
        guard let text = value.string else {
            fault("\(pointer)/\(kind)", "type", "expected a string, found \(value.kindName)")
            return nil
        }
        return HeldMember(kind: kind, text: text, pointer: "\(pointer)/\(kind)")
    }

    /// Bytes that stand in the spec itself, as `text` or `base64`.
    mutating func bytes(_ member: HeldMember) -> [UInt8]? {
        if member.kind == "text" { return Array(member.text.utf8) }
        // One spelling for the same bytes, whatever the library lets pass.
        guard let data = Data(base64Encoded: member.text), data.base64EncodedString() == member.text else {
            fault(member.pointer, "base64", "not canonical base64 (RFC 4648, section 3.5), with padding")
            return nil
        }
        return Array(data)
    }

    mutating func digest(_ member: HeldMember) -> Digest? {
        guard let digest = Digest(member.text) else {
            fault(member.pointer, "digest", "expected sha256: and 64 lower-case hex digits")
            return nil
        }
        return digest
    }
}
