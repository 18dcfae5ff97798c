import FoundationEssentials
import Glibc

/// Where the programs are that `parity dev` needs.
enum Executables {
    static let setpriv = "/usr/bin/setpriv"

    struct Postgres: Sendable, Equatable {
        var folder: String
        var majorVersion: Int
        var initdb: String { "\(folder)/initdb" }
        var postgres: String { "\(folder)/postgres" }
        var isReady: String { "\(folder)/pg_isready" }
        var createdb: String { "\(folder)/createdb" }
    }

    /// The newest PostgreSQL, or the one of `version` when a cluster of it exists already.
    static func postgres(version: Int?, root: String = "/usr/lib/postgresql") throws -> Postgres {
        let versions = ((try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []).compactMap { Int($0) }
        let usable = versions.sorted(by: >).map { Postgres(folder: "\(root)/\($0)/bin", majorVersion: $0) }
            .filter { isExecutable($0.postgres) && isExecutable($0.initdb) }
        if let version {
            guard let match = usable.first(where: { $0.majorVersion == version }) else {
                throw CommandFailure(
                    .failure, "the state was made by PostgreSQL \(version), which is not installed",
                    "install it: sudo apt-get install postgresql-\(version)")
            }
            return match
        }
        guard let newest = usable.first else {
            throw CommandFailure(
                .failure, "PostgreSQL is not installed", "install it: sudo apt-get install postgresql")
        }
        return newest
    }

    /// RabbitMQ's own start script. Debian's wrapper in /usr/sbin is of no use here: it insists on the system's node.
    static func rabbitMQ(root: String = "/usr/lib/rabbitmq/lib") throws -> String {
        let folders = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
        let scripts = folders.sorted().reversed().map { "\(root)/\($0)/sbin/rabbitmq-server" }
        guard let script = scripts.first(where: isExecutable) else {
            throw CommandFailure(
                .failure, "RabbitMQ is not installed", "install it: sudo apt-get install rabbitmq-server")
        }
        return script
    }

    /// Erlang's port mapper.
    static func epmd() throws -> String {
        for path in ["/usr/bin/epmd", "/usr/lib/erlang/bin/epmd", "/usr/local/bin/epmd"] where isExecutable(path) {
            return path
        }
        throw CommandFailure(.failure, "epmd is not installed", "install it: sudo apt-get install erlang-base")
    }

    /// A service of ours, beside the running executable.
    static func sibling(_ name: String) throws -> String {
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let folder = own.lastIndex(of: "/").map { String(own[..<$0]) } ?? "."
        let path = "\(folder)/\(name)"
        guard isExecutable(path) else {
            throw CommandFailure(.failure, "\(path) is missing", "build everything: swift build")
        }
        return path
    }

    static func isExecutable(_ path: String) -> Bool { access(path, X_OK) == 0 }
}
