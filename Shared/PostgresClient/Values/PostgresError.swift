/// Why a statement, a connection or a pool failed. Never holds parameters or passwords.
package struct PostgresError: Error, Sendable, CustomStringConvertible {
    package struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Kind: String {
            case server, connectionFailed, authenticationFailed, timedOut, closed, decoding, invalidURL, cancelled
            case commitUnknown, migration
        }
        private let kind: Kind
        package var description: String { kind.rawValue }

        /// The server refused the statement; see `sqlState`.
        package static let server = Code(kind: .server)
        package static let connectionFailed = Code(kind: .connectionFailed)
        /// Wrong password, unknown role or database: trying again does not help.
        package static let authenticationFailed = Code(kind: .authenticationFailed)
        /// No connection became free in time.
        package static let timedOut = Code(kind: .timedOut)
        package static let closed = Code(kind: .closed)
        package static let decoding = Code(kind: .decoding)
        package static let invalidURL = Code(kind: .invalidURL)
        package static let cancelled = Code(kind: .cancelled)
        /// The connection was lost while COMMIT was under way: it may have happened or not.
        package static let commitUnknown = Code(kind: .commitUnknown)
        package static let migration = Code(kind: .migration)
    }

    package var code: Code
    package var message: String
    /// Five characters (Appendix A of the PostgreSQL documentation); nil when the server did not speak.
    package var sqlState: String?
    package var constraint: String?
    package var table: String?
    package var column: String?
    package var hint: String?

    package init(code: Code, message: String, sqlState: String? = nil) {
        self.code = code
        self.message = message
        self.sqlState = sqlState
    }

    /// The whole transaction may succeed if run again: serialization failure or deadlock.
    package var isRetryable: Bool { sqlState == "40001" || sqlState == "40P01" }
    package var isUniqueViolation: Bool { sqlState == "23505" }
    package var isCheckViolation: Bool { sqlState == "23514" }
    package var isForeignKeyViolation: Bool { sqlState == "23503" }

    /// The server is away or was: the same work can succeed later.
    package var isConnectionTrouble: Bool {
        if [.connectionFailed, .closed, .timedOut, .commitUnknown].contains(code) { return true }
        guard let sqlState else { return false }
        // Class 08: connection; 57P: shutdown, crash, cannot connect now; 53: too few resources.
        return sqlState.hasPrefix("08") || sqlState.hasPrefix("57P") || sqlState.hasPrefix("53")
    }

    /// The server is away, overloaded, or was asked by too many at once: no fault of the work, which can succeed later.
    package var isTransient: Bool {
        if isConnectionTrouble || isRetryable { return true }
        // A statement, a lock, or a transaction between two statements took too long.
        return ["57014", "55P03", "25P03"].contains(sqlState)
    }

    package var description: String {
        var text = "\(code): \(message)"
        if let sqlState { text += " (SQLSTATE \(sqlState))" }
        if let constraint { text += " [constraint \(constraint)]" }
        return text
    }
}
