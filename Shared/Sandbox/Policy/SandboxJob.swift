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

    /// Names containers and volumes; unique on this engine.
    package let name: String
    /// The image's id.
    package let image: String
    package let entrypoint: [String]
    package let command: [String]
    package let env: [String: String]
    package let workdir: String
    package let inputs: [Input]
    package let limits: TaskLimits
    package let labels: [String: String]
    /// A folder of the run's own, for what it produces.
    package let scratch: String

    package init(
        name: String, image: String, spec: TaskSpec, inputs: [Input], labels: [String: String], scratch: String
    ) {
        self.name = name
        self.image = image
        self.inputs = inputs
        self.labels = labels
        self.scratch = scratch
        entrypoint = spec.entrypoint
        command = spec.command
        env = spec.env
        workdir = spec.workdir
        limits = spec.limits
    }

    var inputVolume: String { "\(name)-in" }
    var outputVolume: String { "\(name)-out" }
}
