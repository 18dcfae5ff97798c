package import Sandbox
package import Telemetry

/// What a runner can be told.
package struct RunnerSettings: SettingsGroup {
    static let gateway = Setting<String>.url(
        "PARITY_GATEWAY_URL", flag: nil, schemes: ["http", "https"], default: "http://127.0.0.1:8080",
        help: "Where the gateway is")
    static let apiKey = Setting<String>.secret("PARITY_API_KEY", help: "API key of the operator, who is paid")
    static let name = Setting<String>.text(
        "PARITY_RUNNER_NAME", default: "runner", help: "Name to show to people; {n} as in PARITY_STATE_DIR")
    static let state = Setting<String>.text(
        "PARITY_STATE_DIR", default: "runner-state",
        help: "Folder of the runner's key and scratch files; {n} is the smallest number whose folder is free")
    static let slots = Setting<Int>.integer(
        "PARITY_RUNNER_SLOTS", default: 1, in: 1...256, help: "How many replicas to run at once")
    static let classes = Setting<[String]>.list(
        "PARITY_RUNNER_CLASSES", default: ["linux-amd64.small"], help: "Classes of replicas to take")
    static let docker = Setting<String>.text(
        "PARITY_DOCKER_HOST", default: "unix:///var/run/docker.sock", help: "The Docker Engine to run containers on")
    static let broker = Setting<String>.secretURL(
        "PARITY_BROKER_URL", schemes: ["amqp", "amqps"], help: "The broker; what the gateway says unless set")
    static let imageCache = Setting<Int>.integer(
        "PARITY_IMAGE_CACHE_BYTES", default: 20 << 30, in: 0...(1 << 46),
        help: "What images that the agent fetched may take; those unused for longest go first")
    static let imageSize = Setting<Int>.integer(
        "PARITY_MAX_IMAGE_BYTES", default: 8 << 30, in: 1...(1 << 46), help: "The largest image to take")
    static let root = Setting<Bool>.boolean(
        "PARITY_ALLOW_ROOT", default: false,
        help: "Whether images that say USER root are run, as root without capabilities, instead of rejected")
    static let runtime = Setting<String>.text(
        "PARITY_CONTAINER_RUNTIME", help: "The engine's runtime for tasks, such as runsc; its default unless set")
    static let evidence = Setting<Int>.integer(
        "PARITY_EVIDENCE_BYTES", default: 16 << 20, in: 0...(1 << 40),
        help: "How much of an output that has lost already to upload, for the task's divergence report")

    package static let descriptions =
        CommonSettings.descriptions + [
            gateway.description, apiKey.description, name.description, state.description, slots.description,
            classes.description, docker.description, broker.description, imageCache.description,
            imageSize.description, root.description, runtime.description, evidence.description,
        ]

    package var common: CommonSettings
    package var gatewayURL: String
    package var apiKey: String
    package var name: String
    package var stateFolder: String
    package var slots: Int
    package var classes: [String]
    package var dockerHost: String
    package var brokerURL: String?
    package var images: ImageCache.Limits
    package var sandbox: SandboxSettings
    package var evidenceBytes: Int64

    package init(_ reader: SettingsReader) throws {
        common = try CommonSettings(reader)
        gatewayURL = try reader.value(Self.gateway)
        apiKey = try reader.value(Self.apiKey)
        name = try reader.value(Self.name)
        stateFolder = try reader.value(Self.state)
        slots = try reader.value(Self.slots)
        classes = try reader.value(Self.classes)
        dockerHost = try reader.value(Self.docker)
        brokerURL = try reader.optional(Self.broker)
        images = ImageCache.Limits(
            cacheBytes: Int64(try reader.value(Self.imageCache)), imageBytes: Int64(try reader.value(Self.imageSize)))
        sandbox = SandboxSettings(
            allowsRoot: try reader.value(Self.root), runtime: try reader.optional(Self.runtime))
        evidenceBytes = Int64(try reader.value(Self.evidence))
    }
}
