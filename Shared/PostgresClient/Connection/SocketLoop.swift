import CPostgres
import Foundation
import Synchronization

/// A thread that waits on the sockets of some of the process's connections and runs the code that uses them.
///
/// As a task executor it spares the two changes of thread that each statement would cost otherwise: what reads the
/// answer goes on to send the next statement. Code on it shares the thread with others, so it must not block.
final class SocketLoop: TaskExecutor {
    /// As many as there are cores, within reason; connections take them by turns.
    private static let all = (0..<min(4, max(1, ProcessInfo.processInfo.activeProcessorCount))).map { _ in
        SocketLoop()
    }
    private static let turn = Atomic(0)

    static func next() -> SocketLoop {
        all[turn.wrappingAdd(1, ordering: .relaxed).oldValue % all.count]
    }

    private struct State {
        var handles: [UInt64: ConnectionHandle] = [:]
        var last: UInt64 = 0
        var jobs: [UnownedJob] = []
        /// Waits, or is about to: new jobs must wake it.
        var isAsleep = false
    }

    private let state = Mutex(State())
    private let epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
    private let wakeUp = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
    /// The number that stands for the wake-up among the connections'.
    private static let wakeUpID: UInt64 = 0

    private init() {
        _ = control(EPOLL_CTL_ADD, wakeUp, Self.wakeUpID, waitsToWrite: false)
        let thread = Thread { [self] in run() }
        thread.name = "postgres"
        thread.stackSize = 4 << 20
        thread.start()
    }

    // MARK: - Sockets

    /// Tells `handle` from now on when its socket can be read. Nil when the system has no room for it.
    func register(_ handle: ConnectionHandle, socket: Int32) -> UInt64? {
        let id = state.withLock { state in
            state.last += 1
            state.handles[state.last] = handle
            return state.last
        }
        if control(EPOLL_CTL_ADD, socket, id, waitsToWrite: false) { return id }
        _ = state.withLock { $0.handles.removeValue(forKey: id) }
        return nil
    }

    /// Whether `id` wants to hear also when its socket takes more bytes.
    func update(_ id: UInt64, socket: Int32, waitsToWrite: Bool) {
        _ = control(EPOLL_CTL_MOD, socket, id, waitsToWrite: waitsToWrite)
    }

    /// An event that is on its way already finds nobody.
    func remove(_ id: UInt64, socket: Int32) {
        _ = control(EPOLL_CTL_DEL, socket, id, waitsToWrite: false)
        _ = state.withLock { $0.handles.removeValue(forKey: id) }
    }

    private func control(_ operation: Int32, _ socket: Int32, _ id: UInt64, waitsToWrite: Bool) -> Bool {
        var event = epoll_event()
        event.events = EPOLLIN.rawValue | (waitsToWrite ? EPOLLOUT.rawValue : 0)
        event.data.u64 = id
        return epoll_ctl(epoll, operation, socket, &event) == 0
    }

    // MARK: - Jobs

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let mustWake = state.withLock { state in
            state.jobs.append(job)
            defer { state.isAsleep = false }
            return state.isAsleep
        }
        if mustWake {
            var one: UInt64 = 1
            _ = write(wakeUp, &one, 8)
        }
    }

    private func run() {
        var events = [epoll_event](repeating: epoll_event(), count: 64)
        let executor = asUnownedTaskExecutor()
        while true {
            let mayWait = state.withLock { state in
                state.isAsleep = state.jobs.isEmpty
                return state.isAsleep
            }
            let count = epoll_wait(epoll, &events, Int32(events.count), mayWait ? -1 : 0)
            state.withLock { $0.isAsleep = false }
            // Without descriptors left there is nothing to wait on: connections fail, and this must not spin.
            if count < 0, errno != EINTR { usleep(100_000) }
            for event in events.prefix(Int(max(0, count))) {
                if event.data.u64 == Self.wakeUpID {
                    var value: UInt64 = 0
                    _ = read(wakeUp, &value, 8)
                } else {
                    state.withLock { $0.handles[event.data.u64] }?.socketIsReady()
                }
            }
            let jobs = state.withLock { state in
                defer { state.jobs = [] }
                return state.jobs
            }
            for job in jobs { job.runSynchronously(on: executor) }
        }
    }
}
