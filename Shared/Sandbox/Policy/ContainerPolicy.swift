import ParityProtocol

/// What a container may do, as the body of the engine's create call: a pure function of the job and of its place.
///
/// Everything is said explicitly, also where the engine's default is the same today. Which line keeps what, and the test
/// that tries to break it, stands in the documentation of this module.
enum ContainerPolicy {
    /// The label that says which CPUs a container is kept to.
    static let cpuLabel = "network.parity.cpus"

    /// The container in which the task runs.
    static func container(for job: SandboxJob, at place: Placement) -> JSONValue {
        var labels = job.labels
        labels[cpuLabel] = place.cpuList
        var body: [String: JSONValue] = [
            "Image": .string(job.image), "Hostname": .string(job.surroundings.hostname), "Domainname": "",
            "User": .string("\(place.user):\(place.user)"), "WorkingDir": .string(job.workdir),
            "Env": .array(env(of: job)), "AttachStdout": true, "AttachStderr": true,
            "Tty": false,
            // Closed when its writer is done. Without one, the engine gives /dev/null.
            "OpenStdin": .bool(job.stdin != nil), "StdinOnce": .bool(job.stdin != nil),
            "AttachStdin": .bool(job.stdin != nil),
            // A loopback of its own and nothing else. Not only its network is none: it stays out of the engine's books on
            // networks, whose locks Docker 20.10 takes in two orders, and then hangs for ever when runs end side by side.
            "NetworkDisabled": true,
            // The engine would run the image's health check inside, beside the task.
            "Healthcheck": ["Test": ["NONE"]],
            "Labels": .object(labels.mapValues(JSONValue.string)), "HostConfig": hostConfig(for: job, at: place),
        ]
        if !job.entrypoint.isEmpty { body["Entrypoint"] = .array(job.entrypoint.map(JSONValue.string)) }
        if !job.command.isEmpty { body["Cmd"] = .array(job.command.map(JSONValue.string)) }
        return .object(body)
    }

    private static func env(of job: SandboxJob) -> [JSONValue] {
        job.environment.sorted { $0.key < $1.key }.map { .string("\($0.key)=\($0.value)") }
    }

    private static func hostConfig(for job: SandboxJob, at place: Placement) -> JSONValue {
        let storage = job.storage
        var config: [String: JSONValue] = [
            "Privileged": false, "CapDrop": ["ALL"], "CapAdd": [], "GroupAdd": [],
            "SecurityOpt": [
                "no-new-privileges", .string(SeccompProfile(job.determinism).securityOption),
            ],
            "IpcMode": "private", "CgroupnsMode": "private", "PidMode": "", "UTSMode": "",
            "NetworkMode": "none",
            "ReadonlyRootfs": true, "Devices": [], "DeviceRequests": [], "DeviceCgroupRules": [],
            "MaskedPaths": .array(maskedPaths.map(JSONValue.string)),
            "ReadonlyPaths": .array(readonlyPaths.map(JSONValue.string)),
            "Tmpfs": ["/tmp": .string(storage.scratchOptions(owner: place.user))],
            "ShmSize": .integer(storage.sharedBytes),
            "Mounts": .array(mounts(for: job, at: place)), "Binds": .array(binds(for: job, at: place)),
            "PidsLimit": .integer(processes(job.limits)), "Memory": .integer(storage.memoryBytes),
            // Equal to Memory: no swap.
            "MemorySwap": .integer(storage.memoryBytes), "NanoCpus": .integer(job.limits.cpuMilli * 1_000_000),
            "CpusetCpus": .string(place.cpuList), "OomScoreAdj": 500, "OomKillDisable": false,
            "Ulimits": .array(resourceLimits(storage)), "LogConfig": ["Type": "none"],
            "Init": true, "AutoRemove": false, "RestartPolicy": ["Name": "no"],
        ]
        if let runtime = place.runtime { config["Runtime"] = .string(runtime) }
        return .object(config)
    }

    /// Besides the task's there is init; and the runtime, before it becomes the task, needs some threads.
    private static func processes(_ limits: TaskLimits) -> Int64 { max(limits.pids + 1, runtimeThreads) }
    private static let runtimeThreads: Int64 = 32

    /// Hard limits of each process (getrlimit(2)). All are at or below what engines start with.
    private static func resourceLimits(_ storage: StorageLimits) -> [JSONValue] {
        func limit(_ name: String, soft: Int64, hard: Int64? = nil) -> JSONValue {
            ["Name": .string(name), "Soft": .integer(soft), "Hard": .integer(hard ?? soft)]
        }
        return [
            limit("core", soft: 0), limit("fsize", soft: storage.fileBytes), limit("memlock", soft: 65_536),
            limit("msgqueue", soft: 0), limit("nice", soft: 0), limit("nofile", soft: 1024), limit("rtprio", soft: 0),
            limit("stack", soft: 8 << 20, hard: 64 << 20),
        ]
    }

    // MARK: - Mounts

    private static func mounts(for job: SandboxJob, at place: Placement) -> [JSONValue] {
        [
            volume(job.inputVolume, at: "/input", isReadOnly: true),
            volume(job.outputVolume, at: "/output", isReadOnly: false),
        ]
            // What an image declares as volumes is filled from the image and cannot be written: the engine would give it
            // storage without limit.
            + place.imageVolumes.enumerated().map { index, path in
                volume(job.imageVolume(index), at: path, isReadOnly: true, isFilled: true)
            }
    }

    private static func volume(
        _ name: String, at target: String, isReadOnly: Bool, isFilled: Bool = false
    ) -> JSONValue {
        [
            "Type": "volume", "Source": .string(name), "Target": .string(target), "ReadOnly": .bool(isReadOnly),
            "VolumeOptions": ["NoCopy": .bool(!isFilled)],
        ]
    }

    /// By path, since a volume can only be mounted whole. `z` lets containers read it where SELinux is on.
    private static func binds(for job: SandboxJob, at place: Placement) -> [JSONValue] {
        // Another runtime than the engine's own brings its own /proc and /sys.
        let machine = place.runtime == nil ? MachineView.mounts : []
        let clock = job.clockSeconds == nil ? [] : [MachineView.clockMount]
        return (MachineView.nameMounts + machine + clock).map {
            .string("\(place.viewFolder)/\($0.source):\($0.target):ro,z")
        }
    }

    // MARK: - The keeper

    /// The container that keeps `/output` mounted from before the run until it was collected, and through which files go
    /// in and out: a tmpfs volume exists only while a container that has it runs. It runs a program of ours, see
    /// ``KeeperImage``. Its root is writable, since the engine takes no archive for a container whose root is not.
    static func keeper(for job: SandboxJob, image: String) -> JSONValue {
        .object(
            keeper(
                image: image, labels: job.labels,
                mounts: [
                    volume(job.inputVolume, at: "/input", isReadOnly: false),
                    volume(job.outputVolume, at: "/output", isReadOnly: false),
                    volume(job.viewVolume, at: "/\(SandboxJob.viewFolder)", isReadOnly: false),
                ]))
    }

    /// A keeper of nothing, which says on stdout which CPUs containers of this engine may use.
    static func probe(image: String, labels: [String: String]) -> JSONValue {
        var body = keeper(image: image, labels: labels, mounts: [])
        body["AttachStdout"] = true
        return .object(body)
    }

    private static func keeper(
        image: String, labels: [String: String], mounts: [JSONValue]
    ) -> [String: JSONValue] {
        [
            "Image": .string(image), "Entrypoint": [.string(KeeperImage.program)], "Cmd": [], "User": "65534:65534",
            "WorkingDir": "/",
            "NetworkDisabled": true, "Labels": .object(labels.mapValues(JSONValue.string)),
            "HostConfig": [
                "Privileged": false, "CapDrop": ["ALL"], "SecurityOpt": ["no-new-privileges"], "NetworkMode": "none",
                "IpcMode": "none", "CgroupnsMode": "private", "PidsLimit": .integer(runtimeThreads),
                "Memory": 16_777_216,
                "MemorySwap": 16_777_216, "LogConfig": ["Type": "none"], "AutoRemove": false,
                "RestartPolicy": ["Name": "no"], "Mounts": .array(mounts),
            ],
        ]
    }
}
