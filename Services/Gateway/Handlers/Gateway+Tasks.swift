import Foundation
import HTTPTypes
import Hummingbird
import Ledger
import Logging
import Messaging
import Metrics
import NIOCore
import ParityProtocol
import PostgresClient
import Store
import Telemetry

extension Gateway {
    /// `POST /v1/tasks`: locks the reward and records the task with its message, in one transaction.
    @Sendable func submitTask(_ request: Request, _ context: BasicRequestContext) async throws -> Response {
        let account = try await authenticate(request)
        let bytes = try await body(of: request)
        let spec = try TaskSpec(parsing: try JSONValue.parse(bytes))
        guard settings.classes.contains(spec.taskClass) else {
            throw Problem.invalidSpec([
                SpecFault(
                    pointer: "/class", code: "unknown_class",
                    message: "this network has the classes \(settings.classes.joined(separator: ", "))")
            ])
        }
        guard spec.verification.maxReplicas <= Int64(settings.lanes) else {
            throw Problem.invalidSpec([
                SpecFault(
                    pointer: "/verification/max_replicas", code: "range",
                    message: "this network has \(settings.lanes) lanes, and each replica needs its own")
            ])
        }
        let digest = Digest.sha256(of: bytes)
        let (status, text) = try await idempotent(request, account: account.id, digest: digest) { transaction in
            try await record(spec, account: account.id, in: transaction)
        }
        return JSONText.raw(text, status: status)
    }

    private func record(
        _ spec: TaskSpec, account: AccountID, in transaction: PostgresTransaction
    ) async throws -> (status: Int, response: String) {
        let places = spec.blobs
        let missing = try await Accounts.missingBlobs(Array(places.keys), in: transaction)
        guard missing.isEmpty else {
            let faults = missing.flatMap { digest in
                (places[digest] ?? []).map {
                    SpecFault(
                        pointer: $0, code: "missing_blob", message: "upload blob \(digest) before the task that uses it"
                    )
                }
            }
            throw Problem.invalidSpec(faults.sorted { $0.pointer < $1.pointer })
        }
        // One blob may stand at many places, and every runner would hold it as often.
        let sizes = try await Accounts.blobSizes(Array(places.keys), in: transaction)
        let bytes = places.reduce(Int64(0)) { $0 + min(sizes[$1.key] ?? 0, 1 << 50) * Int64($1.value.count) }
        guard bytes <= settings.maximumTaskBytes else {
            throw Problem.invalidSpec([
                SpecFault(
                    pointer: "/inputs", code: "range",
                    message: "the task's blobs come to \(bytes) bytes, each counted as often as it is named; "
                        + "\(settings.maximumTaskBytes) are allowed")
            ])
        }
        let id = TaskID(UUID.v7())
        let trace = TraceContext.current?.header
        try await Tasks.insert(id, account: account, spec: spec, traceparent: trace, in: transaction)
        try await Ledger.lockEscrow(spec.reward, for: id, from: account, in: transaction)
        let data: JSONValue = [
            "spec_digest": .string(spec.digest.description), "reward": .integer(spec.reward.units),
            "class": .string(spec.taskClass),
        ]
        try await TaskEvents.append([.init(.taskSubmitted, data)], to: id, in: transaction)
        try await Outbox.insert([try Routing.submitted(id)], in: transaction)
        guard let task = try await Views.task(id, of: account, in: transaction) else {
            throw Problem.notFound("such task")
        }
        Counter(label: "parity_tasks_submitted_total", dimensions: [("class", spec.taskClass)]).increment()
        logger.info("Submitted", metadata: ["task": "\(id)", "account": "\(account)"])
        return (201, try JSONText.encode(task))
    }

    /// Runs `effect` once for each Idempotency-Key of an account: a repetition gets the first answer, the same key with
    /// another request is refused.
    func idempotent(
        _ request: Request, account: AccountID, digest: Digest,
        _ effect: (PostgresTransaction) async throws -> (status: Int, response: String)
    ) async throws -> (status: HTTPResponse.Status, text: String) {
        let key = HTTPField.Name("Idempotency-Key").flatMap { request.headers[$0] }
        if let key, key.isEmpty || key.utf8.count > 200 {
            throw Problem.badRequest("idempotency_key", "an Idempotency-Key is 1 to 200 characters")
        }
        // The path is a part of what was asked.
        let asked = Digest.sha256(of: Array(request.uri.path.utf8) + [0] + digest.bytes)
        let (status, text) = try await pool.transaction { transaction -> (Int, String) in
            if let key, let earlier = try await Accounts.answer(to: key, of: account, in: transaction) {
                guard earlier.request == asked else {
                    throw Problem(
                        status: 422, code: "idempotency_key_reused", title: "Unprocessable Content",
                        detail: "this Idempotency-Key was used for another request")
                }
                return (earlier.status, earlier.response)
            }
            let answer = try await effect(transaction)
            if let key {
                try await Accounts.remember(
                    key, of: account, request: asked, status: answer.status, response: answer.response,
                    in: transaction)
            }
            return (answer.status, answer.response)
        }
        relay.wake()
        return (.init(code: status), text)
    }

    /// `GET /v1/tasks/{id}`
    @Sendable func showTask(_ request: Request, _ context: BasicRequestContext) async throws -> Response {
        try JSONText.response(try await task(request, context))
    }

    /// The task of a request, if the caller may see it.
    func task(_ request: Request, _ context: BasicRequestContext) async throws -> TaskObject {
        let account = try await authenticate(request)
        let id = try taskID(context)
        let task = try await pool.withConnection {
            try await Views.task(id, of: account.isAdmin ? nil : account.id, in: $0)
        }
        guard let task else { throw Problem.notFound("such task") }
        return task
    }

    /// `GET /v1/tasks?state=&cursor=&limit=`: newest first.
    @Sendable func listTasks(_ request: Request, _ context: BasicRequestContext) async throws -> Response {
        let account = try await authenticate(request)
        let query = request.uri.queryParameters
        let limit = try pageLimit(query["limit"])
        let state = try query["state"].map { text -> TaskState in
            guard let state = TaskState(rawValue: String(text)) else {
                throw Problem.badRequest("state", "there is no task state \(text)")
            }
            return state
        }
        let cursor = try query["cursor"].map { text -> TaskID in
            guard let id = TaskID(String(text)) else { throw Problem.foreignCursor }
            return id
        }
        let tasks = try await pool.withConnection {
            try await Views.tasks(of: account.id, state: state, before: cursor, limit: limit, in: $0)
        }
        return try JSONText.response(
            Page(items: tasks.items, nextCursor: tasks.isLast ? nil : tasks.items.last?.id.description))
    }

    func pageLimit(_ text: Substring?) throws -> Int {
        guard let text else { return 50 }
        guard let limit = Int(text), (1...Self.pageLimit).contains(limit) else {
            throw Problem.badRequest("limit", "limit is 1 to \(Self.pageLimit)")
        }
        return limit
    }

    /// `POST /v1/tasks/{id}/cancel`: stops an undecided task and has its escrow refunded. Cancelling a cancelled task
    /// answers the same again.
    @Sendable func cancelTask(_ request: Request, _ context: BasicRequestContext) async throws -> Response {
        let seen = try await task(request, context)
        try await pool.transaction { transaction in
            guard let task = try await Tasks.lock(seen.id, in: transaction) else { throw Problem.notFound("such task") }
            if task.state == .cancelled { return }
            guard try await Tasks.decide(task.id, state: .cancelled, in: transaction) else {
                throw Problem(
                    status: 409, code: "already_decided", title: "Conflict",
                    detail: "the task is \(task.state.rawValue); there is nothing left to cancel")
            }
            var events: [TaskEvents.Entry] = [.init(.taskCancelled)]
            var messages = [try Routing.decided(task.id, state: .cancelled), try Routing.due(task.id)]
            for (id, runner) in try await Replicas.cancelOpen(of: task.id, granted: true, in: transaction) {
                events.append(.init(.replicaCancelled, ["replica": .integer(Int64(id.replica))]))
                if let runner { messages.append(try Routing.toRunner(Cancel(id: id), runner)) }
            }
            try await TaskEvents.append(events, to: task.id, in: transaction)
            try await Outbox.insert(messages, in: transaction)
        }
        relay.wake()
        return try JSONText.response(try await task(request, context))
    }

    /// `GET /v1/specs/{digest}`: the canonical spec, for runners.
    @Sendable func showSpec(_ request: Request, _ context: BasicRequestContext) async throws -> Response {
        _ = try await authenticate(request)
        guard let digest = context.parameters.get("digest").flatMap({ Digest($0) }),
            let spec = try await pool.withConnection({ try await Tasks.spec(digest, in: $0) })
        else { throw Problem.notFound("such spec") }
        return JSONText.raw(spec)
    }
}
