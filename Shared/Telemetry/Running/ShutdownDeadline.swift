import Dispatch
import ServiceLifecycle
import Synchronization

/// Ends a process whose services do not stop.
///
/// It stands last in a group, so that it hears of a shutdown first. Its clock runs on a dispatch queue: services
/// that block every cooperative thread cannot stop it.
final class ShutdownDeadline: Service {
    private let gracefulSeconds: Int
    private let cancelledSeconds: Int
    private let onOverdue: @Sendable () -> Void
    private let timer = Mutex<DispatchWorkItemBox?>(nil)

    init(gracefulSeconds: Int, cancelledSeconds: Int, onOverdue: @escaping @Sendable () -> Void) {
        self.gracefulSeconds = gracefulSeconds
        self.cancelledSeconds = cancelledSeconds
        self.onOverdue = onOverdue
    }

    func run() async throws {
        do {
            try await gracefulShutdown()
            arm(seconds: gracefulSeconds)
        } catch {
            arm(seconds: cancelledSeconds)
        }
    }

    private func arm(seconds: Int) {
        let item = DispatchWorkItem(block: onOverdue)
        timer.withLock { $0 = DispatchWorkItemBox(item: item) }
        DispatchQueue.global().asyncAfter(deadline: .now() + .seconds(seconds), execute: item)
    }

    /// Everything stopped in time.
    func disarm() { timer.withLock { $0?.item.cancel() } }
}

/// Dispatch documents work items as safe to cancel from any thread, but does not mark them `Sendable`.
private struct DispatchWorkItemBox: @unchecked Sendable {
    let item: DispatchWorkItem
}
