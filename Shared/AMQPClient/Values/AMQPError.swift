/// Why talking to the broker failed. Never holds bodies or passwords.
package struct AMQPError: Error, Sendable, Hashable, CustomStringConvertible {
    package struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Kind: String {
            case connectionFailed, authenticationFailed, refused, returned, timedOut, closed, channelClosed
            case preconditionFailed, notFound, accessRefused, invalidURL, resourceLocked
        }
        private let kind: Kind
        package var description: String { kind.rawValue }

        package static let connectionFailed = Code(kind: .connectionFailed)
        /// Trying again does not help.
        package static let authenticationFailed = Code(kind: .authenticationFailed)
        /// The broker answered nack: a queue is full, or it failed inside.
        package static let refused = Code(kind: .refused)
        /// No queue is bound for the routing key.
        package static let returned = Code(kind: .returned)
        /// No answer in time: it may have been accepted or not.
        package static let timedOut = Code(kind: .timedOut)
        /// The connection went while the answer was awaited: it may have been accepted or not.
        package static let closed = Code(kind: .closed)
        package static let channelClosed = Code(kind: .channelClosed)
        package static let preconditionFailed = Code(kind: .preconditionFailed)
        package static let notFound = Code(kind: .notFound)
        package static let accessRefused = Code(kind: .accessRefused)
        package static let resourceLocked = Code(kind: .resourceLocked)
        package static let invalidURL = Code(kind: .invalidURL)

        /// The meaning of a reply code that closes a channel or connection.
        static func reply(_ code: Int) -> Code {
            switch code {
            case 403: .accessRefused
            case 404: .notFound
            case 405: .resourceLocked
            case 406: .preconditionFailed
            default: .channelClosed
            }
        }
    }

    /// It may pass by itself: trying the same later can succeed.
    package var isTransient: Bool {
        [.connectionFailed, .timedOut, .closed, .channelClosed, .refused, .resourceLocked].contains(code)
    }

    package let code: Code
    package let message: String
    /// The broker's own number, such as 404.
    package let replyCode: Int?

    package init(code: Code, message: String, replyCode: Int? = nil) {
        self.code = code
        self.message = message
        self.replyCode = replyCode
    }

    package var description: String { replyCode.map { "\(code) \($0): \(message)" } ?? "\(code): \(message)" }
}
