import Synchronization
import TestSupport
import Testing

@testable import Sandbox

@Suite struct SingleFlightTests {
    /// Counts what runs and holds it back until it is told to go on, or cancelled.
    private final class Gate: Sendable {
        let started = Atomic(0)
        let cancelled = Atomic(0)
        let isOpen = Atomic(false)

        func pass() async throws -> Int {
            let number = started.add(1, ordering: .relaxed).newValue
            while !isOpen.load(ordering: .relaxed) {
                do {
                    try await Task.sleep(for: .milliseconds(2))
                } catch {
                    cancelled.add(1, ordering: .relaxed)
                    throw error
                }
            }
            return number
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `A hundred who ask at once share one operation, and the next starts another`() async throws {
        let flight = SingleFlight<String, Int>()
        let gate = Gate()
        try await withThrowingTaskGroup { group in
            for _ in 0..<100 { group.addTask { try await flight.run("a") { try await gate.pass() } } }
            let other = Task { try await flight.run("b") { 7 } }
            #expect(try await other.value == 7, "another key does not wait")
            #expect(try await TestEnvironment.eventually { flight.waiting(for: "a") == 100 })
            gate.isOpen.store(true, ordering: .relaxed)
            for try await number in group { #expect(number == 1) }
        }
        #expect(try await flight.run("a") { try await gate.pass() } == 2)
    }

    @Test(.timeLimit(.minutes(25)))
    func `A failure reaches everybody and is not remembered`() async throws {
        struct Failure: Error {}
        let flight = SingleFlight<String, Int>()
        await #expect(throws: Failure.self) { try await flight.run("a") { throw Failure() } }
        #expect(try await flight.run("a") { 1 } == 1)
    }

    @Test(.timeLimit(.minutes(25)))
    func `The operation is cancelled when the last who waits has left`() async throws {
        let flight = SingleFlight<String, Int>()
        let gate = Gate()
        let tasks = (0..<3).map { _ in Task { try await flight.run("a") { try await gate.pass() } } }
        #expect(try await TestEnvironment.eventually { gate.started.load(ordering: .relaxed) == 1 })
        #expect(try await TestEnvironment.eventually { flight.waiting(for: "a") == 3 })
        for task in tasks.dropLast() {
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
        }
        #expect(gate.cancelled.load(ordering: .relaxed) == 0)
        tasks[2].cancel()
        await #expect(throws: CancellationError.self) { try await tasks[2].value }
        #expect(try await TestEnvironment.eventually { gate.cancelled.load(ordering: .relaxed) == 1 })
        gate.isOpen.store(true, ordering: .relaxed)
        #expect(try await flight.run("a") { try await gate.pass() } == 2)
    }

    @Test(.timeLimit(.minutes(25)))
    func `Who comes cancelled leaves at once`() async throws {
        let flight = SingleFlight<String, Int>()
        let gate = Gate()
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await flight.run("a") { try await gate.pass() }
        }
        await #expect(throws: CancellationError.self) { try await task.value }
    }
}
