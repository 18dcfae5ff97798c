import ParityProtocol

/// Something that is true of this machine or this day and of no other, found in an output: no run here can differ in it,
/// and runs elsewhere or tomorrow will.
struct Witness: Sendable, Hashable, Encodable {
    /// As it stands in the output.
    let text: String
    let cause: DivergenceCause
    /// What it is, for people.
    let what: String

    /// The facts to look for. `date` is the day of the runs, in UTC.
    static func facts(
        kernelRelease: String, memoryBytes: Int64, cpuModels: [String], date: (year: Int, month: Int, day: Int)
    ) -> [Witness] {
        var facts = [Witness(text: kernelRelease, cause: .machine, what: "the release of this machine's kernel")]
        for model in Set(cpuModels).sorted() {
            facts.append(Witness(text: model, cause: .machine, what: "the model of this machine's CPU"))
        }
        for number in [memoryBytes, memoryBytes / 1024] {
            facts.append(Witness(text: "\(number)", cause: .memorySize, what: "the size of this machine's memory"))
        }
        for text in Self.forms(of: date) {
            facts.append(Witness(text: text, cause: .timeStamp, what: "today's date"))
        }
        // Short texts are found by chance.
        return facts.filter { $0.text.utf8.count >= 6 }
    }

    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    /// How dates with a year are written.
    private static func forms(of date: (year: Int, month: Int, day: Int)) -> [String] {
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let (year, month, day) = ("\(date.year)", two(date.month), two(date.day))
        let name = months[(date.month - 1) % 12]
        return [
            "\(year)-\(month)-\(day)", "\(year)\(month)\(day)", "\(year)/\(month)/\(day)", "\(day)/\(month)/\(year)",
            "\(month)/\(day)/\(year)", "\(day).\(month).\(year)", "\(name) \(date.day) \(year)",
            "\(date.day) \(name) \(year)", "\(name) \(date.day), \(year)",
        ]
    }

    /// Those of `witnesses` whose text stands in `bytes` as a word of its own.
    static func search(_ witnesses: [Witness], in bytes: [UInt8]) -> Set<Witness> {
        var byFirst = [[(witness: Witness, text: [UInt8])]](repeating: [], count: 256)
        for witness in witnesses {
            let text = Array(witness.text.utf8)
            if let first = text.first { byFirst[Int(first)].append((witness, text)) }
        }
        var found: Set<Witness> = []
        for (index, byte) in bytes.enumerated() where !byFirst[Int(byte)].isEmpty {
            for (witness, text) in byFirst[Int(byte)] where stands(text, at: index, in: bytes) { found.insert(witness) }
        }
        return found
    }

    private static func stands(_ text: [UInt8], at index: Int, in bytes: [UInt8]) -> Bool {
        let end = index + text.count
        guard end <= bytes.count, bytes[index..<end].elementsEqual(text) else { return false }
        return !(index > 0 && isWordByte(bytes[index - 1])) && !(end < bytes.count && isWordByte(bytes[end]))
    }

    private static func isWordByte(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
    }
}
