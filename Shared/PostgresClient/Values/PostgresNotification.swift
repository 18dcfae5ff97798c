import CPostgres

/// What NOTIFY sent.
package struct PostgresNotification: Sendable, Hashable {
    package let channel: String
    package let payload: String

    package init(channel: String, payload: String) {
        self.channel = channel
        self.payload = payload
    }

    init(_ raw: PGnotify) {
        channel = raw.relname.map { String(cString: $0) } ?? ""
        payload = raw.extra.map { String(cString: $0) } ?? ""
    }
}
