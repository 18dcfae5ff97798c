import Foundation
import ParityProtocol
import Testing

@testable import RunnerAgent

@Suite struct LeaseBookTests {
    private let id = AttemptID(task: TaskID(UUID.v7()), replica: 0, attempt: 1)

    @Test func `A lease is believed from when it was asked for, and less than it lasts`() {
        var book = LeaseBook(sequence: 0)
        let asked = ContinuousClock.now
        book.granted(id, token: "t", leaseMilliseconds: 8000, claimedAt: asked)
        #expect(book.expired(at: asked.advanced(by: .milliseconds(6999))).isEmpty)
        #expect(book.expired(at: asked.advanced(by: .milliseconds(7000))) == [id])
    }

    @Test func `A renewal counts from its heartbeat, and never shortens`() {
        var book = LeaseBook(sequence: 0)
        let asked = ContinuousClock.now
        book.granted(id, token: "t", leaseMilliseconds: 8000, claimedAt: asked)
        let (sequence, held) = book.heartbeat(at: asked.advanced(by: .seconds(2)))
        #expect(held.map(\.token) == ["t"])
        let stopped = book.renewed(Renewal(sequence: sequence, leaseMilliseconds: 8000, renewed: [id]))
        #expect(stopped.isEmpty)
        #expect(book.expired(at: asked.advanced(by: .milliseconds(8999))).isEmpty)
        #expect(book.expired(at: asked.advanced(by: .milliseconds(9000))) == [id])
    }

    @Test func `What a renewal leaves out is lost, but not what was granted after its heartbeat`() {
        var book = LeaseBook(sequence: 0)
        let later = AttemptID(task: TaskID(UUID.v7()), replica: 1, attempt: 1)
        book.granted(id, token: "t", leaseMilliseconds: 8000, claimedAt: .now)
        let (sequence, _) = book.heartbeat(at: .now)
        book.granted(later, token: "u", leaseMilliseconds: 8000, claimedAt: .now)
        let stopped = book.renewed(Renewal(sequence: sequence, leaseMilliseconds: 8000, renewed: []))
        #expect(stopped == [id])
    }

    @Test func `A renewal of no heartbeat that was sent changes nothing`() {
        var book = LeaseBook(sequence: 0)
        book.granted(id, token: "t", leaseMilliseconds: 8000, claimedAt: .now)
        let stopped = book.renewed(Renewal(sequence: 99, leaseMilliseconds: 8000, renewed: []))
        #expect(stopped.isEmpty)
    }
}
