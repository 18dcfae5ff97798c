import AMQPClient
import BlobStore
import Foundation
import Hummingbird
import Logging
import Messaging
import ParityProtocol
import PostgresClient
import Telemetry
import TestSupport
import Testing
import Yams

@testable import Gateway

/// That the description knows every route and every value. Whether answers are as described, each test with a network
/// sees for itself.
@Suite struct APIDescriptionTests {
    private static func description() throws -> Node {
        try #require(try Yams.compose(yaml: String(decoding: Gateway.apiDescription, as: UTF8.self)))
    }

    private static func gateway(_ folder: URL) throws -> Gateway {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        // Nothing is asked of them.
        let (postgres, rabbitMQ) = ("postgres://nobody@127.0.0.1:1/x", "amqp://nobody:at-all@127.0.0.1:1")
        let settings = try GatewaySettings(
            try SettingsReader(
                overrides: ["PARITY_POSTGRES_URL": postgres, "PARITY_AMQP_URL": rabbitMQ], environment: [:]))
        let pool = PostgresPool(
            configuration: try PostgresConfiguration(url: postgres), logger: logger)
        let broker = try AMQPConfiguration(url: rabbitMQ)
        let relay = OutboxRelay(
            pool: pool, publisher: AMQPPublisher(configuration: broker, logger: logger), logger: logger)
        return Gateway(
            pool: pool, relay: relay, blobs: try DiskBlobStore(root: folder.path()), broker: broker, settings: settings,
            logger: logger)
    }

    @Test func `Every route is described, and nothing else`() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: TestEnvironment.uniqueName())
        defer { try? FileManager.default.removeItem(at: folder) }
        let routes = try Self.gateway(folder).routes.flatMap { route in
            route.methods.map { "\($0.0.rawValue) \(route.path)".replacing("/**", with: "/{path}") }
        }
        let methods: Set = ["get", "put", "post", "head", "delete", "patch", "options"]
        let paths = try #require(try Self.description()["paths"]?.mapping)
        let described = paths.flatMap { path, operations in
            (operations.mapping ?? [:]).keys.compactMap { $0.string }.filter(methods.contains).map {
                "\($0.uppercased()) \(path.string ?? "")"
            }
        }
        let probes = AdminRoutes.paths.map { "GET \($0)" }
        #expect(Set(described) == Set(routes + probes))
        #expect(described.count == routes.count + probes.count)
    }

    @Test func `Every value of an enumeration is described, and no other`() throws {
        let schemas = try #require(try Self.description()["components"]?["schemas"])
        func values(_ node: Node?) -> Set<String> { Set((node?["enum"]?.sequence ?? []).compactMap(\.string)) }
        func raw<T: RawRepresentable & CaseIterable>(_: T.Type) -> Set<String> where T.RawValue == String {
            Set(T.allCases.map(\.rawValue))
        }
        #expect(values(schemas["TaskState"]) == raw(TaskState.self))
        #expect(values(schemas["Outcome"]) == raw(Outcome.self))
        #expect(values(schemas["EventType"]) == raw(EventType.self))
        #expect(values(schemas["DivergenceCause"]) == raw(DivergenceCause.self).subtracting(["unknown"]))
        #expect(values(schemas["DivergenceConfidence"]) == raw(DivergenceConfidence.self))
        #expect(values(schemas["Replica"]?["properties"]?["state"]) == raw(ReplicaState.self))
        #expect(values(schemas["Verdict"]?["properties"]?["kind"]) == raw(VerdictKind.self))
        #expect(values(schemas["Build"]?["properties"]?["state"]) == raw(BuildState.self))
        #expect(values(schemas["ExpectationFailure"]?["properties"]?["code"]) == raw(ExpectationFailure.Code.self))
    }
}
