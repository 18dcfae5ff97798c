import Foundation

/// The folder that holds one agent's key and scratch files, locked for as long as this lives: two agents with one key
/// would answer each other's offers.
package final class StateFolder: Sendable {
    /// Stands for a number in a pattern.
    package static let placeholder = "{n}"
    private static let most = 4096

    package let path: String
    /// What stood for ``placeholder``; nil without one.
    package let number: Int?
    private let descriptor: Int32

    /// Locks the folder at `pattern`, made if it is missing. With ``placeholder`` in it, the smallest number whose
    /// folder no other agent holds: agents that are scaled on shared storage each keep an identity that way, also when
    /// their containers are made anew.
    package init(pattern: String) throws {
        guard pattern.contains(Self.placeholder) else {
            guard let held = try Self.lock(pattern) else {
                throw AgentError(
                    "\(pattern) is in use by another agent; give each its own PARITY_STATE_DIR, or put {n} into it")
            }
            (path, number, descriptor) = (pattern, nil, held)
            return
        }
        for number in 1...Self.most {
            let path = pattern.replacingOccurrences(of: Self.placeholder, with: "\(number)")
            guard let held = try Self.lock(path) else { continue }
            (self.path, self.number, descriptor) = (path, number, held)
            return
        }
        throw AgentError("all \(Self.most) folders of \(pattern) are in use by other agents")
    }

    deinit { close(descriptor) }

    /// `text` with this folder's number in place of ``placeholder``.
    package func numbered(_ text: String) -> String {
        text.replacingOccurrences(of: Self.placeholder, with: number.map(String.init) ?? "1")
    }

    /// nil when another holds it. The kernel lets go of the lock when the process ends, however it ends.
    private static func lock(_ path: String) throws -> Int32? {
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw AgentError("\(path) cannot be made: \(error.localizedDescription)")
        }
        let descriptor = open(path + "/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw AgentError("\(path) cannot be used: \(String(cString: strerror(errno)))")
        }
        if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return descriptor }
        let code = errno
        close(descriptor)
        guard code == EWOULDBLOCK else {
            throw AgentError("\(path) cannot be locked: \(String(cString: strerror(code)))")
        }
        return nil
    }
}
