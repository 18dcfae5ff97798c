import Foundation

/// Trust for an `amqps` connection.
package struct AMQPTLS: Sendable {
    /// A PEM file of authorities; nil takes the system's.
    package var authorityFile: String?
    package var verifiesPeer: Bool

    package init(authorityFile: String? = nil, verifiesPeer: Bool = true) {
        self.authorityFile = authorityFile
        self.verifiesPeer = verifiesPeer
    }
}

/// Where the broker is, who asks, and how long to wait.
package struct AMQPConfiguration: Sendable, CustomStringConvertible {
    package var host: String
    package var port: Int
    package var virtualHost: String
    package var username: String
    package var password: String
    package var tls: AMQPTLS?
    package var heartbeat: Duration = .seconds(15)
    package var connectTimeout: Duration = .seconds(5)
    /// For each answer that a command waits for.
    package var rpcTimeout: Duration = .seconds(10)
    package var backoff = Backoff()
    /// Shown in the broker's list of connections.
    package var connectionName = "parity"

    package init(
        host: String, port: Int = 5672, virtualHost: String = "/", username: String, password: String,
        tls: AMQPTLS? = nil
    ) {
        self.host = host
        self.port = port
        self.virtualHost = virtualHost
        self.username = username
        self.password = password
        self.tls = tls
    }

    /// Reads `amqp://user:password@host:port/vhost` or `amqps://…` (the AMQP URI specification), percent-encoded.
    /// `?cacertfile=…` names a PEM file of authorities.
    package init(url text: String) throws(AMQPError) {
        func invalid(_ fault: String) -> AMQPError { AMQPError(code: .invalidURL, message: "the AMQP URL \(fault)") }
        guard let url = URL(string: text) else { throw invalid("cannot be read") }
        guard url.scheme == "amqp" || url.scheme == "amqps" else {
            throw invalid("must start with amqp:// or amqps://")
        }
        guard let host = url.host(percentEncoded: false), !host.isEmpty else { throw invalid("names no host") }
        guard let user = url.user(percentEncoded: false), let password = url.password(percentEncoded: false) else {
            throw invalid("names no user and password")
        }
        let path = url.path(percentEncoded: true).dropFirst()
        guard !path.contains("/"), let virtualHost = String(path).removingPercentEncoding else {
            throw invalid("has a virtual host with an unescaped slash")
        }
        let isTLS = url.scheme == "amqps"
        self.init(
            host: host, port: url.port ?? (isTLS ? 5671 : 5672), virtualHost: virtualHost.isEmpty ? "/" : virtualHost,
            username: user, password: password, tls: isTLS ? AMQPTLS() : nil)
        for pair in (url.query(percentEncoded: false) ?? "").split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2, parts[0] == "cacertfile" else { throw invalid("has an unknown option") }
            tls?.authorityFile = parts[1]
        }
    }

    package var description: String {
        "\(tls == nil ? "amqp" : "amqps")://\(username)@\(host):\(port)/\(virtualHost == "/" ? "" : virtualHost)"
    }
}

/// How long to wait before the next try to connect: exponential, with full jitter.
package struct Backoff: Sendable, Hashable {
    package var base: Duration
    package var cap: Duration

    package init(base: Duration = .milliseconds(200), cap: Duration = .seconds(30)) {
        self.base = base
        self.cap = cap
    }

    /// A random wait before try `attempt` (0 is the first repetition), at most base·2^attempt and at most the cap.
    package func delay(attempt: Int, using generator: inout some RandomNumberGenerator) -> Duration {
        let ceiling = min(cap, base * (1 << min(max(attempt, 0), 20)))
        return ceiling * Double.random(in: 0...1, using: &generator)
    }
}

/// What a connection is doing, for readiness and metrics.
package enum AMQPConnectionStatus: Sendable, Hashable {
    case connecting
    case connected
    /// The broker takes nothing from publishers: a memory or disk alarm.
    case blocked(reason: String)
    case closed
}
