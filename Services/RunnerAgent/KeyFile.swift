package import Crypto
import Foundation

/// The runner's identity: an Ed25519 key in a file that only its user may read.
package enum KeyFile {
    /// The key in `folder`, made on first use. The folder exists and is locked: see ``StateFolder``.
    package static func load(folder: String) throws -> Curve25519.Signing.PrivateKey {
        let path = folder + "/runner.key"
        if let data = FileManager.default.contents(atPath: path) {
            guard let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: data) else {
                throw AgentError("\(path) is no runner key; move it away to get a new identity")
            }
            return key
        }
        let key = Curve25519.Signing.PrivateKey()
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw AgentError("\(path) cannot be written") }
        defer { close(descriptor) }
        let written = key.rawRepresentation.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        guard written == 32, fsync(descriptor) == 0 else { throw AgentError("\(path) cannot be written") }
        return key
    }
}

/// Why the agent cannot go on.
package struct AgentError: Error, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}
