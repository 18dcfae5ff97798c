import Glibc

/// Keeps a second `parity dev` out of a state folder; the kernel lets go of it however we end.
final class FolderLock: Sendable {
    private let descriptor: Int32

    /// Throws ``CommandFailure`` when another process holds it.
    init(folder: String) throws {
        let path = "\(folder)/lock"
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw CommandFailure(.failure, "\(path): \(systemError())") }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw CommandFailure(
                .failure, "\(folder) is in use by another `parity dev`", "stop that one, or choose another --state")
        }
    }

    deinit { close(descriptor) }
}
