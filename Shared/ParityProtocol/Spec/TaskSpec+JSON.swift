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
            "inputs": .array(inputs.map(\.json)),
            "expect": ["exit_code": .integer(expect.exitCode)],
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
        }
    }
}

extension TaskInput {
    var json: JSONValue {
        switch content {
        case .inline(let bytes): ["path": .string(path), "base64": .string(Data(bytes).base64EncodedString())]
        case .blob(let digest): ["path": .string(path), "blob": .string(digest.description)]
        }
    }
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
