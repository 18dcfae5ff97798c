import Synchronization

/// One message on its way, and who waits for it.
struct PublishRequest: Sendable {
    let message: AMQPMessage
    let deadline: ContinuousClock.Instant
    let completion: Completion

    enum Completion: Sendable {
        case one(CheckedContinuation<Void, any Error>)
        case batch(PublishBatch, index: Int)
    }

    func finish(_ error: AMQPError?) {
        switch completion {
        case .one(let continuation):
            if let error { continuation.resume(throwing: error) } else { continuation.resume() }
        case .batch(let batch, let index): batch.finish(index, error)
        }
    }
}

/// Collects the outcomes of a batch and answers when all are there.
final class PublishBatch: Sendable {
    private struct State {
        var errors: [AMQPError?]
        var remaining: Int
        var continuation: CheckedContinuation<[AMQPError?], Never>?
    }

    private let state: Mutex<State>

    init(count: Int, continuation: CheckedContinuation<[AMQPError?], Never>) {
        state = Mutex(State(errors: Array(repeating: nil, count: count), remaining: count, continuation: continuation))
    }

    func finish(_ index: Int, _ error: AMQPError?) {
        let done = state.withLock { state -> (CheckedContinuation<[AMQPError?], Never>, [AMQPError?])? in
            state.errors[index] = error
            state.remaining -= 1
            guard state.remaining == 0, let continuation = state.continuation else { return nil }
            state.continuation = nil
            return (continuation, state.errors)
        }
        done?.0.resume(returning: done?.1 ?? [])
    }
}
