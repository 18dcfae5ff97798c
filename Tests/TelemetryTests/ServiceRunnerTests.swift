import ArgumentParser
import Logging
import ServiceLifecycle
import Synchronization
import Testing

@testable import Telemetry

@Suite(.timeLimit(.minutes(25))) struct ServiceRunnerTests {
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    @Test func `a failing service stops the others gracefully and its error comes out`() async {
        let journal = Journal()
        await #expect(throws: Broken.self) {
            try await ServiceRunner.run(
                services: [
                    Waiting(name: "pool", journal: journal), Waiting(name: "core", journal: journal),
                    Failing(after: journal),
                ], logger: logger, signals: [])
        }
        #expect(journal.stopped == ["core", "pool"])
    }

    @Test func `a service that returns on its own is an error`() async {
        await #expect(throws: ServiceEndedError.self) {
            try await ServiceRunner.run(services: [Returning()], logger: logger, signals: [])
        }
    }

    @Test func `an unusable setting ends with 78, any other error with 1`() async throws {
        var error = await #expect(throws: ExitCode.self) {
            try await ServiceRunner.command("test") { throw SettingsError(name: "PARITY_X", message: "is bad") }
        }
        #expect(error?.rawValue == 78)
        error = await #expect(throws: ExitCode.self) { try await ServiceRunner.command("test") { throw Broken() } }
        #expect(error?.rawValue == 1)
        try await ServiceRunner.command("test") {}
    }

    @Test func `services that do not stop in time are overdue`() async throws {
        let (overdue, call) = AsyncStream.makeStream(of: Void.self)
        let deadline = ShutdownDeadline(gracefulSeconds: 0, cancelledSeconds: 0) { call.yield() }
        let group = ServiceGroup(
            configuration: .init(
                services: [.init(service: deadline, successTerminationBehavior: .ignore)], logger: logger))
        try await withThrowingTaskGroup { tasks in
            tasks.addTask { try await group.run() }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
        var iterator = overdue.makeAsyncIterator()
        #expect(await iterator.next() != nil)
    }
}

private struct Broken: Error {}

/// Which services were told to stop, in order; how many have started.
private final class Journal: Sendable {
    private let names = Mutex<[String]>([])
    private let started: AsyncStream<Void>.Continuation
    let starts: AsyncStream<Void>

    init() { (starts, started) = AsyncStream.makeStream() }

    var stopped: [String] { names.withLock { $0 } }
    func stop(_ name: String) { names.withLock { $0.append(name) } }
    func start() { started.yield() }
}

private struct Waiting: Service {
    let name: String
    let journal: Journal

    func run() async throws {
        journal.start()
        try await gracefulShutdown()
        journal.stop(name)
    }
}

/// Fails once both others have started.
private struct Failing: Service {
    let after: Journal

    func run() async throws {
        var iterator = after.starts.makeAsyncIterator()
        _ = await iterator.next()
        _ = await iterator.next()
        throw Broken()
    }
}

private struct Returning: Service {
    func run() async throws {}
}
