package import Sandbox
package import Telemetry

/// What a builder can be told beside a runner's settings.
package struct BuilderSettings: SettingsGroup {
    static let memory = Setting<Int>.integer(
        "PARITY_BUILD_MEMORY_BYTES", default: 2 << 30, in: (64 << 20)...(1 << 40),
        help: "With --builder: memory of one build")
    static let cpu = Setting<Int>.integer(
        "PARITY_BUILD_CPU_MILLI", default: 2000, in: 100...1_000_000, help: "With --builder: thousandths of a CPU")
    static let wall = Setting<Duration>.duration(
        "PARITY_BUILD_WALL", default: .seconds(1800), in: .seconds(1)...(.seconds(86_400)),
        help: "With --builder: how long one build may take")
    static let network = Setting<String>.text(
        "PARITY_BUILD_NETWORK", default: "default",
        help: "With --builder: the network of a build's steps: default, none, or one of the engine's")
    static let context = Setting<Int>.integer(
        "PARITY_BUILD_CONTEXT_BYTES", default: 1 << 30, in: 1...(1 << 46), help: "With --builder: the largest context")
    static let image = Setting<Int>.integer(
        "PARITY_BUILD_IMAGE_BYTES", default: 4 << 30, in: 1...(1 << 46),
        help: "With --builder: the largest image to build")

    package static let descriptions = [
        memory.description, cpu.description, wall.description, network.description, context.description,
        image.description,
    ]

    package var limits: BuildLimits

    package init(_ reader: SettingsReader) throws {
        limits = BuildLimits(
            memoryBytes: Int64(try reader.value(Self.memory)), cpuMilli: Int64(try reader.value(Self.cpu)),
            wall: try reader.value(Self.wall), network: try reader.value(Self.network),
            contextBytes: Int64(try reader.value(Self.context)), imageBytes: Int64(try reader.value(Self.image)))
    }
}
