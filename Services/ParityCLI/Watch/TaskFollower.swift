import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import ParityProtocol

/// Follows one task's events to its end, through lost connections.
struct TaskFollower {
    /// Connections lost in a row before giving up: about three minutes of trying.
    static let maximumFailures = 40
    /// Ends of a stream without news after a task has ended, before it is taken to be all.
    private static let maximumIdleEnds = 3

    let client: GatewayClient
    let id: TaskID

    /// Hands every event to `onEvent`, in order, each once, and returns the task as it stands at the end: settled, and
    /// with what differed explained, if the gateway could.
    ///
    /// A lost connection is made anew from the last event seen (`Last-Event-ID`). Throws ``GatewayFailure`` when the
    /// gateway refuses, or stays away for minutes.
    func run(
        onEvent: (WatchEvent) -> Void, onInterruption: (GatewayFailure) -> Void = { _ in }
    ) async throws -> GatewayClient.Answer<TaskObject> {
        var task = try await client.task(id)
        var last: Int64 = 0
        var isSettled = false
        var failures = 0
        var idleEnds = 0
        while true {
            let before = last
            do {
                try await stream(after: last) { event in
                    guard event.seq > last else { return }
                    last = event.seq
                    isSettled = isSettled || event.known == .taskSettled
                    onEvent(event)
                }
                task = try await client.task(id)
                // The gateway ends the stream once it has nothing more to tell.
                if isSettled { return task }
                failures = 0
                if last == before, task.value.state.isFinal { idleEnds += 1 }
                if task.value.state.isFinal, task.value.settled || idleEnds >= Self.maximumIdleEnds { return task }
            } catch let failure as GatewayFailure where failure.mayPass && failures < Self.maximumFailures {
                failures = last > before ? 1 : failures + 1
                onInterruption(failure)
            }
            try await Task.sleep(for: .milliseconds(min(5000, 250 << min(failures, 5))))
        }
    }

    /// One connection's worth of events.
    private func stream(after last: Int64, _ onEvent: (WatchEvent) -> Void) async throws {
        var request = client.request(.GET, "/v1/tasks/\(id)/events")
        request.headers.replaceOrAdd(name: "Accept", value: "text/event-stream")
        if last > 0 { request.headers.add(name: "Last-Event-ID", value: String(last)) }
        var parser = ServerSentEventParser()
        do {
            let response = try await client.http.execute(request, timeout: .hours(24))
            for try await chunk in try await client.checked(response).body {
                for event in try parser.consume(chunk.readableBytesView).compactMap(WatchEvent.init) { onEvent(event) }
            }
        } catch let failure as GatewayFailure {
            throw failure
        } catch {
            throw client.unreachable(error)
        }
    }
}

extension GatewayFailure {
    /// Whether trying again later can help.
    var mayPass: Bool {
        switch self {
        case .unreachable: true
        case .problem(let problem): problem.status >= 500 || problem.status == 429
        case .unexpected(let status, _): status >= 500
        }
    }
}
