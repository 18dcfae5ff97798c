import CPostgres
import Glibc

/// The PGconn and what is prepared on it. Lives on its connection's thread and never leaves it.
final class ConnectionHandle {
    private var connection: OpaquePointer?
    private var prepared: [PreparedKey: String] = [:]
    private var preparedOrder: [PreparedKey] = []
    private var preparedCount = 0

    /// Statements kept prepared on one connection; the oldest goes when there are more.
    static let maximumPrepared = 256

    /// The same text with other parameter types is another statement to the server.
    private struct PreparedKey: Hashable {
        let sql: SQL
        let types: [UInt32]
    }

    init(_ configuration: PostgresConfiguration) throws(PostgresError) {
        let pairs = configuration.keywords
        connection = Self.withCStrings(pairs.map(\.0)) { names in
            Self.withCStrings(pairs.map(\.1)) { values in PQconnectdbParams(names, values, 0) }
        }
        guard PQstatus(connection) == CONNECTION_OK else {
            let message = Self.text(PQerrorMessage(connection))
            PQfinish(connection)
            connection = nil
            throw Self.connectError(message, configuration)
        }
        // Notices would be printed to stderr.
        PQsetNoticeReceiver(connection, { _, _ in }, nil)
    }

    deinit { close() }

    func close() {
        if let connection { PQfinish(connection) }
        connection = nil
    }

    var isIdle: Bool { PQtransactionStatus(connection) == PQTRANS_IDLE && isAlive }
    var isAlive: Bool { PQstatus(connection) == CONNECTION_OK }

    /// What another thread needs to cancel what runs here.
    func makeCancellation() -> OpaquePointer? { PQgetCancel(connection) }

    // MARK: - Statements

    func query(_ sql: SQL, _ values: [PostgresValue]) throws(PostgresError) -> PostgresResult {
        let name = try prepare(sql, values)
        let result = Parameters(values).withPointers { count, pointers, lengths, formats in
            PQexecPrepared(connection, name, count, pointers, lengths, formats, 1)
        }
        return try checked(result)
    }

    /// Statements without parameters, several in one text: the simple protocol, for migrations and BEGIN.
    func execute(_ sql: SQL) throws(PostgresError) {
        _ = try checked(PQexec(connection, sql.text))
    }

    func pipeline(_ statements: [(sql: SQL, values: [PostgresValue])]) throws(PostgresError) -> [PostgresResult] {
        // Preparing stays outside the pipeline: an error in it would leave the cache in doubt.
        var names: [String] = []
        for statement in statements { names.append(try prepare(statement.sql, statement.values)) }
        guard PQenterPipelineMode(connection) == 1 else { throw failure() }
        defer { PQexitPipelineMode(connection) }
        var sendError: PostgresError?
        for (name, statement) in zip(names, statements) {
            let sent = Parameters(statement.values).withPointers { count, pointers, lengths, formats in
                PQsendQueryPrepared(connection, name, count, pointers, lengths, formats, 1)
            }
            if sent != 1 {
                sendError = failure()
                break
            }
        }
        guard PQpipelineSync(connection) == 1 else { throw sendError ?? failure() }
        return try drainPipeline(expecting: statements.count, sendError: sendError)
    }

    /// Reads until the sync point, whatever happened: a pipeline left half read poisons the connection.
    private func drainPipeline(
        expecting count: Int, sendError: PostgresError?
    ) throws(PostgresError) -> [PostgresResult] {
        var results: [PostgresResult] = []
        var firstError = sendError
        var emptyReads = 0
        while true {
            guard let result = PQgetResult(connection) else {
                emptyReads += 1
                if emptyReads > count + 2 || !isAlive { throw firstError ?? failure() }
                continue
            }
            let status = PQresultStatus(result)
            if status == PGRES_PIPELINE_SYNC {
                PQclear(result)
                break
            }
            emptyReads = 0
            do {
                results.append(try checked(result))
            } catch {
                // What follows a failure is only "aborted".
                if firstError == nil { firstError = error }
            }
        }
        if let firstError { throw firstError }
        return results
    }

    private func prepare(_ sql: SQL, _ values: [PostgresValue]) throws(PostgresError) -> String {
        let key = PreparedKey(sql: sql, types: values.map(\.oid))
        if let name = prepared[key] { return name }
        if preparedOrder.count >= Self.maximumPrepared {
            let oldest = preparedOrder.removeFirst()
            if let name = prepared.removeValue(forKey: oldest) {
                _ = try checked(PQexec(connection, "DEALLOCATE \(name)"))
            }
        }
        preparedCount += 1
        let name = "s\(preparedCount)"
        _ = try checked(PQprepare(connection, name, sql.text, Int32(key.types.count), key.types))
        prepared[key] = name
        preparedOrder.append(key)
        return name
    }

    // MARK: - Results and errors

    /// Takes ownership of `result`.
    private func checked(_ result: OpaquePointer?) throws(PostgresError) -> PostgresResult {
        guard let result else { throw failure() }
        switch PQresultStatus(result) {
        case PGRES_TUPLES_OK, PGRES_COMMAND_OK, PGRES_EMPTY_QUERY:
            return PostgresResult(storage: ResultStorage(result))
        default:
            defer { PQclear(result) }
            throw serverError(result)
        }
    }

    private func serverError(_ result: OpaquePointer) -> PostgresError {
        func field(_ code: Character) -> String? {
            PQresultErrorField(result, Int32(code.asciiValue ?? 0)).map { String(cString: $0) }
        }
        guard let state = field("C") else {
            if PQresultStatus(result) == PGRES_PIPELINE_ABORTED {
                return PostgresError(code: .server, message: "not run: an earlier statement of the pipeline failed")
            }
            return failure()
        }
        var error = PostgresError(code: .server, message: field("M") ?? "", sqlState: state)
        if state == "57014" { error.code = .cancelled }
        if !isAlive { error.code = .closed }
        error.hint = field("H")
        error.table = field("t")
        error.column = field("c")
        error.constraint = field("n")
        return error
    }

    private func failure() -> PostgresError {
        let message = Self.text(PQerrorMessage(connection))
        return PostgresError(
            code: isAlive ? .server : .closed, message: message.isEmpty ? "the connection was lost" : message)
    }

    private static func connectError(_ message: String, _ configuration: PostgresConfiguration) -> PostgresError {
        // libpq 15 gives no SQLSTATE for a failed connect; the server's wording in English is what there is.
        let fatal = [
            "password authentication failed", "no password supplied", "does not exist", "no pg_hba.conf entry",
            "is not permitted to log in", "SCRAM", "permission denied for database",
        ]
        // A missing socket file "does not exist" too, but that is a server that is not there yet.
        let isFatal =
            message.contains("FATAL:") && fatal.contains { message.contains($0) }
            || message.contains("no password supplied")
        return PostgresError(
            code: isFatal ? .authenticationFailed : .connectionFailed, message: "\(configuration): \(message)")
    }

    private static func text(_ message: UnsafePointer<CChar>?) -> String {
        guard let message else { return "" }
        return String(cString: message).split(separator: "\n").joined(separator: "; ")
    }

    private static func withCStrings<T>(
        _ strings: [String], _ body: ([UnsafePointer<CChar>?]) -> T
    ) -> T {
        let copies = strings.map { strdup($0) }
        defer { for copy in copies { free(copy) } }
        return body(copies.map { UnsafePointer($0) } + [nil])
    }
}

/// Parameters laid out as libpq wants them: one block of memory, pointers into it.
private struct Parameters {
    private let encoded: [[UInt8]?]

    init(_ values: [PostgresValue]) { encoded = values.map(\.binary) }

    func withPointers<T>(
        _ body: (Int32, [UnsafePointer<CChar>?], [Int32], [Int32]) -> T
    ) -> T {
        var block: [UInt8] = []
        var offsets: [Int?] = []
        for value in encoded {
            offsets.append(value == nil ? nil : block.count)
            // One byte more, so that an empty value still has an address of its own.
            if let value { block += value + [0] }
        }
        return block.withUnsafeBytes { buffer in
            let pointers = offsets.map { offset in
                offset.flatMap { buffer.baseAddress?.advanced(by: $0).assumingMemoryBound(to: CChar.self) }
            }
            let lengths = encoded.map { Int32($0?.count ?? 0) }
            return body(Int32(encoded.count), pointers, lengths, Array(repeating: 1, count: encoded.count))
        }
    }
}
