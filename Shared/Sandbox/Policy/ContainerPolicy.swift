package import ParityProtocol

/// What a container may do, as the body of the engine's create call: a pure function of the job.
package enum ContainerPolicy {
    /// Nobody, by the numbers that every system knows it by.
    static let user = 65_534

    /// The same for every run on every machine, unless the spec says otherwise.
    static let environment = [
        "HOME": "/tmp", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "0", "SOURCE_DATE_EPOCH": "0",
        "TZ": "UTC",
    ]

    /// The engine's own list, and the sources of chance.
    private static let maskedPaths = [
        "/proc/asound", "/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
        "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware", "/sys/devices/virtual/powercap",
        "/dev/random", "/dev/urandom",
    ]

    private static let readonlyPaths = [
        "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
    ]

    /// The container in which the task runs.
    package static func container(for job: SandboxJob) -> JSONValue {
        var body: [String: JSONValue] = [
            "Image": .string(job.image), "Hostname": "parity", "Domainname": "",
            "User": .string("\(user):\(user)"), "WorkingDir": .string(job.workdir),
            "Env": .array(env(of: job)), "NetworkDisabled": true, "AttachStdout": true, "AttachStderr": true,
            "Labels": .object(job.labels.mapValues(JSONValue.string)), "HostConfig": hostConfig(for: job),
        ]
        if !job.entrypoint.isEmpty { body["Entrypoint"] = .array(job.entrypoint.map(JSONValue.string)) }
        if !job.command.isEmpty { body["Cmd"] = .array(job.command.map(JSONValue.string)) }
        return .object(body)
    }

    /// A container that is never started: through it the volumes are filled, which the engine refuses for a container
    /// with a read-only root.
    package static func loader(for job: SandboxJob) -> JSONValue {
        [
            "Image": .string(job.image), "Cmd": ["true"], "Entrypoint": [""], "NetworkDisabled": true,
            "Labels": .object(job.labels.mapValues(JSONValue.string)),
            "HostConfig": ["NetworkMode": "none", "Mounts": mounts(for: job, inputIsReadOnly: false)],
        ]
    }

    private static func env(of job: SandboxJob) -> [JSONValue] {
        environment.merging(job.env) { _, own in own }.sorted { $0.key < $1.key }.map {
            .string("\($0.key)=\($0.value)")
        }
    }

    private static func mounts(for job: SandboxJob, inputIsReadOnly: Bool) -> JSONValue {
        func volume(_ name: String, at target: String, readOnly: Bool) -> JSONValue {
            [
                "Type": "volume", "Source": .string(name), "Target": .string(target), "ReadOnly": .bool(readOnly),
                "VolumeOptions": ["NoCopy": true],
            ]
        }
        return [
            volume(job.inputVolume, at: "/input", readOnly: inputIsReadOnly),
            volume(job.outputVolume, at: "/output", readOnly: false),
        ]
    }

    private static func hostConfig(for job: SandboxJob) -> JSONValue {
        let limits = job.limits
        func ulimit(_ name: String, _ value: Int64) -> JSONValue {
            ["Name": .string(name), "Soft": .integer(value), "Hard": .integer(value)]
        }
        return [
            "NetworkMode": "none", "ReadonlyRootfs": true, "CapDrop": ["ALL"], "Privileged": false,
            "SecurityOpt": ["no-new-privileges"], "IpcMode": "private", "CgroupnsMode": "private", "PidMode": "",
            "PidsLimit": .integer(limits.pids), "Memory": .integer(limits.memoryBytes),
            // Equal to Memory: no swap.
            "MemorySwap": .integer(limits.memoryBytes), "NanoCpus": .integer(limits.cpuMilli * 1_000_000),
            "ShmSize": .integer(16 << 20), "OomScoreAdj": 500, "Init": true, "AutoRemove": false,
            "LogConfig": ["Type": "none"],
            "Ulimits": [
                ulimit("nofile", 1024), ulimit("core", 0),
                ulimit("fsize", max(limits.outputBytes, limits.scratchBytes)),
            ],
            "Tmpfs": ["/tmp": .string("rw,nosuid,nodev,mode=1777,size=\(limits.scratchBytes)")],
            "MaskedPaths": .array(maskedPaths.map(JSONValue.string)),
            "ReadonlyPaths": .array(readonlyPaths.map(JSONValue.string)),
            "Mounts": mounts(for: job, inputIsReadOnly: true),
        ]
    }
}
