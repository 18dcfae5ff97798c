import FoundationEssentials
import Glibc

/// The processes of Parity itself: the five services, runner agents several times.
struct DevServices: Sendable {
    static let core = ["scheduler", "verifier", "payout"]
    static let gateway = "gateway"
    static let builder = "builder"

    let folder: DevFolder
    let state: DevState
    let ports: [String: Int]
    let postgresURL: String
    let amqpURL: String
    let logLevel: String
    /// Where a person's own settings come from.
    let environment: [String: String]

    static func runnerName(_ number: Int) -> String { "runner-\(number)" }
    static func portNames(runners: Int) -> [String] {
        [gateway] + ([gateway, builder] + core + (1...max(1, runners)).map(runnerName)).map { "\($0)-health" }
    }

    var gatewayURL: String { "http://127.0.0.1:\(ports[Self.gateway, default: 0])" }

    func service(_ name: String) throws -> ProcessSpec {
        var settings = [
            "PARITY_POSTGRES_URL": postgresURL, "PARITY_AMQP_URL": amqpURL, "PARITY_DISTINCT_BY": "runner",
        ]
        if name == Self.gateway {
            settings.merge([
                "PARITY_LISTEN_HOST": "127.0.0.1", "PARITY_LISTEN_PORT": "\(ports[Self.gateway, default: 0])",
                "PARITY_ADMIN_KEY": state.adminKey,
                "PARITY_BLOB_DIR": folder.blobs,
            ]) { _, new in new }
        }
        return process(name, at: try Executables.sibling(name), settings)
    }

    func runner(_ number: Int) throws -> ProcessSpec {
        let name = Self.runnerName(number)
        let home = folder.runner(number)
        try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: true)
        chmod(home, 0o700)
        return process(
            name, at: try Executables.sibling("runner-agent"),
            [
                "PARITY_GATEWAY_URL": gatewayURL, "PARITY_API_KEY": state.apiKey ?? "",
                "PARITY_RUNNER_NAME": name, "PARITY_STATE_DIR": home,
                "PARITY_DOCKER_HOST": LocalEngine.address(environment),
            ])
    }

    /// The agent that makes images of Dockerfiles.
    func builder() throws -> ProcessSpec {
        let home = folder.builder
        try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: true)
        chmod(home, 0o700)
        var spec = process(
            Self.builder, at: try Executables.sibling("runner-agent"),
            [
                "PARITY_GATEWAY_URL": gatewayURL, "PARITY_API_KEY": state.builderKey ?? "",
                "PARITY_RUNNER_NAME": Self.builder, "PARITY_STATE_DIR": home,
                "PARITY_DOCKER_HOST": LocalEngine.address(environment),
            ])
        spec.arguments = ["--builder"]
        return spec
    }

    /// The process `name` with its own settings over what every service gets.
    func process(_ name: String, at executable: String, _ settings: [String: String]) -> ProcessSpec {
        var all = settings
        all["PARITY_HEALTH_HOST"] = "127.0.0.1"
        all["PARITY_HEALTH_PORT"] = "\(ports["\(name)-health", default: 0])"
        all["PARITY_LOG_FORMAT"] = "json"
        all["PARITY_LOG_LEVEL"] = logLevel
        return ProcessSpec(
            name: name, executable: executable,
            environment: inherited(without: Set(all.keys)).merging(all) { _, new in new }, stopSeconds: 35)
    }

    /// What a service sees of our own environment: the system's, and Parity's settings that are not ours to give, so
    /// that `PARITY_LEASE=20s parity dev` does what it says.
    private func inherited(without own: Set<String>) -> [String: String] {
        let system: Set = ["PATH", "HOME", "LANG", "USER", "TMPDIR", "SWIFT_BACKTRACE", "LD_LIBRARY_PATH"]
        let foreign: Set = ["PARITY_API_KEY", "PARITY_GATEWAY_URL", "PARITY_CONFIG"]
        return environment.filter { name, _ in
            if system.contains(name) { return true }
            guard name.hasPrefix("PARITY_"), !name.hasPrefix("PARITY_TEST_") else { return false }
            let base = name.hasSuffix("_FILE") ? String(name.dropLast(5)) : name
            return !own.contains(base) && !foreign.contains(base)
        }
    }
}
