/// A setting that a service cannot start with. Its text names the variable, what is wrong with it and what is
/// allowed; the value is told only where it is no secret.
package struct SettingsError: Error, Sendable, Hashable, CustomStringConvertible {
    package let name: String
    package let message: String

    package init(name: String, message: String) {
        self.name = name
        self.message = message
    }

    package var description: String { "\(name) \(message)" }

    /// `EX_CONFIG` of sysexits(3).
    package static let exitCode: Int32 = 78
}
