import FoundationEssentials

/// Where the server is, who asks, and how long to wait.
package struct PostgresConfiguration: Sendable, CustomStringConvertible {
    /// A host name, an address, or a folder that holds a Unix socket.
    package var host: String
    package var port: Int
    package var database: String
    package var user: String
    package var password: String?
    package var sslMode: String?
    package var maxConnections = 8
    /// How long a caller waits for a free connection.
    package var acquireTimeout: Duration = .seconds(5)
    package var connectTimeout: Duration = .seconds(5)
    package var statementTimeout: Duration = .seconds(5)
    package var lockTimeout: Duration = .seconds(3)
    package var idleInTransactionTimeout: Duration = .seconds(10)
    package var applicationName = "parity"

    package init(
        host: String, port: Int = 5432, database: String, user: String, password: String? = nil, sslMode: String? = nil
    ) {
        self.host = host
        self.port = port
        self.database = database
        self.user = user
        self.password = password
        self.sslMode = sslMode
    }

    /// Reads `postgres://user:password@host:port/database?sslmode=…`, percent-encoded.
    package init(url text: String) throws(PostgresError) {
        func invalid(_ fault: String) -> PostgresError {
            PostgresError(code: .invalidURL, message: "the Postgres URL \(fault)")
        }
        guard let url = URL(string: text) else { throw invalid("cannot be read") }
        guard url.scheme == "postgres" || url.scheme == "postgresql" else {
            throw invalid("must start with postgres://")
        }
        guard let host = url.host(percentEncoded: false), !host.isEmpty else { throw invalid("names no host") }
        guard let user = url.user(percentEncoded: false), !user.isEmpty else { throw invalid("names no user") }
        let database = url.path(percentEncoded: false).drop { $0 == "/" }
        guard !database.isEmpty else { throw invalid("names no database") }
        self.init(
            host: host, port: url.port ?? 5432, database: String(database), user: user,
            password: url.password(percentEncoded: false))
        for pair in (url.query(percentEncoded: false) ?? "").split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2 else { throw invalid("has an option without a value") }
            switch parts[0] {
            case "sslmode": sslMode = parts[1]
            case "host": self.host = parts[1]
            default: throw invalid("has the unknown option \(parts[0])")
            }
        }
    }

    package var description: String { "postgres://\(user)@\(host):\(port)/\(database)" }

    /// What libpq is given, as keywords and values.
    var keywords: [(String, String)] {
        var pairs = [
            ("host", host), ("port", String(port)), ("dbname", database), ("user", user),
            ("application_name", applicationName),
            ("connect_timeout", String(max(2, connectTimeout.components.seconds))),
            ("client_encoding", "UTF8"),
            // A peer that vanished without a word is noticed within about 15 s.
            ("keepalives_idle", "5"), ("keepalives_interval", "3"), ("keepalives_count", "3"),
            ("tcp_user_timeout", "15000"),
            (
                "options",
                "-c statement_timeout=\(Self.milliseconds(statementTimeout)) "
                    + "-c lock_timeout=\(Self.milliseconds(lockTimeout)) "
                    + "-c idle_in_transaction_session_timeout=\(Self.milliseconds(idleInTransactionTimeout))"
            ),
        ]
        if let password { pairs.append(("password", password)) }
        if let sslMode { pairs.append(("sslmode", sslMode)) }
        return pairs
    }

    private static func milliseconds(_ duration: Duration) -> Int64 {
        duration.components.seconds * 1000 + duration.components.attoseconds / 1_000_000_000_000_000
    }
}
