import TestSupport
import Testing

@testable import RunnerAgent

@Suite(.timeLimit(.minutes(25))) struct PendingClaimsTests {
    private typealias Claims = PendingClaims<Int, String, String>

    @Test func `An answer that overtakes the confirmation of its claim is heard`() async throws {
        let claims = Claims()
        let answer = await claims.answer(to: 1) {
            #expect(claims.hear(.granted("token"), to: 1))
            #expect(!claims.hear(.granted("another's"), to: 2))
        }
        guard case .granted("token") = answer else {
            Issue.record("expected the grant, got \(String(describing: answer))")
            return
        }
        #expect(!claims.hear(.refused("late"), to: 1), "nobody waits any more")
    }

    @Test func `A claim without answer is sent again, so many times`() async {
        let claims = Claims(patience: .milliseconds(10), tries: 3)
        var sent = 0
        let answer = await claims.answer(to: 1) { sent += 1 }
        #expect(answer == nil)
        #expect(sent == 3)
        sent = 0
        let late = await claims.answer(to: 1) {
            sent += 1
            if sent == 2 { claims.hear(.refused("taken"), to: 1) }
        }
        #expect(sent == 2)
        guard case .refused("taken") = late else {
            Issue.record("expected the refusal, got \(String(describing: late))")
            return
        }
    }

    @Test func `Who is cancelled waits no longer, and the earlier of two for one claim neither`() async throws {
        let claims = Claims(patience: .seconds(600))
        let sent = AsyncStream<Void>.makeStream()
        let waiting = { @Sendable in
            await claims.answer(to: 1) { sent.continuation.yield() }
        }
        var sendings = sent.stream.makeAsyncIterator()
        let earlier = Task { await waiting() }
        await sendings.next()
        let later = Task { await waiting() }
        await sendings.next()
        #expect(await earlier.value == nil)
        later.cancel()
        #expect(await later.value == nil)
        #expect(!claims.hear(.granted("late"), to: 1))
    }
}
