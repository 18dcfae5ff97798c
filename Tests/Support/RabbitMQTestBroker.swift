package import AMQPClient
import Foundation

/// A virtual host of a suite's own, gone at its end, through the broker's management API.
package struct RabbitMQTestBroker: Sendable {
    /// `amqp://…/vhost`
    package let url: String
    package let virtualHost: String

    /// How a client reaches it, with the patience that a busy machine needs.
    package func configuration() throws -> AMQPConfiguration {
        var configuration = try AMQPConfiguration(url: url)
        configuration.connectTimeout = .seconds(60)
        configuration.rpcTimeout = .seconds(60)
        return configuration
    }

    package static func withVirtualHost<T>(_ body: (RabbitMQTestBroker) async throws -> T) async throws -> T {
        let name = TestEnvironment.uniqueName()
        try await call("PUT", "/api/vhosts/\(name)")
        let broker = RabbitMQTestBroker(url: try TestEnvironment.amqp + "/" + name, virtualHost: name)
        do {
            let value = try await body(broker)
            _ = try? await call("DELETE", "/api/vhosts/\(name)")
            return value
        } catch {
            _ = try? await call("DELETE", "/api/vhosts/\(name)")
            throw error
        }
    }

    /// Closes every connection to the virtual host, as an operator or a failing network would; says how many.
    @discardableResult
    package func closeConnections() async throws -> Int {
        let names = try await connectionNames()
        for name in names {
            let escaped = name.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
            _ = try? await Self.call("DELETE", "/api/connections/\(escaped)")
        }
        return names.count
    }

    /// The connections to the virtual host, as far as the management API has heard; each has a name of its own.
    package func connectionNames() async throws -> Set<String> {
        struct Connection: Decodable { let name: String }
        let list = try await Self.call("GET", "/api/vhosts/\(virtualHost)/connections")
        return Set(try JSONDecoder().decode([Connection].self, from: list).map(\.name))
    }

    /// How many consumers the virtual host has, as far as the management API has heard.
    package func consumerCount() async throws -> Int {
        struct Consumer: Decodable {}
        return try JSONDecoder().decode([Consumer].self, from: await Self.call("GET", "/api/consumers/\(virtualHost)"))
            .count
    }

    /// How many messages of the queue are out and unsettled, as far as the management API has heard.
    package func unsettledCount(of queue: String) async throws -> Int? {
        struct Queue: Decodable {
            let unsettled: Int?
            enum CodingKeys: String, CodingKey { case unsettled = "messages_unacknowledged" }
        }
        let data = try await Self.call("GET", "/api/queues/\(virtualHost)/\(queue)")
        return try JSONDecoder().decode(Queue.self, from: data).unsettled
    }

    package func deleteQueue(_ name: String) async throws {
        try await Self.call("DELETE", "/api/queues/\(virtualHost)/\(name)")
    }

    @discardableResult
    private static func call(_ method: String, _ path: String) async throws -> Data {
        let text = try await TestCommand.run(
            "curl",
            [
                "-sf", "--max-time", "180", "-X", method, "-H", "content-type: application/json",
                try TestEnvironment.rabbitmqAPI + path,
            ])
        return Data(text.utf8)
    }
}
