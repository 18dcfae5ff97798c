import Foundation
import Glibc
import ParityProtocol
import Synchronization
import Testing

@testable import ParityCLI

@Suite(.timeLimit(.minutes(25))) struct CLIDevTests {
    @Test func `remembered ports are taken when they are free, others when not`() throws {
        let first = try FreePorts.take(["a", "b", "c"], remembered: [:])
        #expect(Set(first.values).count == 3)
        let again = try FreePorts.take(["a", "b", "c"], remembered: first)
        #expect(again == first)
        let moved = try FreePorts.take(
            ["x", "a"], remembered: ["a": first["a"] ?? 0], preferred: ["x": first["a"] ?? 0])
        #expect(moved["a"] == first["a"])
        #expect(moved["x"] != first["a"])
    }

    @Test func `one state folder serves one parity dev`() async throws {
        try await TemporaryFolder.with { folder in
            let lock = try FolderLock(folder: folder.path)
            let error = #expect(throws: CommandFailure.self) { try FolderLock(folder: folder.path) }
            #expect(error?.lines.first?.contains("in use by another") == true)
            withExtendedLifetime(lock) {}
        }
    }

    @Test func `state is kept, and readable by its owner only`() async throws {
        try await TemporaryFolder.with { folder in
            let path = "\(folder.path)/state.json"
            let state = try DevState.read(path)
            try state.write(path)
            #expect(try DevState.read(path) == state)
            #expect(DevState().adminKey != state.adminKey)
            #expect(state.adminKey.count == 32)
            #expect(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int == 0o600)
        }
    }

    @Test func `services' lines are merged under their names`() throws {
        let plain = Terminal(isInteractive: false, isColoured: false, columns: 80)
        let json =
            "{\"time\":\"2026-01-01T12:34:56.789Z\",\"level\":\"warning\",\"service\":\"runner-agent\","
            + "\"message\":\"Lease lost\",\"task\":\"t\",\"attempt\":\"2\"}"
        #expect(
            MergedLog.line(child: "runner-1", text: json).render(plain)
                == "12:34:56.789 warning runner-1    Lease lost attempt=2 task=t")
        #expect(MergedLog.line(child: "x", text: "plain \u{1B}[2J").render(plain).contains("plain \u{FFFD}[2J"))
    }

    @Test func `a child's lines reach the log and its end is told`() async throws {
        let (log, lines) = Self.log()
        let child = try await ProcessSpawner(log: log).spawn(
            Self.shell("echo one; echo two >&2; printf three; exit 7"))
        #expect(await child.ending.wait(atMost: .seconds(120)) == .exited(7))
        try await Self.condition { lines().count == 3 }
        #expect(lines().map { $0.split(separator: " ").last.map(String.init) } == ["one", "two", "three"])
        #expect(log.lastLines(of: "sh") == ["one", "two", "three"])
    }

    @Test func `a child's end is told although its own child lives on`() async throws {
        let (log, lines) = Self.log()
        let child = try await ProcessSpawner(log: log).spawn(Self.shell("sleep 600 & echo $!; exit 3"))
        #expect(await child.ending.wait(atMost: .seconds(120)) == .exited(3))
        try await Self.condition { !lines().isEmpty }
        let grandchild = try #require(lines().first?.split(separator: " ").last.flatMap { Int32($0) })
        #expect(Leftovers.startTicks(grandchild) != nil)
        kill(grandchild, SIGKILL)
    }

    @Test func `a child that does not stop is killed with what it started`() async throws {
        let (log, lines) = Self.log()
        var spec = Self.shell("trap '' TERM; sleep 600 & echo $!; wait; wait")
        spec.stopSeconds = 1
        let child = try await ProcessSpawner(log: log).spawn(spec)
        try await Self.condition { !lines().isEmpty }
        let grandchild = try #require(lines().first?.split(separator: " ").last.flatMap { Int32($0) })
        await child.stop()
        #expect(child.ending.current == .killed(signal: SIGKILL))
        try await Self.condition { Leftovers.startTicks(grandchild) == nil }
    }

    @Test func `what an earlier run left is ended, a stranger with its number is not`() async throws {
        let (log, _) = Self.log()
        let spawner = ProcessSpawner(log: log)
        let old = try await spawner.spawn(Self.shell("exec sleep 600"))
        let stranger = try await spawner.spawn(Self.shell("exec sleep 600"))
        var leftovers = Leftovers()
        leftovers.add("old", old.identifier)
        leftovers.entries.append(.init(name: "stranger", identifier: stranger.identifier, startTicks: "1"))
        try await TemporaryFolder.with { folder in
            let path = "\(folder.path)/processes.json"
            try leftovers.write(path)
            #expect(await Leftovers.read(path).end() == ["old"])
        }
        #expect(await old.ending.wait(atMost: .seconds(10)) != nil)
        #expect(stranger.ending.current == nil)
        await stranger.stop()
    }

    @Test func `a process that does not stay up is given up with its last words`() async throws {
        try await TemporaryFolder.with { folder in
            let (log, _) = Self.log()
            let processes = DevProcesses(
                spawner: ProcessSpawner(log: log), log: log, recordPath: "\(folder.path)/processes.json")
            let error = await #expect(throws: CommandFailure.self) {
                try await processes.keepRunning(Self.shell("echo PARITY_X is bad; exit 78"))
            }
            #expect(error?.lines == ["sh does not stay up: it ended with exit code 78", "PARITY_X is bad"])
        }
    }

    @Test func `a one-shot value wakes all who wait, and cancellation wakes one`() async throws {
        let shot = OneShot<Int>()
        let waiting = Task { try await shot.wait() }
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
        async let first = shot.wait()
        async let second = shot.wait()
        shot.set(4)
        shot.set(5)
        #expect(try await [first, second] == [4, 4])
        #expect(await OneShot<Int>().wait(atMost: .milliseconds(1)) == nil)
    }

    @Test func `programs that are not installed are named with their package`() async throws {
        try await TemporaryFolder.with { folder in
            var error = #expect(throws: CommandFailure.self) {
                try Executables.postgres(version: nil, root: folder.path)
            }
            #expect(error?.lines.last?.contains("apt-get install postgresql") == true)
            error = #expect(throws: CommandFailure.self) { try Executables.rabbitMQ(root: folder.path) }
            #expect(error?.lines.last?.contains("apt-get install rabbitmq-server") == true)
        }
    }

    @Test func `services get their settings and a person's own, not the person's key`() async throws {
        try await TemporaryFolder.with { folder in
            for name in ["gateway", "runner-agent"] { _ = try folder.write(name, "") }
            let services = DevServices(
                folder: try DevFolder("\(folder.path)/state"), state: DevState(),
                ports: ["gateway": 1, "gateway-health": 2],
                postgresURL: "postgresql://db", amqpURL: "amqp://b", logLevel: "info",
                environment: [
                    "PATH": "/bin", "SECRET": "x", "PARITY_LEASE": "20s", "PARITY_API_KEY": "mine",
                    "PARITY_POSTGRES_URL_FILE": "/x", "PARITY_TEST_AMQP": "y",
                ])
            let spec = services.process("gateway", at: "/bin/gateway", ["PARITY_POSTGRES_URL": "postgresql://db"])
            #expect(spec.environment["PARITY_LEASE"] == "20s")
            #expect(spec.environment["PARITY_HEALTH_PORT"] == "2")
            for name in ["SECRET", "PARITY_API_KEY", "PARITY_POSTGRES_URL_FILE", "PARITY_TEST_AMQP"] {
                #expect(spec.environment[name] == nil, "\(name)")
            }
        }
    }

    @Test func `both servers start on free ports, stop, and start again with their state`() async throws {
        try await TemporaryFolder.with { temporary in
            let folder = try DevFolder("\(temporary.path)/state")
            let state = DevState()
            let ports = try FreePorts.take(["postgres"] + RabbitMQNode.portNames, remembered: [:])
            for _ in 1...2 {
                let (log, _) = Self.log()
                let processes = DevProcesses(
                    spawner: ProcessSpawner(log: log), log: log, recordPath: folder.processes)
                let postgres = try PostgresCluster(
                    folder: folder, port: ports["postgres"] ?? 0, password: state.postgresPassword)
                let broker = try RabbitMQNode(folder: folder, state: state, ports: ports)
                try await postgres.initialize(processes)
                try broker.prepare()
                for spec in [postgres.process, broker.mapper, broker.process] { try await processes.start(spec) }
                try await postgres.awaitReady(processes)
                try await broker.awaitReady()
                let running = Leftovers.read(folder.processes).alive
                #expect(running.map(\.name) == ["postgres", "epmd", "rabbitmq"])
                await processes.stop([RabbitMQNode.name])
                await processes.stop([RabbitMQNode.mapperName, PostgresCluster.name])
                #expect(running.allSatisfy { Leftovers.startTicks($0.identifier) == nil })
                await processes.finish()
            }
        }
    }

    // MARK: - Help

    private static func log() -> (MergedLog, @Sendable () -> [String]) {
        let lines = LineBox()
        let plain = Terminal(isInteractive: false, isColoured: false, columns: 80)
        return (MergedLog(terminal: plain) { line in lines.add(line) }, { lines.all })
    }

    private static func shell(_ script: String) -> ProcessSpec {
        ProcessSpec(
            name: "sh", executable: "/bin/sh", arguments: ["-c", script], environment: ["PATH": "/usr/bin:/bin"],
            stopSeconds: 10)
    }

    private static func condition(_ holds: () -> Bool) async throws {
        let deadline = ContinuousClock.now + .seconds(30)
        while !holds() {
            try #require(ContinuousClock.now < deadline, "the condition did not come true")
            try await Task.sleep(for: .milliseconds(20))
        }
    }
}

private final class LineBox: Sendable {
    private let lines = Mutex<[String]>([])
    var all: [String] { lines.withLock { $0 } }
    func add(_ line: String) { lines.withLock { $0.append(line) } }
}
