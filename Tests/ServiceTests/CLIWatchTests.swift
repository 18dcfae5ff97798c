import ParityProtocol
import Synchronization
import Testing

@testable import ParityCLI

@Suite(.timeLimit(.minutes(25))) struct CLIWatchTests {
    static let stream =
        ": hello\r\nretry: 5\n\nid: 1\nevent: a\ndata: one\ndata: two\n\nid:2\rdata:x\r\rdata: é\n\nevent: ignored\n\n"

    @Test func `events are read however the bytes are cut`() throws {
        let bytes = Array(Self.stream.utf8)
        let expected = [
            ServerSentEvent(id: "1", type: "a", data: "one\ntwo"), ServerSentEvent(id: "2", type: "message", data: "x"),
            ServerSentEvent(id: "2", type: "message", data: "é"),
        ]
        for size in 1...bytes.count {
            var parser = ServerSentEventParser()
            var events: [ServerSentEvent] = []
            for start in stride(from: 0, to: bytes.count, by: size) {
                events += try parser.consume(bytes[start..<min(start + size, bytes.count)])
            }
            #expect(events == expected, "pieces of \(size)")
        }
    }

    @Test func `an endless line is given up`() throws {
        var parser = ServerSentEventParser()
        let megabyte = [UInt8](repeating: 65, count: ServerSentEventParser.maximumEventBytes)
        #expect(try parser.consume(megabyte).isEmpty)
        #expect(throws: ServerSentEventParser.TooLong.self) { try parser.consume([65]) }
    }

    private func progress(_ events: [(String, JSONValue)]) throws -> TaskProgress {
        var progress = TaskProgress(id: try #require(TaskID(Samples.task)))
        for (index, event) in events.enumerated() {
            progress.apply(WatchEvent(seq: Int64(index + 1), type: event.0, at: "", data: event.1))
        }
        return progress
    }

    @Test func `a verified task shows replicas, matches and shares`() throws {
        let progress = try progress([
            ("task.submitted", ["reward": 1_500_000]), ("replica.offered", ["replica": 0, "lane": 4, "attempt": 1]),
            ("replica.granted", ["replica": 0, "attempt": 1, "runner": .string(Samples.runner)]),
            ("replica.result", ["replica": 0, "outcome": "completed", "output_digest": .string(Samples.digest)]),
            ("replica.result", ["replica": 1, "outcome": "completed", "output_digest": .string(Samples.other)]),
            ("task.decided", ["verdict": "verified", "output_digest": .string(Samples.digest)]),
            ("replica.result", ["replica": 2, "outcome": "completed", "output_digest": .string(Samples.digest)]),
            (
                "task.settled",
                [
                    "paid": 1_500_000, "refunded": 0,
                    "shares": [["replica": 0, "amount": 750_000], ["replica": 2, "amount": 750_000]],
                ]
            ), ("something.new", ["replica": 0]),
        ])
        #expect(progress.state == "verified")
        #expect(progress.replicas[0]?.matched == true)
        #expect(progress.replicas[1]?.matched == false)
        #expect(progress.replicas[2]?.matched == true)
        #expect(progress.replicas[0]?.paid?.units == 750_000)
        #expect(progress.replicas[1]?.paid == nil)
        let plain = Terminal(isInteractive: false, isColoured: false, columns: 80)
        let text = ProgressText.block(progress).map { $0.render(plain) }.joined(separator: "\n")
        #expect(text.contains("lane 4"))
        #expect(text.contains("sha256:aaaaaaaaaaaaaaaa…  match  +0.75"))
        #expect(text.contains("mismatch"))
        #expect(text.contains("verified  \(Samples.digest)"))
        #expect(text.contains("settled: 1.5 paid to 2 runners"))
    }

    @Test func `a replica that is offered again forgets its runner`() throws {
        let progress = try progress([
            ("replica.granted", ["replica": 3, "attempt": 1, "runner": .string(Samples.runner)]),
            ("replica.reoffered", ["replica": 3, "attempt": 1, "reason": "lease_ended"]),
        ])
        #expect(progress.state == "running")
        #expect(progress.replicas[3]?.runner == nil)
        #expect(progress.replicas[3]?.note == "lease_ended")
    }

    @Test func `lines fit the terminal and cannot drive it`() {
        let narrow = Terminal(isInteractive: true, isColoured: true, columns: 11)
        var line = StyledLine("12345", .red)
        line.add("\u{1B}[2J" + "6789 and more")
        let text = line.render(narrow)
        #expect(!text.contains("\u{1B}[2J"))
        let visible = text.replacing("\u{1B}[31m", with: "").replacing("\u{1B}[0m", with: "")
        #expect(visible.count == 10)
        #expect(visible.hasSuffix("…"))
    }

    @Test func `a lost connection is resumed after the last event`() async throws {
        try await FakeGateway.run { request, before in
            guard request.path.hasSuffix("/events") else {
                return .json(Samples.task(state: "running", settled: false))
            }
            return before == 0
                ? .events(Samples.event(1, "task.submitted"), Samples.event(2, "replica.offered", "{\"replica\":0}"))
                : .events(Samples.event(2, "replica.offered", "{\"replica\":0}"), Samples.event(3, "task.settled"))
        } _: { gateway, url in
            try await GatewayClient.with(Samples.client(url)) { client in
                let seen = Mutex<[Int64]>([])
                let id = try #require(TaskID(Samples.task))
                _ = try await TaskFollower(client: client, id: id).run(onEvent: { event in
                    seen.withLock { $0.append(event.seq) }
                })
                #expect(seen.withLock { $0 } == [1, 2, 3])
            }
            let streams = gateway.requests.filter { $0.path.hasSuffix("/events") }
            #expect(streams.map { $0.headers["last-event-id"] } == [nil, "2"])
        }
    }

    @Test func `a gateway in trouble is asked again, one that refuses is not`() async throws {
        try await FakeGateway.run { request, before in
            guard request.path.hasSuffix("/events") else { return .json(Samples.task()) }
            return before == 0 ? .problem(503, "unavailable") : .events(Samples.event(1, "task.settled"))
        } _: { gateway, url in
            try await GatewayClient.with(Samples.client(url)) { client in
                let id = try #require(TaskID(Samples.task))
                let task = try await TaskFollower(client: client, id: id).run(onEvent: { _ in })
                #expect(task.value.state == .verified)
            }
            #expect(gateway.requests.count { $0.path.hasSuffix("/events") } == 2)
        }
        try await FakeGateway.run { _, _ in
            .problem(404, "not_found")
        } _: { gateway, url in
            await #expect(throws: GatewayFailure.self) {
                try await GatewayClient.with(Samples.client(url)) { client in
                    let id = try #require(TaskID(Samples.task))
                    _ = try await TaskFollower(client: client, id: id).run(onEvent: { _ in })
                }
            }
            #expect(gateway.requests.count == 1)
        }
    }

    @Test func `an ended task whose stream says nothing more is not waited for`() async throws {
        try await FakeGateway.run { request, _ in
            request.path.hasSuffix("/events") ? .events(": nothing\n\n") : .json(Samples.task(state: "cancelled"))
        } _: { _, url in
            try await GatewayClient.with(Samples.client(url)) { client in
                let id = try #require(TaskID(Samples.task))
                let task = try await TaskFollower(client: client, id: id).run(onEvent: { _ in })
                #expect(Watching.status(task.value) == .cancelled)
            }
        }
    }

    @Test func `waiting ends at its deadline`() async throws {
        let error = await #expect(throws: CommandFailure.self) {
            try await Deadline.run(.milliseconds(10)) { try await Task.sleep(for: .seconds(60)) }
        }
        #expect(error?.status == .timedOut)
        #expect(try await Deadline.run(.seconds(60)) { 5 } == 5)
    }
}
