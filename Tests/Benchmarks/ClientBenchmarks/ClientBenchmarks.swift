import Foundation
import Logging
import TestSupport

/// Measures the clients beside C programs over the same libraries and beside pgbench, in turns within one run, and
/// prints each pair with its ratio. `deploy/test --bench` runs it.
@main
struct ClientBenchmarks {
    static func main() async throws {
        #if DEBUG
            say("This is a debug build: its figures say nothing. Use swift run -c release client-benchmarks")
        #endif
        say("Median of \(Comparison.rounds) rounds, by turns. Ratio: Parity's rate over the other's.\n")
        say(Comparison.heading)
        try await RabbitMQTestBroker.withVirtualHost { broker in
            for comparison in try await AMQPBenchmark(broker: broker).run() { say(comparison.line) }
        }
        try await PostgresTestDatabase.withDatabase { url in
            for comparison in try await PostgresBenchmark(url: url + "?sslmode=disable").run() { say(comparison.line) }
        }
    }

    /// At once, also into a pipe.
    static func say(_ line: String) { FileHandle.standardOutput.write(Data((line + "\n").utf8)) }

    static let logger = {
        var logger = Logger(label: "benchmark")
        logger.logLevel = .error
        return logger
    }()
}
