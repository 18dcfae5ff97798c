import FoundationEssentials

extension TaskSpec {
    /// The spec as it is recorded and hashed: every field present.
    package var json: JSONValue {
        [
            "schema": .string(Self.schema),
            "environment": environment.json,
            "entrypoint": .array(entrypoint.map(JSONValue.string)),
            "command": .array(command.map(JSONValue.string)),
            "env": .object(env.mapValues(JSONValue.string)),
            "workdir": .string(workdir),
            "stdin": stdin.json,
            "inputs": .array(inputs.map(\.json)),
            "expect": expect.json,
            "limits": limits.json,
            "verification": [
                "replicas": .integer(verification.replicas), "quorum": .integer(verification.quorum),
                "max_replicas": .integer(verification.maxReplicas),
            ],
            "class": .string(taskClass),
            "reward": .integer(reward.units),
            "deadline_seconds": .integer(deadlineSeconds),
            "determinism": .string(determinism.rawValue),
        ]
    }

    /// The spec that `json` describes, with defaults filled in, or every fault that it has.
    package init(parsing json: JSONValue) throws(SpecFaults) {
        var reader = SpecReader()
        let spec = reader.readSpec(json)
        guard let spec, reader.faults.isEmpty else { throw SpecFaults(reader.faults) }
        self = spec
    }
}

extension TaskEnvironment {
    var json: JSONValue {
        switch self {
        case .image(let reference): ["image": .string(reference)]
        case .imageID(let digest): ["image_id": .string(digest.description)]
        case .archive(let digest): ["image_archive": .string(digest.description)]
        case .dockerfile(let recipe): ["dockerfile": recipe.json]
        }
    }
}

extension TaskInput {
    var json: JSONValue {
        switch content {
        case .inline(let bytes): ["path": .string(path), "base64": .base64(bytes)]
        case .blob(let digest): ["path": .string(path), "blob": .string(digest.description)]
        case .tree(let digest): ["path": .string(path), "tree": .string(digest.description)]
        }
    }
}

extension TaskStdin {
    var json: JSONValue {
        switch self {
        case .inline(let bytes): ["base64": .base64(bytes)]
        case .blob(let digest): ["blob": .string(digest.description)]
        }
    }
}

extension TaskExpectation {
    /// What is not expected stands as null, so that the digest covers that too.
    var json: JSONValue {
        [
            "exit_code": .integer(exitCode),
            "output_digest": outputDigest.map { .string($0.description) } ?? .null,
            "files": .array(files.map(JSONValue.string)),
            "max_output_bytes": maximumOutputBytes.map(JSONValue.integer) ?? .null,
            "stdout": stdout?.json ?? .null,
        ]
    }
}

extension StdoutExpectation {
    var json: JSONValue {
        switch self {
        case .bytes(let bytes): ["base64": .base64(bytes)]
        case .digest(let digest): ["digest": .string(digest.description)]
        case .pattern(let pattern): ["pattern": .string(pattern.source)]
        }
    }
}

extension JSONValue {
    fileprivate static func base64(_ bytes: [UInt8]) -> JSONValue { .string(Data(bytes).base64EncodedString()) }
}

extension TaskLimits {
    var json: JSONValue {
        [
            "cpu_milli": .integer(cpuMilli), "memory_bytes": .integer(memoryBytes),
            "scratch_bytes": .integer(scratchBytes), "pids": .integer(pids), "wall_seconds": .integer(wallSeconds),
            "output_bytes": .integer(outputBytes), "output_files": .integer(outputFiles),
        ]
    }
}
