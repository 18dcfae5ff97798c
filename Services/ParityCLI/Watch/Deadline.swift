/// Runs an operation against the clock.
enum Deadline {
    /// What `operation` returns; cancels it and throws ``CommandFailure`` (`timedOut`) once `limit` is over. Without a
    /// limit it may take forever.
    static func run<Value: Sendable>(
        _ limit: Duration?, _ operation: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        guard let limit else { return try await operation() }
        return try await withThrowingTaskGroup(of: Value.self) { group in
            group.addTask { try await operation() }
            group.addTask {
                try await Task.sleep(for: limit)
                throw CommandFailure(.timedOut, "the task did not end in time")
            }
            defer { group.cancelAll() }
            guard let value = try await group.next() else { throw CancellationError() }
            return value
        }
    }
}
