import CPostgres
import Foundation

/// One connection to the server. Callers suspend; no thread of theirs ever waits for the network.
package final class PostgresConnection: PostgresSession, Sendable {
    private let handle: ConnectionHandle

    private init(_ handle: ConnectionHandle) { self.handle = handle }

    deinit { close() }

    /// Connects, on a thread of its own: looking up a host and TLS may block. `onNotification` gets what NOTIFY sends
    /// to the channels that this connection listens on; it must not block.
    package static func connect(
        _ configuration: PostgresConfiguration,
        onNotification: @escaping @Sendable (PostgresNotification) -> Void = { _ in }
    ) async throws -> PostgresConnection {
        try await withCheckedThrowingContinuation { continuation in
            let thread = Thread {
                continuation.resume(
                    with: Result { () throws(PostgresError) in
                        PostgresConnection(try ConnectionHandle(configuration, onNotification: onNotification))
                    }.mapError { $0 as any Error })
            }
            thread.name = "postgres-connect"
            thread.stackSize = 1 << 20
            thread.start()
        }
    }

    @discardableResult
    package func query(_ sql: SQL, _ parameters: [any PostgresEncodable]) async throws -> PostgresResult {
        let values = parameters.map(\.postgresValue)
        let key = StatementCache.Key(sql: sql, types: values.map(\.oid))
        let known = handle.preparedName(key)
        let name = if let known { known } else { try await prepare(key) }
        let laidOut = Parameters(values)
        let results = try await exchange { Self.send(name, laidOut, on: $0) }
        guard let result = try Self.results(results).last else {
            throw PostgresError(code: .closed, message: "the connection was lost")
        }
        return result
    }

    @discardableResult
    package func pipeline(_ statements: [PostgresStatement]) async throws -> [PostgresResult] {
        if statements.isEmpty { return [] }
        // Preparing stays outside the pipeline: an error in it would leave the cache in doubt.
        var sends: [(name: String, parameters: Parameters)] = []
        sends.reserveCapacity(statements.count)
        for statement in statements {
            let values = statement.parameters.map(\.postgresValue)
            let key = StatementCache.Key(sql: statement.sql, types: values.map(\.oid))
            let known = handle.preparedName(key)
            let name = if let known { known } else { try await prepare(key) }
            sends.append((name, Parameters(values)))
        }
        let results = try await exchange(isPipeline: true) { [sends] connection in
            PQenterPipelineMode(connection) == 1
                && sends.allSatisfy { Self.send($0.name, $0.parameters, on: connection) }
                && PQpipelineSync(connection) == 1
        }
        return try Self.results(results)
    }

    /// Statements without parameters, maybe several in one text: the simple protocol. One that must not stay in doubt,
    /// such as COMMIT, is not cancellable.
    package func execute(_ sql: SQL, isCancellable: Bool = true) async throws {
        let results = try await exchange(isCancellable: isCancellable) { PQsendQuery($0, sql.text) == 1 }
        _ = try Self.results(results)
    }

    /// Where code that runs many statements on it goes fastest; it must not block.
    var executor: any TaskExecutor { handle.loop }

    /// Whether it can go back to a pool: alive and outside any transaction when its last statement ended.
    var isReusable: Bool { handle.isReusable }

    /// Closes at the end of what is under way. Safe to call twice.
    package func close() { handle.close() }

    // MARK: - Round trips

    private func prepare(_ key: StatementCache.Key) async throws -> String {
        if let oldest = handle.statementToEvict() {
            _ = try Self.results(try await exchange { PQsendQuery($0, "DEALLOCATE \(oldest)") == 1 })
        }
        let name = handle.newStatementName()
        let results = try await exchange { connection in
            PQsendPrepare(connection, name, key.sql.text, Int32(key.types.count), key.types) == 1
        }
        _ = try Self.results(results)
        handle.remember(key, name: name)
        return name
    }

    private static func send(_ name: String, _ parameters: Parameters, on connection: OpaquePointer) -> Bool {
        parameters.withPointers { count, pointers, lengths, formats in
            PQsendQueryPrepared(connection, name, count, pointers, lengths, formats, 1) == 1
        }
    }

    private func exchange(
        isPipeline: Bool = false, isCancellable: Bool = true,
        _ send: @escaping @Sendable (OpaquePointer) -> Bool
    ) async throws -> [ResultStorage] {
        let ticket = isCancellable ? handle.nextTicket() : nil
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation {
                (continuation: CheckedContinuation<[ResultStorage], any Error>) in
                handle.submit(
                    Exchange(isPipeline: isPipeline, ticket: ticket, send: send) { answer in
                        switch answer {
                        case .results(let results): continuation.resume(returning: results)
                        case .failure(let error): continuation.resume(throwing: error)
                        case .cancelled: continuation.resume(throwing: CancellationError())
                        }
                    })
            }
        } onCancel: {
            if let ticket { handle.cancel(ticket) }
        }
    }

    /// The results, or the first error among them: what follows it in a pipeline is only "aborted".
    private static func results(_ storages: [ResultStorage]) throws(PostgresError) -> [PostgresResult] {
        var results: [PostgresResult] = []
        results.reserveCapacity(storages.count)
        for storage in storages {
            if let error = storage.error { throw error }
            results.append(PostgresResult(storage: storage))
        }
        return results
    }
}
