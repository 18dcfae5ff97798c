import Foundation

/// A task whose waiters can leave at once, also when what it does cannot be broken off.
struct AbandonableTask<Value: Sendable>: Sendable {
    private let task: Task<Value, any Error>

    init(_ body: @escaping @Sendable () async throws -> Value) { task = Task { try await body() } }

    /// What came of it. Throws `CancellationError` at once when the present task is cancelled; the work then goes on.
    func value() async throws -> Value {
        let (ended, end) = AsyncStream<Void>.makeStream()
        let task = task
        Task {
            _ = await task.result
            end.finish()
        }
        for await _ in ended {}
        try Task.checkCancellation()
        return try await task.value
    }

    /// As ``value()``, for one who waits however long it takes.
    func end() async throws -> Value { try await task.value }

    func cancel() { task.cancel() }
}
