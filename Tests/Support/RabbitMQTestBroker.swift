import Foundation

/// A virtual host of a suite's own, gone at its end, through the broker's management API.
package struct RabbitMQTestBroker: Sendable {
    /// `amqp://…/vhost`
    package let url: String
    package let virtualHost: String

    package static func withVirtualHost<T>(_ body: (RabbitMQTestBroker) async throws -> T) async throws -> T {
        let name = TestEnvironment.uniqueName()
        try call("PUT", "/api/vhosts/\(name)")
        let broker = RabbitMQTestBroker(url: try TestEnvironment.amqp + "/" + name, virtualHost: name)
        do {
            let value = try await body(broker)
            try call("DELETE", "/api/vhosts/\(name)")
            return value
        } catch {
            _ = try? call("DELETE", "/api/vhosts/\(name)")
            throw error
        }
    }

    /// Closes every connection to the virtual host, as an operator or a failing network would; says how many.
    @discardableResult
    package func closeConnections() throws -> Int {
        let names = try connectionNames()
        for name in names {
            let escaped = name.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
            _ = try? Self.call("DELETE", "/api/connections/\(escaped)")
        }
        return names.count
    }

    /// The connections to the virtual host, as far as the management API has heard; each has a name of its own.
    package func connectionNames() throws -> Set<String> {
        struct Connection: Decodable { let name: String }
        let list = try Self.call("GET", "/api/vhosts/\(virtualHost)/connections")
        return Set(try JSONDecoder().decode([Connection].self, from: list).map(\.name))
    }

    /// How many consumers the virtual host has, as far as the management API has heard.
    package func consumerCount() throws -> Int {
        struct Consumer: Decodable {}
        return try JSONDecoder().decode([Consumer].self, from: Self.call("GET", "/api/consumers/\(virtualHost)")).count
    }

    /// How many messages of the queue are out and unsettled, as far as the management API has heard.
    package func unsettledCount(of queue: String) throws -> Int? {
        struct Queue: Decodable {
            let unsettled: Int?
            enum CodingKeys: String, CodingKey { case unsettled = "messages_unacknowledged" }
        }
        let data = try Self.call("GET", "/api/queues/\(virtualHost)/\(queue)")
        return try JSONDecoder().decode(Queue.self, from: data).unsettled
    }

    package func deleteQueue(_ name: String) throws {
        try Self.call("DELETE", "/api/queues/\(virtualHost)/\(name)")
    }

    @discardableResult
    private static func call(_ method: String, _ path: String) throws -> Data {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [
            "curl", "-sf", "--max-time", "20", "-X", method, "-H", "content-type: application/json",
            try TestEnvironment.rabbitmqAPI + path,
        ]
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw TestEnvironment.Missing(description: "the broker's management API refused \(method) \(path)")
        }
        return data
    }
}
