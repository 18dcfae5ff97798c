import ParityProtocol
import Synchronization
import TestSupport
import Testing

/// What the agent does with offers, and when a slot is free again.
@Suite(.serialized, .timeLimit(.minutes(25))) struct RunnerAgentTests {
    @Test func `An offer that is sent twice is one attempt and takes one slot`() async throws {
        try await AgentStage.set(slots: 2) { stage in
            let (first, second, third) = (stage.attempt(), stage.attempt(), stage.attempt())
            for id in [first, first, second, third] { try await stage.offer(id) }
            try await stage.expectClaim(first)
            try await stage.expectClaim(second)
            try await stage.expectEventually("the third waits in the lane") { try await stage.waitingOffers() == 1 }
            #expect(stage.executor.preparations(of: third) == 0)
            try await stage.expectEventually("the first is prepared") { stage.executor.preparations(of: first) > 0 }
            try await stage.refuse(first)
            try await stage.expectClaim(third)
            #expect(stage.executor.preparations(of: first) == 1)
            try await stage.refuse(second)
            try await stage.refuse(third)
            try await stage.expectEventually("nothing is left") { try await stage.waitingOffers() == 0 }
        }
    }

    @Test func `An offer that comes again over a new connection is the attempt that is under way`() async throws {
        try await AgentStage.set(slots: 2) { stage in
            let (first, second) = (stage.attempt(), stage.attempt())
            try await stage.offer(first)
            try await stage.expectClaim(first)
            try await stage.breakConnections()
            // Behind the first, which comes again.
            try await stage.offer(second)
            try await stage.expectClaim(second)
            try await stage.grant(first)
            try await stage.expectEventually("it goes on") { await stage.results == [first] }
            #expect(stage.executor.preparations(of: first) == 1)
        }
    }

    @Test func `An attempt whose result is out is not run again`() async throws {
        try await AgentStage.set(slots: 1) { stage in
            let (first, second) = (stage.attempt(), stage.attempt())
            try await stage.offer(first)
            try await stage.expectClaim(first)
            try await stage.grant(first)
            try await stage.expectEventually("it is reported") { await stage.results == [first] }
            // As when its acknowledgement went with a connection.
            try await stage.offer(first)
            try await stage.offer(second)
            try await stage.expectClaim(second)
            #expect(stage.executor.preparations(of: first) == 1)
        }
    }

    @Test func `A refused offer frees its slot while its preparation hangs, and what that makes is discarded`()
        async throws
    {
        try await AgentStage.set(slots: 1) { stage in
            let (first, second) = (stage.attempt(), stage.attempt())
            stage.executor.hold(first)
            try await stage.offer(first)
            try await stage.expectClaim(first)
            try await stage.expectEventually("it is prepared") { stage.executor.preparations(of: first) == 1 }
            try await stage.refuse(first)
            try await stage.offer(second)
            try await stage.expectClaim(second)
            #expect(!stage.executor.isDiscarded(first))
            stage.executor.release(first)
            try await stage.expectEventually("it is discarded") { stage.executor.isDiscarded(first) }
        }
    }

    @Test func `A cancelled attempt frees its slot while its preparation hangs`() async throws {
        try await AgentStage.set(slots: 1) { stage in
            let (first, second) = (stage.attempt(), stage.attempt())
            stage.executor.hold(first)
            try await stage.offer(first)
            try await stage.expectClaim(first)
            try await stage.expectEventually("it is prepared") { stage.executor.preparations(of: first) == 1 }
            try await stage.grant(first)
            try await stage.expectHeld(first)
            try await stage.cancel(first)
            try await stage.offer(second)
            try await stage.expectClaim(second)
            stage.executor.release(first)
            try await stage.expectEventually("it is discarded") { stage.executor.isDiscarded(first) }
            let hasResult = await stage.results.contains(first)
            #expect(!hasResult)
        }
    }

    @Test func `Leaving is said at once though a preparation hangs, and what was not granted goes back to the lane`()
        async throws
    {
        try await AgentStage.set(slots: 1) { stage in
            let id = stage.attempt()
            stage.executor.hold(id)
            try await stage.offer(id)
            try await stage.expectClaim(id)
            try await stage.expectEventually("it is prepared") { stage.executor.preparations(of: id) == 1 }
            await stage.stopAgent()
            try await stage.expectEventually("it said goodbye") { await stage.hasLeft }
            #expect(!stage.executor.isDiscarded(id), "before the preparation ended")
            stage.executor.release(id)
            try await stage.expectEventually("it is discarded") { stage.executor.isDiscarded(id) }
            try await stage.expectEventually("another may have it") { try await stage.waitingOffers() == 1 }
        }
    }

    @Test func `Finished work waits for a gateway that is away, and is reported when its output is there`()
        async throws
    {
        let isAway = Atomic(true)
        let refusals = Atomic(0)
        let blobs: @Sendable (RecordedRequest) -> ScriptedAnswer = { request in
            if isAway.load(ordering: .relaxed) {
                refusals.add(1, ordering: .relaxed)
                return ScriptedAnswer(status: 503, chunks: [])
            }
            return ScriptedAnswer(status: request.method == "HEAD" ? 404 : 201, chunks: [])
        }
        try await AgentStage.set(slots: 1, blobs: blobs) { stage in
            let id = stage.attempt()
            try await stage.offer(id)
            try await stage.expectClaim(id)
            try await stage.grant(id)
            try await stage.expectEventually("it asked again") { refusals.load(ordering: .relaxed) >= 3 }
            let early = await stage.results
            #expect(early.isEmpty)
            isAway.store(false, ordering: .relaxed)
            try await stage.expectEventually("it is reported") { await stage.results == [id] }
        }
    }

    @Test func `Losing the lease ends an upload that cannot be made`() async throws {
        let refusals = Atomic(0)
        let blobs: @Sendable (RecordedRequest) -> ScriptedAnswer = { _ in
            refusals.add(1, ordering: .relaxed)
            return ScriptedAnswer(status: 503, chunks: [])
        }
        try await AgentStage.set(slots: 1, blobs: blobs) { stage in
            let (first, second) = (stage.attempt(), stage.attempt())
            try await stage.offer(first)
            try await stage.expectClaim(first)
            try await stage.grant(first)
            try await stage.expectEventually("it asked") { refusals.load(ordering: .relaxed) >= 1 }
            try await stage.cancel(first)
            try await stage.offer(second)
            try await stage.expectClaim(second)
            #expect(stage.executor.isDiscarded(first))
            let results = await stage.results
            #expect(results.isEmpty, "it has no right to a result, not even to a failure")
        }
    }
}
