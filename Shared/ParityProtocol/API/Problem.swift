/// An error answer (RFC 9457, `application/problem+json`) with a stable `code` and, for a bad spec, its faults.
package struct Problem: Codable, Sendable, Error, Equatable {
    package var type: String
    package var title: String
    package var status: Int
    package var code: String
    package var detail: String
    package var faults: [SpecFault]?

    package init(status: Int, code: String, title: String, detail: String, faults: [SpecFault]? = nil) {
        type = "about:blank"
        self.title = title
        self.status = status
        self.code = code
        self.detail = detail
        self.faults = faults
    }
}
