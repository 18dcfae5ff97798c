import Foundation
import Synchronization

/// A thread that runs jobs one after the other. One connection lives on each: libpq blocks, and the cooperative pool
/// must not.
final class ConnectionThread: Sendable {
    typealias Job = @Sendable () -> Void

    private struct Mailbox {
        var jobs: [Job] = []
        var isStopped = false
    }

    private let mailbox = Mutex(Mailbox())
    private let signal = Signal()

    /// Starts the thread. It ends after ``stop()``, once the jobs that were accepted have run.
    init(name: String) {
        let mailbox = Unmanaged.passUnretained(self)
        let thread = Thread { [keeper = Keeper(mailbox.takeUnretainedValue())] in keeper.thread.loop() }
        thread.name = name
        // libpq, OpenSSL and GSSAPI need far less than the default of 8 MiB.
        thread.stackSize = 1 << 20
        thread.start()
    }

    /// Keeps the mailbox alive as long as its thread runs.
    private final class Keeper: Sendable {
        let thread: ConnectionThread
        init(_ thread: ConnectionThread) { self.thread = thread }
    }

    /// Queues a job; false once stopped.
    func submit(_ job: @escaping Job) -> Bool {
        let accepted = mailbox.withLock { box in
            if box.isStopped { return false }
            box.jobs.append(job)
            return true
        }
        if accepted { signal.raise() }
        return accepted
    }

    func stop() {
        mailbox.withLock { $0.isStopped = true }
        signal.raise()
    }

    private func loop() {
        while true {
            signal.wait()
            let (jobs, isStopped) = mailbox.withLock { box in
                defer { box.jobs.removeAll(keepingCapacity: true) }
                return (box.jobs, box.isStopped)
            }
            for job in jobs { job() }
            if isStopped, jobs.isEmpty { return }
            if isStopped { signal.raise() }
        }
    }
}

/// Wakes one thread; raises that come while it is awake are not lost.
private final class Signal: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)
    func raise() { semaphore.signal() }
    func wait() { semaphore.wait() }
}
