/// Why the engine did not do what was asked.
package struct DockerError: Error, Sendable, CustomStringConvertible {
    package enum Code: Sendable { case notFound, conflict, denied, unreachable, refused, malformed }
    package let code: Code
    package let operation: String
    package let message: String

    init(_ code: Code, _ operation: String, _ message: String) {
        self.code = code
        self.operation = operation
        self.message = message
    }

    init(status: UInt, operation: String, message: String) {
        let code: Code =
            switch status {
            case 401, 403: .denied
            case 404: .notFound
            case 409: .conflict
            default: .refused
            }
        self.init(code, operation, message)
    }

    package var description: String { "\(operation): \(message)" }
}
