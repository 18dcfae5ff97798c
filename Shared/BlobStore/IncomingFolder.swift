import Foundation

/// Where one process writes uploads until they are whole: a subfolder of `incoming`, locked for as long as this lives,
/// so that any number of gateways share a volume. What gateways that are gone left is removed when the next one starts.
final class IncomingFolder: Sendable {
    let path: String
    private let lock: Int32

    init(in incoming: String) throws {
        try FileManager.default.createDirectory(atPath: incoming, withIntermediateDirectories: true)
        // One at a time looks around: between the making of a folder and its locking it would look abandoned.
        guard let turn = Self.lock(incoming, waits: true) else { throw Self.unusable(incoming) }
        defer { close(turn) }
        for name in try FileManager.default.contentsOfDirectory(atPath: incoming) where name != Self.lockName {
            Self.removeIfAbandoned("\(incoming)/\(name)")
        }
        path = "\(incoming)/\(UUID().uuidString.lowercased())"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        guard let lock = Self.lock(path, waits: false) else { throw Self.unusable(path) }
        self.lock = lock
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
        close(lock)
    }

    private static let lockName = "lock"

    private static func unusable(_ path: String) -> BlobError { BlobError(.storage, "\(path) cannot be locked") }

    private static func removeIfAbandoned(_ path: String) {
        guard let lock = lock(path, waits: false) else { return }
        try? FileManager.default.removeItem(atPath: path)
        close(lock)
    }

    /// nil when another holds it. The kernel lets go of the lock when the process ends, however it ends.
    private static func lock(_ folder: String, waits: Bool) -> Int32? {
        let descriptor = open("\(folder)/\(lockName)", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return nil }
        while flock(descriptor, waits ? LOCK_EX : LOCK_EX | LOCK_NB) != 0 {
            if errno == EINTR { continue }
            close(descriptor)
            return nil
        }
        return descriptor
    }
}
