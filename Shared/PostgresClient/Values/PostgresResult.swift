import CPostgres

/// What a statement answered. The rows stay in libpq's memory until the last reader is gone.
package struct PostgresResult: Sendable, RandomAccessCollection {
    let storage: ResultStorage

    package var startIndex: Int { 0 }
    package var endIndex: Int { storage.rowCount }
    package subscript(position: Int) -> PostgresRow { PostgresRow(storage: storage, row: position) }

    package var columns: [String] { storage.columns }
    /// How many rows an INSERT, UPDATE, DELETE or SELECT touched.
    package var affectedRows: Int { storage.affectedRows }
}

/// One row of a result.
package struct PostgresRow: Sendable {
    let storage: ResultStorage
    let row: Int

    package var columns: [String] { storage.columns }

    package func decode<T: PostgresDecodable>(
        _ column: String, as type: T.Type = T.self
    ) throws(PostgresError) -> T {
        guard let index = storage.column(column) else {
            throw PostgresError(code: .decoding, message: "there is no column \(column)")
        }
        return try T.decode(storage.cell(row: row, column: index))
    }

    package func decode<T: PostgresDecodable>(at index: Int, as type: T.Type = T.self) throws(PostgresError) -> T {
        guard storage.columns.indices.contains(index) else {
            throw PostgresError(code: .decoding, message: "there is no column \(index)")
        }
        return try T.decode(storage.cell(row: row, column: index))
    }
}

/// Owns a PGresult and frees it once.
///
/// Unchecked: a PGresult is never written after libpq has returned it, and reading it from several threads is allowed
/// (libpq, "Behavior in Threaded Programs").
final class ResultStorage: @unchecked Sendable {
    private let result: OpaquePointer
    let rowCount: Int
    let columns: [String]

    /// Takes ownership.
    init(_ result: OpaquePointer) {
        self.result = result
        rowCount = Int(PQntuples(result))
        columns = (0..<PQnfields(result)).map { String(cString: PQfname(result, $0)) }
    }

    deinit { PQclear(result) }

    var affectedRows: Int { Int(String(cString: PQcmdTuples(result))) ?? 0 }

    /// Rows are narrow and names short: looking is faster than a table for each result would be.
    func column(_ name: String) -> Int? { columns.firstIndex(of: name) }

    func cell(row: Int, column: Int) -> PostgresCell {
        let (row, field) = (Int32(row), Int32(column))
        let isNull = PQgetisnull(result, row, field) == 1
        let bytes = PQgetvalue(result, row, field).map { value in
            Array(UnsafeRawBufferPointer(start: value, count: Int(PQgetlength(result, row, field))))
        }
        return PostgresCell(column: columns[column], oid: PQftype(result, field), bytes: isNull ? nil : bytes ?? [])
    }

    /// What the server, or libpq in its name, said went wrong; nil for a good result.
    var error: PostgresError? {
        switch PQresultStatus(result) {
        case PGRES_TUPLES_OK, PGRES_COMMAND_OK, PGRES_EMPTY_QUERY: return nil
        case PGRES_PIPELINE_ABORTED:
            return PostgresError(code: .server, message: "not run: an earlier statement of the pipeline failed")
        default: break
        }
        guard let state = field("C") else {
            // Not the server's words but libpq's own: the connection broke.
            let message = PQresultErrorMessage(result).map { String(cString: $0) } ?? ""
            return PostgresError(
                code: .closed,
                message: message.isEmpty
                    ? "the connection was lost" : message.split(separator: "\n").joined(separator: "; "))
        }
        var error = PostgresError(code: .server, message: field("M") ?? "", sqlState: state)
        if state == "57014" { error.code = .cancelled }
        // Shutdown, crash, or an administrator ended the session with these words.
        if ["57P01", "57P02", "57P03", "57P05"].contains(state) { error.code = .closed }
        error.hint = field("H")
        error.table = field("t")
        error.column = field("c")
        error.constraint = field("n")
        return error
    }

    private func field(_ code: Character) -> String? {
        PQresultErrorField(result, Int32(code.asciiValue ?? 0)).map { String(cString: $0) }
    }
}
