import ParityProtocol

/// Why a call to the gateway did not give what was asked for.
enum GatewayFailure: Error, Sendable {
    /// The gateway answered with an error that it explains.
    case problem(Problem)
    /// Something answered, but not as a gateway does.
    case unexpected(status: Int, what: String)
    case unreachable(url: String, cause: String)

    var commandFailure: CommandFailure {
        switch self {
        case .problem(let problem):
            var lines = [problem.detail.isEmpty ? problem.title : problem.detail]
            if lines[0].isEmpty { lines[0] = problem.code }
            lines += (problem.faults ?? []).map(\.line)
            if problem.status == 401 { lines.append("give a key by PARITY_API_KEY, --api-key or `parity login`") }
            return CommandFailure(Self.status(problem.status), lines: lines)
        case .unexpected(let status, let what):
            return CommandFailure(Self.status(status), "the gateway answered \(status) \(what)")
        case .unreachable(let url, let cause):
            return CommandFailure(
                .unreachable, "the gateway at \(url) cannot be reached: \(cause)",
                "`parity dev` runs one here; PARITY_GATEWAY_URL or --gateway names another")
        }
    }

    private static func status(_ code: Int) -> CommandExit {
        switch code {
        case 401, 403: .unauthorized
        case 402: .insufficientBalance
        case 404: .notFound
        case 400..<500: .refused
        default: .failure
        }
    }
}
