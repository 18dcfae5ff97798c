import FoundationEssentials
import Glibc

/// All processes of one `parity dev`: starts them, keeps them running, stops them in order.
actor DevProcesses {
    /// Ends in a row, each soon after its start, before we give up on a process.
    static let maximumQuickEnds = 5
    static let quickSeconds = 10

    private let spawner: ProcessSpawner
    private let log: MergedLog
    private let recordPath: String
    private var record = Leftovers()
    private var children: [String: ChildProcess] = [:]
    private var isStopping = false

    init(spawner: ProcessSpawner, log: MergedLog, recordPath: String) {
        self.spawner = spawner
        self.log = log
        self.recordPath = recordPath
    }

    /// Starts `spec` and writes it down.
    @discardableResult
    func start(_ spec: ProcessSpec) async throws -> ChildProcess {
        guard !isStopping else { throw CancellationError() }
        let child = try await spawner.spawn(spec)
        children[spec.name] = child
        record.add(spec.name, child.identifier)
        try record.write(recordPath)
        return child
    }

    /// Starts `spec` again whenever it ends, until cancelled. Throws ``CommandFailure`` when it does not stay up, or at
    /// once when it cannot use its settings.
    func keepRunning(_ spec: ProcessSpec) async throws {
        var quickEnds = 0
        while true {
            let child =
                if let running = children[spec.name], running.ending.current == nil { running } else {
                    try await start(spec)
                }
            let ending = try await child.ending.wait()
            if isStopping { return }
            quickEnds = child.started.duration(to: .now) < .seconds(Self.quickSeconds) ? quickEnds + 1 : 0
            guard ending != .exited(CommandExit.settings.rawValue), quickEnds < Self.maximumQuickEnds else {
                throw failure(spec, ending)
            }
            log.say("\(spec.name) ended with \(ending); it is started again", .yellow)
            try await Task.sleep(for: .seconds(1))
        }
    }

    private func failure(_ spec: ProcessSpec, _ ending: ChildProcess.Ending) -> CommandFailure {
        var lines = ["\(spec.name) does not stay up: it ended with \(ending)"]
        switch spec.output {
        case .log: lines += log.lastLines(of: spec.name).suffix(3)
        case .file(let path): lines += ["the end of \(path):"] + Readiness.lastLines(of: path)
        }
        return CommandFailure(.failure, lines: lines)
    }

    /// Stops the processes named, at the same time; returns once they have ended.
    func stop(_ names: [String]) async {
        isStopping = true
        let running = names.compactMap { children[$0] }
        await withTaskGroup(of: Void.self) { group in
            for child in running { group.addTask { await child.stop() } }
        }
    }

    /// Everything has ended: there is nothing to clean up next time.
    func finish() { unlink(recordPath) }

    func killAll() {
        isStopping = true
        for child in children.values { child.killGroup() }
    }

    // MARK: - Tools

    /// Runs a program to its end, within `seconds`; its output is returned, cut to what an error message needs.
    func tool(
        _ executable: String, _ arguments: [String], environment: [String: String], user: String? = nil,
        seconds: Int = 120
    ) async throws -> (code: Int32, output: String) {
        let path = "\(recordPath).tool-\(UUID().uuidString)"
        defer { unlink(path) }
        let child = try await spawner.spawn(
            ProcessSpec(
                name: executable, executable: executable, arguments: arguments, environment: environment,
                output: .file(path), user: user))
        guard let ending = await child.ending.wait(atMost: .seconds(seconds)) else {
            child.killGroup()
            throw CommandFailure(.failure, "\(executable) did not end within \(seconds) s")
        }
        let output = Readiness.lastLines(of: path).joined(separator: "\n")
        guard case .exited(let code) = ending else { return (-1, output) }
        return (code, output)
    }

    /// As ``tool(_:_:environment:user:seconds:)``; throws when it fails.
    func runTool(
        name: String, _ executable: String, _ arguments: [String], environment: [String: String], user: String? = nil
    ) async throws {
        let result = try await tool(executable, arguments, environment: environment, user: user)
        guard result.code == 0 else {
            throw CommandFailure(
                .failure,
                lines: ["\(name) failed with exit code \(result.code):"]
                    + result.output.split(separator: "\n").map(String.init))
        }
    }
}
