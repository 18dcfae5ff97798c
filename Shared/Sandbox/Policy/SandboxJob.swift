package import ParityProtocol

/// One run of a container: what, with which inputs, within which limits.
package struct SandboxJob: Sendable {
    package struct Input: Sendable {
        package enum Content: Sendable {
            case bytes([UInt8])
            /// A file of this machine.
            case file(path: String, size: Int64)
        }
        package let path: String
        package let content: Content
        package init(path: String, content: Content) {
            self.path = path
            self.content = content
        }
    }

    /// A folder of inputs, as a tar that was found in order.
    package struct Tree: Sendable {
        /// Relative to `/input`.
        package let path: String
        /// A file of this machine.
        package let archive: String
        package init(path: String, archive: String) {
            self.path = path
            self.archive = archive
        }
    }

    /// Names containers and volumes; unique on this engine.
    package let name: String
    /// The image's id.
    package let image: String
    package let entrypoint: [String]
    package let command: [String]
    package let env: [String: String]
    package let workdir: String
    package let inputs: [Input]
    package let trees: [Tree]
    /// What the command reads from standard input; nil for nothing.
    package let stdin: Input.Content?
    package let limits: TaskLimits
    package let determinism: DeterminismProfile
    /// What the run sees beside its task.
    package let surroundings: Surroundings
    package let labels: [String: String]
    /// A folder of the run's own, for what it produces.
    package let scratch: String

    package init(
        name: String, image: String, spec: TaskSpec, inputs: [Input], trees: [Tree] = [],
        stdin: Input.Content? = nil, labels: [String: String], scratch: String,
        surroundings: Surroundings = .standard
    ) {
        self.name = name
        self.image = image
        self.inputs = inputs
        self.trees = trees
        self.stdin = stdin
        self.labels = labels
        self.scratch = scratch
        self.surroundings = surroundings
        entrypoint = spec.entrypoint
        command = spec.command
        env = spec.env
        workdir = spec.workdir
        limits = spec.limits
        determinism = spec.determinism
    }

    /// How much the run may use.
    package var storage: StorageLimits { StorageLimits(limits, memoryBytes: surroundings.memoryBytes) }

    /// CPUs that the run sees.
    var cpuCount: Int { surroundings.cpuCount ?? Int((limits.cpuMilli + 999) / 1000) }

    /// The variables that the run sees beside its image's.
    var environment: [String: String] {
        var variables = surroundings.environment
        if determinism == .sealed || surroundings.clockSeconds != nil {
            variables["LD_PRELOAD"] = MachineView.clockMount.target
        }
        return variables.merging(env) { _, own in own }
    }

    /// Where the wall clock stands still, in seconds since 1970; nil for the true time.
    var clockSeconds: Int64? {
        if let seconds = surroundings.clockSeconds { return seconds }
        guard determinism == .sealed else { return nil }
        return environment["SOURCE_DATE_EPOCH"].flatMap { Int64($0) } ?? 0
    }

    // MARK: - Names on the engine

    var keeperName: String { "\(name)-keeper" }
    var inputVolume: String { "\(name)-in" }
    var outputVolume: String { "\(name)-out" }
    /// Of the ``MachineView``.
    var viewVolume: String { "\(name)-view" }
    /// In the stead of the volume that the image asks for at `index`.
    func imageVolume(_ index: Int) -> String { "\(name)-image-\(index)" }
    /// Where the keeper has the ``MachineView``.
    static let viewFolder = "view"
}
