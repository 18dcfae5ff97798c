import ParityProtocol
import Telemetry

/// Following a task to its end and ending the command accordingly: what `watch` and `submit --wait` share.
enum Watching {
    /// Shows the task in `style` until it is settled; throws ``CommandFailure`` with the code of its end.
    static func follow(
        _ id: TaskID, client: GatewayClient, style: WatchView.Style, timeout: Duration?
    ) async throws -> GatewayClient.Answer<TaskObject> {
        let terminal = Terminal.standardOutput
        return try await Deadline.run(timeout) {
            var view = WatchView(id: id, style: style, terminal: terminal)
            let shown = ViewBox(view)
            let task = try await TaskFollower(client: client, id: id).run(
                onEvent: { shown.view.show($0) }, onInterruption: { shown.view.show(interruption: $0) })
            view = shown.view
            view.finish(task)
            return task
        }
    }

    /// How a task ended, as an exit status.
    static func status(_ task: TaskObject) -> CommandExit {
        switch task.state {
        case .verified: task.expectationFailed == true ? .expectationFailed : .success
        case .noConsensus: .noConsensus
        case .failed: .failed
        case .cancelled: .cancelled
        case .building, .queued, .running: .failure
        }
    }

    static func timeout(_ text: String?) throws -> Duration? {
        guard let text else { return nil }
        guard let limit = DurationText.parse(text), limit > .zero else {
            throw CommandFailure(.usage, "--timeout \(text): a duration such as 30s or 10m is expected")
        }
        return limit
    }

    /// Lets both callbacks of a follower, which run one after the other, change one view.
    private final class ViewBox {
        var view: WatchView
        init(_ view: WatchView) { self.view = view }
    }
}
