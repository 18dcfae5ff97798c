/// Runs a program over a text, all of its ways at once: at most one visit of each instruction for each character.
struct PatternMatcher {
    private let instructions: [PatternProgram.Instruction]
    /// The instructions that wait for the present character, each once.
    private var waiting: [Int] = []
    /// For each instruction, the number of the position at which it was visited last.
    private var visited: [Int]
    private var stack: [Int] = []
    private var isMatched = false

    init(_ program: PatternProgram) {
        instructions = program.instructions
        visited = Array(repeating: -1, count: instructions.count)
    }

    consuming func occurs(in text: some Sequence<Unicode.Scalar>) -> Bool {
        var iterator = text.makeIterator()
        var previous: Unicode.Scalar?
        var next = iterator.next()
        var position = 0
        while true {
            // A match may begin anywhere.
            visit(0, at: position, previous, next)
            guard !isMatched, let scalar = next else { return isMatched }
            let candidates = waiting
            waiting.removeAll(keepingCapacity: true)
            previous = scalar
            next = iterator.next()
            position += 1
            for index in candidates {
                if case .character(let set) = instructions[index], set.contains(scalar) {
                    visit(index + 1, at: position, previous, next)
                }
            }
        }
    }

    /// Follows everything that needs no character.
    private mutating func visit(
        _ start: Int, at position: Int, _ previous: Unicode.Scalar?, _ next: Unicode.Scalar?
    ) {
        stack.append(start)
        while let index = stack.popLast() {
            guard visited[index] != position else { continue }
            visited[index] = position
            switch instructions[index] {
            case .character: waiting.append(index)
            case .assertion(let assertion):
                if assertion.holds(between: previous, and: next) { stack.append(index + 1) }
            case .jump(let target): stack.append(target)
            case .split(let first, let second):
                stack.append(second)
                stack.append(first)
            case .match: isMatched = true
            }
        }
    }
}
