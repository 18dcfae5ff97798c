import ParityProtocol
import Synchronization

/// Lets so many do something at once; the others wait for a moment, and are sent away after it.
final class Gate: Sendable {
    private let inside = Mutex(0)
    private let limit: Int
    private static let patience: Duration = .seconds(20)

    init(limit: Int) { self.limit = limit }

    /// Throws a ``Problem`` with status 503 when it stays full.
    func pass<T>(_ body: () async throws -> T) async throws -> T {
        let deadline = ContinuousClock.now + Self.patience
        while !enter() {
            guard ContinuousClock.now < deadline else { throw Problem.unavailable("the gateway") }
            try await Task.sleep(for: .milliseconds(20))
        }
        defer { inside.withLock { $0 -= 1 } }
        return try await body()
    }

    private func enter() -> Bool {
        inside.withLock { count in
            guard count < limit else { return false }
            count += 1
            return true
        }
    }
}

/// Bytes that accounts are uploading to this gateway now, which the database does not know of yet.
final class UploadBook: Sendable {
    private let reserved = Mutex<[AccountID: Int64]>([:])

    struct Place: Sendable {
        fileprivate let book: UploadBook
        fileprivate let account: AccountID
        fileprivate let bytes: Int64
        /// What the account's other uploads may still bring.
        let others: Int64

        func free() {
            book.reserved.withLock { reserved in
                let left = (reserved[account] ?? 0) - bytes
                reserved[account] = left > 0 ? left : nil
            }
        }
    }

    func reserve(_ bytes: Int64, for account: AccountID) -> Place {
        reserved.withLock { reserved in
            let others = reserved[account] ?? 0
            reserved[account] = others + bytes
            return Place(book: self, account: account, bytes: bytes, others: others)
        }
    }
}
