/// What `parity` ends with, so that scripts can tell the cases apart.
enum CommandExit: Int32, CaseIterable, Sendable {
    case success = 0
    case failure = 1
    case noConsensus = 3
    case failed = 4
    case cancelled = 5
    case expectationFailed = 6
    case refused = 10
    case notFound = 11
    case unauthorized = 12
    case insufficientBalance = 13
    case unreachable = 14
    case timedOut = 15
    case exists = 16
    case mismatch = 17
    case nondeterministic = 18
    case usage = 64
    case settings = 78
    case interrupted = 130

    var meaning: String {
        switch self {
        case .success: "done; with --wait and watch: the task is verified and met its expectation"
        case .failure: "something else went wrong"
        case .noConsensus: "the runners did not agree"
        case .failed: "the task failed, for example at its deadline"
        case .cancelled: "the task was cancelled"
        case .expectationFailed: "verified, but the output is not what the spec expects"
        case .refused: "the gateway or parity refused the input"
        case .notFound: "there is no such task, account or file"
        case .unauthorized: "the API key is missing, wrong or may not do this"
        case .insufficientBalance: "the account's balance does not cover the reward"
        case .unreachable: "the gateway cannot be reached"
        case .timedOut: "--timeout ran over before the task ended"
        case .exists: "a file is in the way; --force overwrites it"
        case .mismatch: "what the gateway sent is not the output that the runners agreed on"
        case .nondeterministic: "check: runs of the task come out different"
        case .usage: "the command line is not understood"
        case .settings: "a setting is missing or wrong"
        case .interrupted: "stopped by a signal"
        }
    }

    static var help: String {
        "EXIT CODES\n"
            + allCases.map { status in
                let code = String(status.rawValue)
                return "  " + String(repeating: " ", count: 3 - code.count) + code + "  " + status.meaning
            }.joined(separator: "\n")
    }
}
