/// The body of a message between services: JSON with a `schema` member that names its shape.
///
/// Messages carry ids and digests; rows carry facts. Each type's comment says who sends it and who receives it.
package protocol MessageBody: Codable, Sendable {
    /// Stands in the body as `schema` and on the envelope as `type`.
    static var schema: String { get }
}
