/// Reads a spec field by field and remembers every fault instead of stopping at the first.
struct SpecReader {
    private(set) var faults: [SpecFault] = []

    /// So many say enough; a hostile spec could hold one in every byte.
    private static let maximumFaults = 100

    mutating func fault(_ pointer: String, _ code: String, _ message: String) {
        guard faults.count < Self.maximumFaults else { return }
        faults.append(SpecFault(pointer: pointer, code: code, message: message))
    }

    mutating func readSpec(_ json: JSONValue) -> TaskSpec? {
        let known: Set = [
            "schema", "environment", "entrypoint", "command", "env", "workdir", "stdin", "inputs", "expect", "limits",
            "verification", "class", "reward", "deadline_seconds", "determinism",
        ]
        guard let root = object(json, at: "", known: known) else { return nil }
        readSchema(root["schema"])
        let environment = readEnvironment(root["environment"])
        let defaults = TaskSpec.Defaults.self
        let entrypoint = strings(root["entrypoint"], at: "/entrypoint")
        let command = strings(root["command"], at: "/command")
        let env = readEnv(root["env"])
        let workdir = readWorkdir(root["workdir"])
        let stdin = readStdin(root["stdin"])
        let inputs = readInputs(root["inputs"])
        checkInlineBytes(of: inputs, stdin)
        let limits = readLimits(root["limits"])
        let expect = readExpect(root["expect"], within: limits)
        let verification = readVerification(root["verification"])
        let taskClass = readClass(root["class"])
        let reward = readReward(root["reward"])
        let deadline = integer(
            root["deadline_seconds"], at: "/deadline_seconds", in: 1...2_592_000, default: defaults.deadlineSeconds)
        if deadline < limits.wallSeconds {
            fault("/deadline_seconds", "contradiction", "the deadline is shorter than limits.wall_seconds")
        }
        let determinism = readDeterminism(root["determinism"])
        guard let environment, let reward else { return nil }
        return TaskSpec(
            environment: environment, entrypoint: entrypoint, command: command, env: env, workdir: workdir,
            stdin: stdin, inputs: inputs, expect: expect, limits: limits, verification: verification,
            taskClass: taskClass, reward: reward, deadlineSeconds: deadline, determinism: determinism)
    }

    private mutating func readSchema(_ json: JSONValue?) {
        guard let json else { return fault("/schema", "missing", "say \"schema\": \"\(TaskSpec.schema)\"") }
        if json.string != TaskSpec.schema {
            fault("/schema", "unsupported", "the only schema understood here is \"\(TaskSpec.schema)\"")
        }
    }

    private mutating func readEnvironment(_ json: JSONValue?) -> TaskEnvironment? {
        let pointer = "/environment"
        guard let json else {
            fault(
                pointer, "missing",
                "name an image: {\"image\": \"repository@sha256:…\"}, image_id, image_archive, or a dockerfile")
            return nil
        }
        let kinds = ["image", "image_id", "image_archive", "dockerfile"]
        guard let members = object(json, at: pointer, known: Set(kinds)) else { return nil }
        guard members.count == 1, let (kind, value) = members.first else {
            fault(pointer, "contradiction", "give exactly one of \(kinds.joined(separator: ", "))")
            return nil
        }
        let place = "\(pointer)/\(kind)"
        if kind == "dockerfile" { return readRecipe(value, at: place).map(TaskEnvironment.dockerfile) }
        guard let text = value.string else {
            fault(place, "type", "expected a string, found \(value.kindName)")
            return nil
        }
        if kind == "image" { return readImageReference(text, at: place) }
        guard let digest = Digest(text) else {
            fault(place, "digest", "expected sha256: and 64 lower-case hex digits")
            return nil
        }
        return kind == "image_id" ? .imageID(digest) : .archive(digest)
    }

    private mutating func readImageReference(_ text: String, at pointer: String) -> TaskEnvironment? {
        let parts = text.split(separator: "@", omittingEmptySubsequences: false)
        guard parts.count == 2, Digest(parts[1]) != nil else {
            fault(
                pointer, "unpinned",
                "an image must be pinned as repository@sha256:…; a tag can change between runners")
            return nil
        }
        let allowed = Set("abcdefghijklmnopqrstuvwxyz0123456789._-/:".utf8)
        guard !parts[0].isEmpty, parts[0].utf8.count <= 255, parts[0].utf8.allSatisfy(allowed.contains) else {
            fault(pointer, "reference", "the repository name holds characters that no registry allows")
            return nil
        }
        return .image(text)
    }

    private mutating func readEnv(_ json: JSONValue?) -> [String: String] {
        guard let json else { return [:] }
        guard case .object(let members) = json else {
            fault("/env", "type", "expected an object of strings, found \(json.kindName)")
            return [:]
        }
        if members.count > 256 { fault("/env", "range", "at most 256 variables") }
        var env: [String: String] = [:]
        for (name, value) in members.sorted(by: { $0.key < $1.key }) {
            let pointer = "/env/\(Self.escape(name))"
            if !Self.isVariableName(name) {
                fault(pointer, "name", "a variable's name is letters, digits and _, not starting with a digit")
            }
            guard let text = plainText(value, at: pointer, maximumBytes: 32_768) else { continue }
            env[name] = text
        }
        return env
    }

    static func isVariableName(_ name: String) -> Bool {
        guard let first = name.utf8.first, name.utf8.count <= 255, !(48...57).contains(first) else { return false }
        return name.utf8.allSatisfy {
            $0 == 95 || (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0)
        }
    }

    private mutating func readWorkdir(_ json: JSONValue?) -> String {
        guard let json else { return TaskSpec.Defaults.workdir }
        guard let text = plainText(json, at: "/workdir", maximumBytes: 4096) else { return TaskSpec.Defaults.workdir }
        let parts = text.pathParts.filter { !$0.isEmpty && $0 != "." }
        // A working directory under /proc has been a way out of containers (CVE-2024-21626).
        if !text.isAbsolutePath || parts.contains("..") || parts.first == "proc" || parts.first == "sys" {
            fault("/workdir", "path", "expected an absolute path without .., and not under /proc or /sys")
        }
        return text
    }

    private mutating func readLimits(_ json: JSONValue?) -> TaskLimits {
        let known: Set = [
            "cpu_milli", "memory_bytes", "scratch_bytes", "pids", "wall_seconds", "output_bytes", "output_files",
        ]
        let standard = TaskLimits()
        guard let json, let members = object(json, at: "/limits", known: known) else { return standard }
        func place(_ name: String) -> String { "/limits/\(name)" }
        return TaskLimits(
            cpuMilli: integer(
                members["cpu_milli"], at: place("cpu_milli"), in: 100...64_000, default: standard.cpuMilli),
            memoryBytes: integer(
                members["memory_bytes"], at: place("memory_bytes"), in: 16 << 20...256 << 30,
                default: standard.memoryBytes),
            scratchBytes: integer(
                members["scratch_bytes"], at: place("scratch_bytes"), in: 1 << 20...64 << 30,
                default: standard.scratchBytes),
            pids: integer(members["pids"], at: place("pids"), in: 1...4096, default: standard.pids),
            wallSeconds: integer(
                members["wall_seconds"], at: place("wall_seconds"), in: 1...86_400, default: standard.wallSeconds),
            outputBytes: integer(
                members["output_bytes"], at: place("output_bytes"), in: 0...TaskLimits.maximumOutputBytes,
                default: standard.outputBytes),
            outputFiles: integer(
                members["output_files"], at: place("output_files"), in: 0...100_000, default: standard.outputFiles))
    }

    private mutating func readVerification(_ json: JSONValue?) -> VerificationRules {
        let pointer = "/verification"
        let standard = VerificationRules()
        guard let json, let members = object(json, at: pointer, known: ["replicas", "quorum", "max_replicas"]) else {
            return standard
        }
        let most = VerificationRules.maximumReplicas
        let replicas = integer(members["replicas"], at: pointer + "/replicas", in: 1...most, default: standard.replicas)
        let quorum = integer(members["quorum"], at: pointer + "/quorum", in: 1...most, default: replicas / 2 + 1)
        let maxReplicas = integer(
            members["max_replicas"], at: pointer + "/max_replicas", in: 1...most,
            default: min(most, max(standard.maxReplicas, replicas)))
        if quorum * 2 <= replicas {
            fault(pointer + "/quorum", "contradiction", "the quorum must be more than half of replicas")
        }
        if quorum > replicas { fault(pointer + "/quorum", "contradiction", "the quorum is larger than replicas") }
        if maxReplicas < replicas {
            fault(pointer + "/max_replicas", "contradiction", "max_replicas is smaller than replicas")
        }
        return VerificationRules(replicas: replicas, quorum: quorum, maxReplicas: maxReplicas)
    }

    private mutating func readClass(_ json: JSONValue?) -> String {
        guard let json else { return TaskSpec.Defaults.taskClass }
        guard let text = json.string, TaskClass.isValid(text) else {
            fault("/class", "class", "expected a class such as \(TaskSpec.Defaults.taskClass)")
            return TaskSpec.Defaults.taskClass
        }
        return text
    }

    private mutating func readReward(_ json: JSONValue?) -> Amount? {
        guard let json else {
            fault("/reward", "missing", "say what the task pays, in units of 10^-6 token")
            return nil
        }
        guard let units = json.integer, let reward = Amount(units: units), units > 0 else {
            fault("/reward", "range", "expected an integer from 1 to \(Amount.maximumUnits), in units of 10^-6 token")
            return nil
        }
        return reward
    }

    private mutating func readDeterminism(_ json: JSONValue?) -> DeterminismProfile {
        guard let json else { return .standard }
        guard let profile = json.string.flatMap(DeterminismProfile.init) else {
            let known = DeterminismProfile.allCases.map(\.rawValue).joined(separator: ", ")
            fault("/determinism", "unsupported", "expected one of: \(known)")
            return .standard
        }
        return profile
    }
}

// MARK: - Kinds of values

extension SpecReader {
    mutating func object(_ json: JSONValue, at pointer: String, known: Set<String>) -> [String: JSONValue]? {
        guard case .object(let members) = json else {
            fault(pointer, "type", "expected an object, found \(json.kindName)")
            return nil
        }
        for name in members.keys.sorted() where !known.contains(name) {
            fault("\(pointer)/\(Self.escape(name))", "unknown_field", "there is no field of this name")
        }
        return members.filter { known.contains($0.key) }
    }

    mutating func integer(
        _ json: JSONValue?, at pointer: String, in range: ClosedRange<Int64>, default standard: Int64
    ) -> Int64 {
        guard let json else { return standard }
        guard let value = json.integer else {
            fault(pointer, "type", "expected an integer, found \(json.kindName)")
            return standard
        }
        guard range.contains(value) else {
            fault(pointer, "range", "expected \(range.lowerBound) to \(range.upperBound)")
            return standard
        }
        return value
    }

    mutating func strings(_ json: JSONValue?, at pointer: String) -> [String] {
        guard let json else { return [] }
        guard let elements = json.array else {
            fault(pointer, "type", "expected an array of strings, found \(json.kindName)")
            return []
        }
        if elements.count > 1000 { fault(pointer, "range", "at most 1000 words") }
        return elements.enumerated().compactMap { index, element in
            plainText(element, at: "\(pointer)/\(index)", maximumBytes: 65_536)
        }
    }

    /// A string that an operating system takes as an argument: no NUL, of bounded length.
    mutating func plainText(_ json: JSONValue, at pointer: String, maximumBytes: Int) -> String? {
        guard let text = json.string else {
            fault(pointer, "type", "expected a string, found \(json.kindName)")
            return nil
        }
        guard !text.utf8.contains(0) else {
            fault(pointer, "text", "a NUL character cannot stand here")
            return nil
        }
        guard text.utf8.count <= maximumBytes else {
            fault(pointer, "range", "longer than \(maximumBytes) bytes")
            return nil
        }
        return text
    }

    /// RFC 6901: `~` and `/` inside a name are written `~0` and `~1`.
    static func escape(_ name: String) -> String {
        var escaped = ""
        for character in name {
            switch character {
            case "~": escaped += "~0"
            case "/": escaped += "~1"
            default: escaped.append(character)
            }
        }
        return escaped
    }
}

/// The rule for names of classes: they become parts of queue names.
package enum TaskClass {
    /// Lower-case letters, digits and `-` in one or more parts joined by `.`, at most 64 bytes.
    package static func isValid(_ name: String) -> Bool {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        return name.utf8.count <= 64
            && parts.allSatisfy { part in
                !part.isEmpty
                    && part.utf8.allSatisfy { $0 == 45 || (48...57).contains($0) || (97...122).contains($0) }
            }
    }
}
