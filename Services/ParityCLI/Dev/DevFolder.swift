import FoundationEssentials
import Glibc

/// The folder that holds everything `parity dev` keeps.
struct DevFolder: Sendable {
    let path: String

    var state: String { "\(path)/state.json" }
    var processes: String { "\(path)/processes.json" }
    var client: String { "\(path)/client.json" }
    var blobs: String { "\(path)/blobs" }
    var logs: String { "\(path)/logs" }
    var postgres: String { "\(path)/postgres" }
    var rabbitMQ: String { "\(path)/rabbitmq" }
    var builder: String { "\(path)/builder" }
    func runner(_ number: Int) -> String { "\(path)/runner-\(number)" }

    static var isRoot: Bool { geteuid() == 0 }

    /// `~/.local/share/parity/dev`; for root a place that the account `postgres` can reach, which its home is not.
    static func standard(_ environment: [String: String]) -> String {
        if isRoot { return "/var/lib/parity/dev" }
        if let data = environment["XDG_DATA_HOME"], data.hasPrefix("/") { return "\(data)/parity/dev" }
        return "\(environment["HOME"] ?? "/tmp")/.local/share/parity/dev"
    }

    /// Makes the folder where it is missing. As root others may walk through it, not look into it.
    init(_ path: String) throws {
        let full = path.hasPrefix("/") ? path : "\(FileManager.default.currentDirectoryPath)/\(path)"
        self.path = full
        do {
            for folder in [full, blobs, logs] {
                try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            }
        } catch {
            throw CommandFailure(.failure, "cannot make \(full): \(error)")
        }
        chmod(full, Self.isRoot ? 0o711 : 0o700)
        chmod(blobs, 0o700)
        chmod(logs, 0o700)
        if Self.isRoot { try checkReach() }
    }

    /// PostgreSQL refuses to run as root; its own account must be able to walk here.
    private func checkReach() throws {
        var ancestor = path
        while let slash = ancestor.lastIndex(of: "/"), slash != ancestor.startIndex {
            ancestor = String(ancestor[..<slash])
            var status = stat()
            guard stat(ancestor, &status) == 0, status.st_mode & 0o001 == 0 else { continue }
            throw CommandFailure(
                .failure, "PostgreSQL does not run as root, and its account cannot enter \(ancestor)",
                "choose another folder with --state, or run `parity dev` as a user that is not root")
        }
    }
}
