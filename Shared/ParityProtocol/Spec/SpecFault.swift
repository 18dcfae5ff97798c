/// One thing that is wrong with a task spec: where (RFC 6901 JSON pointer), a stable code, and a sentence that
/// says what to do.
package struct SpecFault: Sendable, Hashable, Codable {
    package let pointer: String
    package let code: String
    package let message: String

    package init(pointer: String, code: String, message: String) {
        self.pointer = pointer
        self.code = code
        self.message = message
    }
}

/// All faults of a spec at once, so that a submitter mends them in one go.
package struct SpecFaults: Error, Sendable, CustomStringConvertible {
    package let faults: [SpecFault]
    package init(_ faults: [SpecFault]) { self.faults = faults }
    package var description: String {
        faults.map { "\($0.pointer.isEmpty ? "/" : $0.pointer): \($0.message)" }.joined(separator: "\n")
    }
}
