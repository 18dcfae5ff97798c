/// What a submitter asks for, with every default filled in: `parity.task/v1`.
///
/// The digest of its canonical form names the work: two submissions of one spec have one spec digest. Read one
/// with ``init(parsing:)``, which refuses unknown fields and reports every fault with its JSON pointer.
package struct TaskSpec: Sendable, Hashable {
    package static let schema = "parity.task/v1"

    package var environment: TaskEnvironment
    /// Replaces the image's entrypoint; empty keeps it.
    package var entrypoint: [String]
    /// Replaces the image's command; empty keeps it.
    package var command: [String]
    package var env: [String: String]
    /// Absolute path inside the container.
    package var workdir: String
    /// What the command reads from its standard input, to the end; nothing unless the spec says otherwise.
    package var stdin: TaskStdin
    /// Mounted read-only under `/input`.
    package var inputs: [TaskInput]
    package var expect: TaskExpectation
    package var limits: TaskLimits
    package var verification: VerificationRules
    /// Platform and size of machine, such as `linux-amd64.small`.
    package var taskClass: String
    package var reward: Amount
    /// Seconds from submission after which an undecided task fails.
    package var deadlineSeconds: Int64
    package var determinism: DeterminismProfile

    package init(
        environment: TaskEnvironment, entrypoint: [String] = [], command: [String] = [], env: [String: String] = [:],
        workdir: String = Defaults.workdir, stdin: TaskStdin = .empty, inputs: [TaskInput] = [],
        expect: TaskExpectation = .init(), limits: TaskLimits = .init(), verification: VerificationRules = .init(),
        taskClass: String = Defaults.taskClass, reward: Amount, deadlineSeconds: Int64 = Defaults.deadlineSeconds,
        determinism: DeterminismProfile = .standard
    ) {
        self.environment = environment
        self.entrypoint = entrypoint
        self.command = command
        self.env = env
        self.workdir = workdir
        self.stdin = stdin
        self.inputs = inputs
        self.expect = expect
        self.limits = limits
        self.verification = verification
        self.taskClass = taskClass
        self.reward = reward
        self.deadlineSeconds = deadlineSeconds
        self.determinism = determinism
    }

    package enum Defaults {
        package static let workdir = "/tmp"
        package static let taskClass = "linux-amd64.small"
        package static let deadlineSeconds: Int64 = 86_400
    }

    /// SHA-256 of the canonical form.
    package var digest: Digest { Digest.sha256(of: json.canonicalBytes()) }

    /// Every blob that must be there before this task can run, and the JSON pointers at which the spec names it.
    package var blobs: [Digest: [String]] {
        var places: [Digest: [String]] = [:]
        for (index, input) in inputs.enumerated() {
            switch input.content {
            case .inline: break
            case .blob(let digest): places[digest, default: []].append("/inputs/\(index)/blob")
            case .tree(let digest): places[digest, default: []].append("/inputs/\(index)/tree")
            }
        }
        if case .blob(let digest) = stdin { places[digest, default: []].append("/stdin/blob") }
        switch environment {
        case .image, .imageID: break
        case .archive(let digest): places[digest, default: []].append("/environment/image_archive")
        case .dockerfile(let recipe): places[recipe.context, default: []].append("/environment/dockerfile/context")
        }
        return places
    }
}

/// Where the image of a task comes from. Always pinned: a tag could change under the runners' feet.
package enum TaskEnvironment: Sendable, Hashable {
    /// `repository@sha256:…`, pulled from its registry.
    case image(String)
    /// An image id that the runner's engine already holds.
    case imageID(Digest)
    /// A `docker save` archive in the blob store.
    case archive(Digest)
    /// A builder makes an archive of it once; runners run that.
    case dockerfile(BuildRecipe)
}

extension TaskEnvironment {
    /// What must be built first; nil for an image that is there.
    package var recipe: BuildRecipe? {
        if case .dockerfile(let recipe) = self { recipe } else { nil }
    }
}

package struct TaskInput: Sendable, Hashable {
    /// Relative to `/input`, `/`-separated, without `.` or `..`.
    package var path: String
    package var content: Content

    package enum Content: Sendable, Hashable {
        case inline([UInt8])
        case blob(Digest)
        /// An uncompressed tar in the blob store, unpacked as a folder at the path; see ``TreeArchive``.
        case tree(Digest)
    }

    package init(path: String, content: Content) {
        self.path = path
        self.content = content
    }

    /// All inline inputs of a spec and its standard input together may hold this many bytes; larger ones go through the
    /// blob store.
    package static let maximumInlineBytes = 65_536
    package static let maximumCount = 1000
    /// Of paths below `/input` and `/output`, with room for what stands before them in a system's own limit.
    package static let maximumPathBytes = 1024
    package static let maximumDepth = 32
}

package enum TaskStdin: Sendable, Hashable {
    case inline([UInt8])
    case blob(Digest)

    package static let empty = TaskStdin.inline([])
}

/// What one replica may use. Units stand last in the names.
package struct TaskLimits: Sendable, Hashable {
    package var cpuMilli: Int64
    package var memoryBytes: Int64
    package var scratchBytes: Int64
    package var pids: Int64
    package var wallSeconds: Int64
    package var outputBytes: Int64
    package var outputFiles: Int64

    package static let maximumOutputBytes: Int64 = 64 << 30

    package init(
        cpuMilli: Int64 = 1000, memoryBytes: Int64 = 256 << 20, scratchBytes: Int64 = 64 << 20, pids: Int64 = 128,
        wallSeconds: Int64 = 300, outputBytes: Int64 = 64 << 20, outputFiles: Int64 = 10_000
    ) {
        self.cpuMilli = cpuMilli
        self.memoryBytes = memoryBytes
        self.scratchBytes = scratchBytes
        self.pids = pids
        self.wallSeconds = wallSeconds
        self.outputBytes = outputBytes
        self.outputFiles = outputFiles
    }
}

/// How many must agree.
package struct VerificationRules: Sendable, Hashable {
    package var replicas: Int64
    package var quorum: Int64
    package var maxReplicas: Int64

    package init(replicas: Int64 = 3, quorum: Int64 = 2, maxReplicas: Int64 = 7) {
        self.replicas = replicas
        self.quorum = quorum
        self.maxReplicas = maxReplicas
    }

    /// More replicas than there can be lanes for is refused.
    package static let maximumReplicas: Int64 = 16
}

/// What a run cannot see of chance and time. Part of the spec, so all replicas of a task run under one.
package enum DeterminismProfile: String, Sendable, Hashable, CaseIterable {
    /// The same host name, user, time zone, locale and number of CPUs everywhere; `/dev/random` and `/dev/urandom` are
    /// empty. The `getrandom` call answers, for what no output shows: hash seeds, temporary names.
    case standard
    /// As `standard`, and the `getrandom` call fails: a program that wants chance fails, instead of diverging. The date
    /// stands still at `SOURCE_DATE_EPOCH` for programs that ask their C library for it.
    case sealed
}
