import ArgumentParser
import FoundationEssentials
import ParityProtocol
import Telemetry

/// Runs the body of a command and turns whatever it throws into lines on standard error and an exit code.
enum CommandRun {
    static func perform(_ body: () async throws -> Void) async throws {
        do {
            try await TraceContext.$current.withValue(TraceContext()) { try await body() }
        } catch let exit as ExitCode {
            throw exit
        } catch {
            let failure = describe(error)
            for (index, line) in failure.lines.enumerated() {
                Console.error(index == 0 ? "parity: \(line)" : "  \(line)")
            }
            throw ExitCode(failure.status.rawValue)
        }
    }

    static func describe(_ error: any Error) -> CommandFailure {
        switch error {
        case let failure as CommandFailure: failure
        case let failure as GatewayFailure: failure.commandFailure
        case let error as SettingsError: CommandFailure(.settings, "\(error)")
        case let faults as SpecFaults:
            CommandFailure(.refused, lines: ["the spec has faults:"] + faults.faults.map(\.line))
        default: CommandFailure(.failure, "\(error)")
        }
    }
}

extension SpecFault {
    /// `/limits/pids: expected 1 to 4096 (range)`
    var line: String { "\(pointer.isEmpty ? "/" : pointer): \(message) (\(code))" }
}
