/// A statement that stands literally in the program: there is no way to build one from outside text, so none can be
/// injected. Values travel as parameters `$1`, `$2` …
package struct SQL: Sendable, Hashable, ExpressibleByStringLiteral {
    package let text: String

    package init(stringLiteral value: StaticString) { text = value.description }

    private init(text: String) { self.text = text }

    /// Two literal pieces joined.
    package static func + (left: SQL, right: SQL) -> SQL { SQL(text: left.text + right.text) }
}
