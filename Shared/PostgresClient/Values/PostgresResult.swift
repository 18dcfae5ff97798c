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
        guard let index = storage.columnIndex[column] else {
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
    let affectedRows: Int
    let columns: [String]
    let columnIndex: [String: Int]

    /// Takes ownership.
    init(_ result: OpaquePointer) {
        self.result = result
        rowCount = Int(PQntuples(result))
        affectedRows = Int(String(cString: PQcmdTuples(result))) ?? 0
        columns = (0..<PQnfields(result)).map { String(cString: PQfname(result, $0)) }
        columnIndex = Dictionary(columns.enumerated().map { ($1, $0) }) { first, _ in first }
    }

    deinit { PQclear(result) }

    func cell(row: Int, column: Int) -> PostgresCell {
        let (row, field) = (Int32(row), Int32(column))
        let isNull = PQgetisnull(result, row, field) == 1
        let bytes = PQgetvalue(result, row, field).map { value in
            Array(UnsafeRawBufferPointer(start: value, count: Int(PQgetlength(result, row, field))))
        }
        return PostgresCell(column: columns[column], oid: PQftype(result, field), bytes: isNull ? nil : bytes ?? [])
    }
}
