import ArgumentParser
import FoundationEssentials
import Glibc
package import Logging
package import ServiceLifecycle
package import UnixSignals

/// Runs a process's services together and ends it with a clear line and exit code.
package enum ServiceRunner {
    /// What a service may take to finish what it has begun once it was asked to stop.
    static let gracefulSeconds = 25
    /// What it may take once it was cancelled.
    static let cancellationSeconds = 5

    /// Runs `services` in one group until a signal stops them, the last first, or one of them fails.
    ///
    /// A graceful stop may take 25 s; then the rest is cancelled, and after 5 s more the process ends with code 1.
    /// Throws what the failed service threw, or ``ServiceEndedError`` when one returned on its own.
    package static func run(
        services: [any Service], logger: Logger, signals: [UnixSignal] = [.sigterm, .sigint]
    ) async throws {
        let deadline = ShutdownDeadline(
            gracefulSeconds: gracefulSeconds + cancellationSeconds, cancelledSeconds: cancellationSeconds
        ) {
            logger.critical("Services did not stop in time")
            _exit(1)
        }
        defer { deadline.disarm() }
        let all = services + [deadline]
        var configuration = ServiceGroupConfiguration(
            services: all.map { service in
                ServiceGroupConfiguration.ServiceConfiguration(
                    service: service, successTerminationBehavior: .cancelGroup,
                    // The others finish what they hold: a failure is no reason to drop acknowledged work.
                    failureTerminationBehavior: .gracefullyShutdownGroup, serviceName: "\(type(of: service))")
            }, gracefulShutdownSignals: signals, logger: logger)
        configuration.maximumGracefulShutdownDuration = .seconds(gracefulSeconds)
        do {
            try await ServiceGroup(configuration: configuration).run()
        } catch let error as ServiceGroupError where error.errorCode == .serviceFinishedUnexpectedly {
            throw ServiceEndedError(detail: error.description)
        }
    }

    /// Runs the whole of a command. Whatever it throws becomes one line and an `ExitCode`: 78 (`EX_CONFIG`) for a
    /// ``SettingsError``, 1 for everything else.
    package static func command(_ service: String, _ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch let exit as ExitCode {
            throw exit
        } catch let error as SettingsError {
            report(service, "Settings are not usable", "\(error)")
            throw ExitCode(SettingsError.exitCode)
        } catch {
            report(service, "The service failed", "\(error)")
            throw ExitCode(1)
        }
    }

    /// Through the logger once there is one, so that JSON stays JSON; else as plain text.
    private static func report(_ service: String, _ message: String, _ error: String) {
        if Telemetry.isReady {
            Logger(label: service).critical("\(message)", metadata: ["error": "\(error)"])
        } else {
            LogOutput.standardError.write("\(service): \(error.escapingControls())\n")
        }
    }
}

/// A service returned although nothing had asked it to stop.
package struct ServiceEndedError: Error, CustomStringConvertible {
    let detail: String
    package var description: String { "a service ended unexpectedly (\(detail))" }
}
