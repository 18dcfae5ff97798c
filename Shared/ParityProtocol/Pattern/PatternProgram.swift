/// A tree as steps of a machine that is in several of them at once.
struct PatternProgram: Sendable {
    enum Instruction: Sendable {
        case character(ScalarSet)
        case assertion(PatternAssertion)
        case jump(Int)
        case split(Int, Int)
        case match
    }

    private(set) var instructions: [Instruction] = []

    /// Each costs a step for each character of the text at worst.
    static let maximumInstructions = 1000

    init(_ node: PatternNode) throws(PatternError) {
        try emit(node)
        try append(.match)
    }

    private mutating func append(_ instruction: Instruction) throws(PatternError) {
        guard instructions.count < Self.maximumInstructions else {
            throw PatternError(
                offset: 0, message: "the repetitions come to more than \(Self.maximumInstructions) steps")
        }
        instructions.append(instruction)
    }

    private mutating func emit(_ node: PatternNode) throws(PatternError) {
        switch node {
        case .character(let set): try append(.character(set))
        case .assertion(let assertion): try append(.assertion(assertion))
        case .sequence(let nodes): for node in nodes { try emit(node) }
        case .alternatives(let branches): try emit(branches[...])
        case .repetition(let node, let minimum, let maximum):
            for _ in 0..<minimum {
                let before = instructions.count
                try emit(node)
                // Nothing a thousand times is nothing, and nested it would take for ever.
                if instructions.count == before { break }
            }
            guard let maximum else { return try emitLoop(node) }
            // Each further one may be left out with all after it.
            var exits: [Int] = []
            for _ in minimum..<maximum {
                exits.append(instructions.count)
                try append(.jump(0))
                try emit(node)
            }
            for exit in exits { instructions[exit] = .split(exit + 1, instructions.count) }
        }
    }

    private mutating func emit(_ branches: ArraySlice<PatternNode>) throws(PatternError) {
        var ends: [Int] = []
        for (index, branch) in branches.enumerated() {
            let isLast = index == branches.count - 1
            let choice = instructions.count
            if !isLast { try append(.jump(0)) }
            try emit(branch)
            guard !isLast else { break }
            ends.append(instructions.count)
            try append(.jump(0))
            instructions[choice] = .split(choice + 1, instructions.count)
        }
        for end in ends { instructions[end] = .jump(instructions.count) }
    }

    private mutating func emitLoop(_ node: PatternNode) throws(PatternError) {
        let start = instructions.count
        try append(.jump(0))
        try emit(node)
        try append(.jump(start))
        instructions[start] = .split(start + 1, instructions.count)
    }
}
