import Foundation
import HTTPTypes
import Hummingbird
import Logging
import Messaging
import ParityProtocol
import PostgresClient
import Store

extension Gateway {
    /// `POST /v1/runners`: a runner proves that it holds its key, and learns its lanes. Repeating it answers
    /// the same.
    @Sendable func registerRunner(_ request: Request, _ context: BasicRequestContext) async throws -> Response {
        let account = try await authenticate(request)
        let new: NewRunner = try decode(try await body(of: request))
        guard new.builder != true || account.mayBuild else {
            throw Problem(
                status: 403, code: "forbidden", title: "Forbidden",
                detail: "this account may not register builders; an administrator makes one that may")
        }
        try check(new, account: account.id)
        let owner = settings.distinctBy == .operator ? "account:\(account.id)" : "key:\(new.runnerKey)"
        let registered = try await pool.transaction { transaction in
            try await register(new, account: account.id, owner: owner, in: transaction)
        }
        try await Topology.declareControlQueue(of: registered.id.description, on: broker)
        logger.info("Registered", metadata: ["runner": "\(registered.id)", "account": "\(account.id)"])
        return try JSONText.response(
            RunnerRegistration(
                id: registered.id, lanes: registered.lanes,
                controlQueue: Topology.controlQueue(of: registered.id.description),
                heartbeatMilliseconds: settings.lease.milliseconds / 4, heartbeatSequence: registered.sequence,
                brokerURL: settings.runnerBroker),
            status: .created)
    }

    private func check(_ new: NewRunner, account: AccountID) throws {
        let message = RegistrationProof.message(key: new.runnerKey, account: account)
        guard let proof = Data(base64Encoded: new.proof), new.runnerKey.isValidSignature(Array(proof), for: message)
        else { throw Problem.badRequest("proof", "the proof is not the key's signature for this account") }
        guard (1...1024).contains(new.slots) else { throw Problem.badRequest("slots", "slots is 1 to 1024") }
        guard (1...100).contains(new.name.utf8.count), new.agentVersion.utf8.count <= 100,
            !(new.name + new.agentVersion).unicodeScalars.contains(where: { $0.properties.generalCategory == .control })
        else {
            throw Problem.badRequest(
                "name", "a runner's name is 1 to 100 bytes, its version at most 100, both without control characters")
        }
        guard (0...Heartbeat.maximumSequence).contains(new.heartbeatSequence ?? 0) else {
            throw Problem.badRequest("heartbeat_sequence", "heartbeat_sequence is 0 to \(Heartbeat.maximumSequence)")
        }
        let unknown = new.classes.filter { !settings.classes.contains($0) }
        guard !new.classes.isEmpty, unknown.isEmpty else {
            throw Problem.badRequest(
                "classes", "this network has the classes \(settings.classes.joined(separator: ", "))")
        }
    }

    private func register(
        _ new: NewRunner, account: AccountID, owner: String, in transaction: PostgresTransaction
    ) async throws -> (id: RunnerID, sequence: Int64, lanes: [RunnerRegistration.Lane]) {
        let others = try await Runners.count(of: account, besides: new.runnerKey, in: transaction)
        guard others < settings.maximumRunners else {
            throw Problem(
                status: 409, code: "too_many_runners", title: "Conflict",
                detail: "this account has \(others) runners, and may have \(settings.maximumRunners)")
        }
        let registered = try await Runners.register(
            id: RunnerID(UUID.v7()), key: new.runnerKey, account: account, owner: owner, name: new.name,
            slots: new.slots, version: new.agentVersion, sequence: new.heartbeatSequence ?? 0,
            isBuilder: new.builder == true, in: transaction)
        guard let (id, sequence) = registered, let identity = try await Runners.identity(of: id, in: transaction) else {
            throw Problem(
                status: 409, code: "key_taken", title: "Conflict",
                detail: "this key belongs to another account, or to a builder where a runner is meant, or the reverse")
        }
        guard !identity.isDisqualified else {
            throw Problem(
                status: 403, code: "disqualified", title: "Forbidden",
                detail: "this runner mismatched too often and gets no more work")
        }
        let classes = Set(new.classes).sorted()
        if new.builder == true { return (id, sequence, Self.buildQueues(for: classes)) }
        try await Runners.keepOnly(classes: classes, of: id, in: transaction)
        var lanes: [RunnerRegistration.Lane] = []
        for taskClass in classes {
            let lane = try await Runners.pinLane(
                id, owner: identity.owner, taskClass: taskClass, lanes: settings.lanes, in: transaction)
            lanes.append(
                .init(
                    taskClass: taskClass, lane: lane, queue: Topology.laneQueue(taskClass: taskClass, lane: lane)))
        }
        return (id, sequence, lanes)
    }

    private static func buildQueues(for classes: [String]) -> [RunnerRegistration.Lane] {
        Set(classes.map(TaskClass.platform)).sorted().map {
            .init(taskClass: $0, lane: 0, queue: Topology.buildQueue(platform: $0))
        }
    }

    /// `GET /v1/runners?cursor=&limit=`
    @Sendable func listRunners(_ request: Request, _ context: BasicRequestContext) async throws -> Response {
        _ = try await authenticate(request)
        let query = request.uri.queryParameters
        let limit = try pageLimit(query["limit"])
        let cursor = try query["cursor"].map { text -> RunnerID in
            guard let id = RunnerID(String(text)) else { throw Problem.foreignCursor }
            return id
        }
        let lease = settings.lease
        let runners = try await pool.withConnection {
            try await Views.runners(after: cursor, liveWithin: lease, limit: limit, in: $0)
        }
        return try JSONText.response(
            Page(items: runners, nextCursor: runners.count == limit ? runners.last?.id.description : nil))
    }

    /// `GET /v1/runners/{id}`
    @Sendable func showRunner(_ request: Request, _ context: BasicRequestContext) async throws -> Response {
        _ = try await authenticate(request)
        let lease = settings.lease
        guard let id = context.parameters.get("id").flatMap({ RunnerID($0) }),
            let runner = try await pool.withConnection({
                try await Views.runners(after: nil, only: id, liveWithin: lease, limit: 1, in: $0)
            }).first
        else { throw Problem.notFound("such runner") }
        return try JSONText.response(runner)
    }
}
