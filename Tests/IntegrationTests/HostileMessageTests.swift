import AMQPClient
import Foundation
import Messaging
import ParityProtocol
import PostgresClient
import TestSupport
import Testing

@Suite(.serialized) struct HostileMessageTests {
    /// Each with the queue that it must be set aside from.
    private static func messages(task: TaskID, runner: RunnerID) -> [(
        key: String, queue: Topology.ServiceQueue, body: String
    )] {
        let id = { (replica: String) in "{\"task\":\"\(task)\",\"replica\":\(replica),\"attempt\":1}" }
        let envelope = "{\"payload\":\"e30=\",\"payloadType\":\"application/vnd.in-toto+json\",\"signatures\":[]}"
        return [
            ("claim.x", .schedulerClaims, "not json"),
            ("claim.x", .schedulerClaims, "{\"schema\":\"parity.unknown/v1\"}"),
            (
                "claim.x", .schedulerClaims,
                "{\"schema\":\"parity.claim/v1\",\"runner\":\"\(runner)\",\"id\":\(id("0"))}"
            ),
            (
                "claim.x", .schedulerClaims,
                "{\"schema\":\"parity.claim/v1\",\"runner\":\"\(runner)\",\"id\":\(id("4294967296"))}"
            ),
            (
                "heartbeat.x", .schedulerHeartbeats,
                """
                {"schema":"parity.heartbeat/v1","runner":"\(runner)","sequence":1,"slots":1,"leaving":false,
                 "held":[{"id":\(id("-3000000000")),"token":"t"}]}
                """
            ),
            (
                "result.x", .verifierResults,
                """
                {"schema":"parity.result-message/v1","runner":"\(runner)","id":\(id("9223372036854775807")),
                 "envelope":\(envelope),"detail":""}
                """
            ),
            (
                "result.x", .verifierResults,
                """
                {"schema":"parity.result-message/v1","runner":"\(runner)","id":\(id("0")),"envelope":\(envelope),
                 "detail":"\\u0000"}
                """
            ),
        ]
    }

    @Test(.timeLimit(.minutes(25)))
    func `Malformed and forged messages are set aside and nothing else stops`() async throws {
        try await TestNetwork.run { network in
            let submitter = try await network.api.makeAccount("submitter", units: 5000)
            let operators = try await network.api.makeAccount("operator", units: 0)
            let task = try await network.api.submit(TestAPI.spec("agree"), key: submitter.key)
            let configuration = try AMQPConfiguration(url: network.brokerURL)
            let hostile = Self.messages(task: task.id, runner: RunnerID(UUID.v7()))
            let publisher = AMQPPublisher(configuration: configuration, logger: network.logger)
            try await withThrowingTaskGroup { group in
                group.addTask { try await publisher.run() }
                for message in hostile {
                    var properties = AMQPProperties()
                    properties.messageID = UUID().uuidString
                    try await publisher.publish(
                        AMQPMessage(
                            exchange: Topology.inbound, routingKey: message.key, body: Array(message.body.utf8),
                            properties: properties))
                }
                group.cancelAll()
            }
            let queues = Dictionary(grouping: hostile, by: \.queue).mapValues(\.count)
            for (queue, count) in queues {
                let dead = Topology.deadQueue(of: queue.rawValue)
                let isSetAside = try await TestEnvironment.eventually {
                    try await AMQPAdmin.withConnection(configuration) { try $0.checkQueue(dead).messages } == count
                }
                #expect(isSetAside, "\(count) in \(dead)")
            }
            // The network still works.
            try await withThrowingTaskGroup { agents in
                for index in 0..<3 {
                    agents.addTask {
                        try await network.runAgent(
                            "runner\(index)", operator: operators, executor: ScriptedExecutor(name: "r\(index)"))
                    }
                }
                let settled = try await TestEnvironment.eventually {
                    try await network.api.task(task.id, key: submitter.key).settled
                }
                #expect(settled)
                #expect(try await network.api.task(task.id, key: submitter.key).state == .verified)
                agents.cancelAll()
                while (try? await agents.next()) != nil {}
            }
        }
    }
}
