// What the submitter expects of the output.

extension SpecReader {
    mutating func readExpect(_ json: JSONValue?, within limits: TaskLimits) -> TaskExpectation {
        let known: Set = ["exit_code", "output_digest", "files", "max_output_bytes", "stdout"]
        guard let json, let members = object(json, at: "/expect", known: known) else { return .init() }
        let most = optionalInteger(
            members["max_output_bytes"], at: "/expect/max_output_bytes", in: 0...TaskLimits.maximumOutputBytes)
        if let most, most > limits.outputBytes {
            fault("/expect/max_output_bytes", "contradiction", "limits.output_bytes allows less")
        }
        return TaskExpectation(
            exitCode: integer(members["exit_code"], at: "/expect/exit_code", in: 0...255, default: 0),
            outputDigest: readOutputDigest(members["output_digest"]),
            files: readExpectedFiles(members["files"], within: limits), maximumOutputBytes: most,
            stdout: readExpectedStdout(members["stdout"], within: most ?? limits.outputBytes))
    }

    private mutating func readOutputDigest(_ json: JSONValue?) -> Digest? {
        let pointer = "/expect/output_digest"
        guard let json, json != .null else { return nil }
        guard let text = json.string else {
            fault(pointer, "type", "expected a string or null, found \(json.kindName)")
            return nil
        }
        return digest(HeldMember(kind: "output_digest", text: text, pointer: pointer))
    }

    private mutating func readExpectedFiles(_ json: JSONValue?, within limits: TaskLimits) -> [String] {
        let pointer = "/expect/files"
        guard let json else { return [] }
        guard let elements = json.array else {
            fault(pointer, "type", "expected an array, found \(json.kindName)")
            return []
        }
        if elements.count > TaskExpectation.maximumFiles {
            fault(pointer, "range", "at most \(TaskExpectation.maximumFiles) files")
        }
        if Int64(elements.count) > limits.outputFiles {
            fault(pointer, "contradiction", "limits.output_files allows fewer")
        }
        let files = elements.enumerated().compactMap {
            readPath($1, at: "\(pointer)/\($0)", of: "a file", relativeTo: "/output")
        }
        // By bytes: to String, names that differ can be equal.
        let paths = Set(files.map { Array($0.utf8) })
        if paths.count < files.count { fault(pointer, "contradiction", "a file is named twice") }
        for (index, file) in files.enumerated() where Self.hasParent(of: file, in: paths) {
            fault("\(pointer)/\(index)", "contradiction", "a part of this path is itself an expected file")
        }
        return files
    }

    private mutating func readExpectedStdout(_ json: JSONValue?, within most: Int64) -> StdoutExpectation? {
        let pointer = "/expect/stdout"
        let kinds = ["text", "base64", "digest", "pattern"]
        guard let json, json != .null, let members = object(json, at: pointer, known: Set(kinds)),
            let held = onlyMember(of: members, kinds, at: pointer)
        else { return nil }
        switch held.kind {
        case "digest": return digest(held).map(StdoutExpectation.digest)
        case "pattern":
            do {
                return .pattern(try OutputPattern(held.text))
            } catch {
                fault(held.pointer, "pattern", "\(error)")
                return nil
            }
        default:
            guard let bytes = bytes(held) else { return nil }
            if bytes.count > TaskExpectation.maximumStdoutBytes {
                fault(
                    held.pointer, "range", "longer than \(TaskExpectation.maximumStdoutBytes) bytes; give its digest")
            } else if bytes.count > most {
                fault(held.pointer, "contradiction", "longer than the output may be")
            }
            return .bytes(bytes)
        }
    }

    private mutating func optionalInteger(
        _ json: JSONValue?, at pointer: String, in range: ClosedRange<Int64>
    ) -> Int64? {
        guard let json, json != .null else { return nil }
        let earlier = faults.count
        let value = integer(json, at: pointer, in: range, default: range.lowerBound)
        // What is no such number contradicts nothing.
        return faults.count > earlier ? nil : value
    }
}
