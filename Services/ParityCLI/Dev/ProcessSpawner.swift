import Foundation
import Glibc
import Synchronization

/// Starts processes that die with us.
///
/// Each is started through util-linux' `setpriv --pdeathsig`, which has the kernel send it its stop signal when the
/// *thread* that started it ends (prctl(2), PR_SET_PDEATHSIG). Threads of a pool come and go: so all are started by
/// one thread of our own that ends only with the process.
final class ProcessSpawner: Sendable {
    private struct Job: Sendable {
        let spec: ProcessSpec
        let answer: @Sendable (Result<ChildProcess, CommandFailure>) -> Void
    }

    private let jobs = Mutex<[Job]>([])
    private let wakeUp = DispatchSemaphore(value: 0)
    private let log: MergedLog

    init(log: MergedLog) {
        self.log = log
        Thread.detachNewThread { [self] in serve() }
    }

    /// Starts `spec` in a process group of its own, so that a Ctrl-C on the terminal reaches only us.
    func spawn(_ spec: ProcessSpec) async throws -> ChildProcess {
        try await withCheckedThrowingContinuation { continuation in
            jobs.withLock { $0.append(Job(spec: spec) { continuation.resume(with: $0) }) }
            wakeUp.signal()
        }
    }

    private func serve() -> Never {
        while true {
            wakeUp.wait()
            guard let job = jobs.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) else { continue }
            do throws(CommandFailure) {
                job.answer(.success(try start(job.spec)))
            } catch {
                job.answer(.failure(error))
            }
        }
    }

    private func start(_ spec: ProcessSpec) throws(CommandFailure) -> ChildProcess {
        var ends: [Int32] = [-1, -1]
        if case .log = spec.output {
            guard pipe(&ends) == 0 else {
                throw CommandFailure(.failure, "cannot start \(spec.name): \(systemError())")
            }
            // Only this thread starts processes: none can come between and inherit them.
            for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        }
        defer { if ends[1] >= 0 { close(ends[1]) } }
        let process = SpawnCall(spec: spec, outputDescriptor: ends[1])
        switch process.run() {
        case .success(let identifier):
            return ChildProcess(spec: spec, identifier: identifier, output: ends[0], log: log)
        case .failure(let failure):
            if ends[0] >= 0 { close(ends[0]) }
            throw failure
        }
    }
}
