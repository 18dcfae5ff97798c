import AsyncHTTPClient
import Foundation
import NIOCore
import ParityProtocol

/// What the engine's machine has, as far as runs depend on it.
struct Machine: Sendable, Hashable {
    /// As Go names it.
    let architecture: String
    /// The CPUs that containers may use, by number; often not all, and not always from 0.
    let cpus: [Int]
    let memoryBytes: Int64
    let keeper: KeeperImage

    /// How long a container that only prints may take on a busy machine.
    private static let probeTimeout: Duration = .seconds(60)

    /// Asks the engine, and a container of ours where the engine says nothing: which CPUs there are.
    static func discover(_ engine: DockerEngine, labels: [String: String]) async throws -> Machine {
        let architecture = try await engine.architecture()
        let keeper = try KeeperImage(architecture: architecture)
        try await keeper.ensure(on: engine)
        let name = "parity-\(UUID().uuidString.lowercased())-probe"
        let body = ContainerPolicy.probe(image: keeper.name, labels: labels)
        let container = try await Sandbox.uncancelled { try await engine.createContainer(body, name: name) }
        let mask: [UInt8]
        do {
            mask = try await firstOutput(of: container, engine)
        } catch {
            await Sandbox.shielded { try await engine.removeContainer(container) }
            throw error
        }
        await Sandbox.shielded { try await engine.removeContainer(container) }
        let cpus = self.cpus(in: mask)
        guard !cpus.isEmpty else { throw DockerError(.malformed, "probe", "the engine's CPUs cannot be found out") }
        return Machine(
            architecture: architecture, cpus: cpus, memoryBytes: try await engine.information().memoryBytes,
            keeper: keeper)
    }

    /// The numbers of the bits that are set, from the lowest of the first byte.
    static func cpus(in mask: [UInt8]) -> [Int] {
        mask.enumerated().flatMap { index, byte in (0..<8).filter { byte >> $0 & 1 == 1 }.map { index * 8 + $0 } }
    }

    private static func firstOutput(of container: String, _ engine: DockerEngine) async throws -> [UInt8] {
        let attached = try await engine.attach(container, timeout: probeTimeout)
        try await engine.start(container)
        var frames = StreamFrames()
        for try await chunk in attached {
            if let frame = frames.feed(Array(chunk.readableBytesView)).first { return frame.bytes }
        }
        return []
    }
}

/// What is known of an engine's machine: found out once, by the first who asks; and which of its CPUs are promised.
actor MachineBook {
    private let engine: DockerEngine
    private var discovery: Task<Machine, any Error>?
    /// CPUs of containers that are about to be made, by the run's name.
    private var reserved: [String: [Int]] = [:]

    init(engine: DockerEngine) { self.engine = engine }

    /// `labels` are those of the run on whose behalf it is found out.
    func machine(labels: [String: String]) async throws -> Machine {
        if let discovery { return try await discovery.value }
        let engine = engine
        // A task of its own: whoever waits may be cancelled, the answer is for all.
        let task = Task { try await Machine.discover(engine, labels: labels) }
        discovery = task
        do {
            return try await task.value
        } catch {
            discovery = nil
            throw error
        }
    }

    /// Picks CPUs for a run, of those that the fewest containers of any agent on this engine are kept to.
    func reserve(_ count: Int, for run: String, of machine: Machine) async throws -> [Int] {
        let taken = try await engine.containerLabels(ContainerPolicy.cpuLabel)
        // No waiting from here on: two runs that ask at once see each other.
        let cpus = Placement.pick(count, of: machine.cpus, taken: taken, reserved: reserved.values.flatMap { $0 })
        reserved[run] = cpus
        return cpus
    }

    /// The container is there and speaks for itself, or will never be.
    func release(_ run: String) { reserved[run] = nil }
}
