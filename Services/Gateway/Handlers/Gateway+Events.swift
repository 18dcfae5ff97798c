import HTTPTypes
import Hummingbird
import NIOCore
import ParityProtocol
import PostgresClient
import ServiceLifecycle
import Store

extension Gateway {
    /// How often a silent stream shows that it lives.
    private static let keepAlive: Duration = .seconds(15)
    /// How long a settled task's stream waits for the explanation of what differed and the look into its output.
    private static let explanationPatience: Duration = .seconds(30)

    /// `GET /v1/tasks/{id}/events`: the task's history as server-sent events, then live until it is settled, its
    /// expectations are known and what differed is explained. Resumes after `Last-Event-ID`.
    @Sendable func streamEvents(_ request: Request, _ context: BasicRequestContext) async throws -> Response {
        let account = try await authenticate(request)
        let task = try await task(request, context)
        let last = HTTPField.Name("Last-Event-ID").flatMap { request.headers[$0] }
        guard let start = Int64(last ?? "0"), start >= 0 else {
            throw Problem.badRequest("last_event_id", "Last-Event-ID is the id of an event, a number")
        }
        guard let place = watch.admit(account.id) else {
            throw Problem(
                status: 429, code: "too_many_streams", title: "Too Many Requests",
                detail: "this account has \(EventWatch.maximumStreams) event streams open; close some of them first")
        }
        let body = ResponseBody { writer in
            let stream = UncheckedWriter(writer)
            try await cancelWhenGracefulShutdown { try await follow(task.id, after: start, stream) }
            try await stream.writer.finish(nil)
            withExtendedLifetime(place) {}
        }
        return Response(
            status: .ok, headers: [.contentType: "text/event-stream", .cacheControl: "no-store"], body: body)
    }

    /// Lets the writer into the closure that shutdown cancels.
    ///
    /// Unchecked: only one task uses it at a time.
    private final class UncheckedWriter: @unchecked Sendable {
        var writer: any ResponseBodyWriter
        init(_ writer: any ResponseBodyWriter) { self.writer = writer }
    }

    private func follow(_ task: TaskID, after start: Int64, _ stream: UncheckedWriter) async throws {
        if try await isOver(task, after: start) { return }
        var seq = start
        var settledAt: ContinuousClock.Instant?
        while !Task.isCancelled {
            let events = try await pool.withConnection {
                try await Views.events(of: task, after: seq, limit: 200, in: $0)
            }
            for event in events {
                let line = "id: \(event.seq)\nevent: \(event.type.rawValue)\ndata: \(try JSONText.encode(event))\n\n"
                try await stream.writer.write(ByteBuffer(string: line))
                seq = event.seq
                if event.type == .taskSettled { settledAt = .now }
            }
            if events.count == 200 { continue }
            if let settledAt, settledAt.duration(to: .now) > Self.explanationPatience { return }
            if settledAt != nil, try await isOver(task, after: seq) { return }
            let patience = settledAt == nil ? Self.keepAlive : Self.explanationPatience
            if await !watch.change(of: task, after: seq, within: patience), !Task.isCancelled {
                try await stream.writer.write(ByteBuffer(string: ": still here\n\n"))
                // Also for one that waits for events after its task's last.
                if try await isOver(task, after: seq) { return }
            }
        }
    }

    /// Also for a resumed stream whose last event was seen already.
    private func isOver(_ task: TaskID, after seq: Int64) async throws -> Bool {
        try await pool.withConnection { connection in
            guard try await Views.isComplete(task, in: connection) else { return false }
            // What came between the last look at the events and this one is still to be told.
            return try await Views.events(of: task, after: seq, limit: 1, in: connection).isEmpty
        }
    }
}
