import FoundationEssentials
import Glibc

/// A PostgreSQL cluster of our own: one folder, one loopback port, a password, no socket.
struct PostgresCluster: Sendable {
    static let name = "postgres"
    private static let account = "postgres"
    private static let database = "parity"

    let folder: String
    let logFile: String
    let port: Int
    let password: String
    let tools: Executables.Postgres

    init(folder: DevFolder, port: Int, password: String) throws {
        self.folder = folder.postgres
        logFile = "\(folder.logs)/postgres.log"
        self.port = port
        self.password = password
        tools = try Executables.postgres(version: Self.version(of: "\(folder.postgres)/data"))
    }

    var url: String { "postgresql://parity:\(password)@127.0.0.1:\(port)/\(Self.database)" }
    private var data: String { "\(folder)/data" }
    /// PostgreSQL refuses to run as root.
    private var user: String? { DevFolder.isRoot ? Self.account : nil }

    private static func version(of data: String) -> Int? {
        FileManager.default.contents(atPath: "\(data)/PG_VERSION").flatMap {
            Int(String(decoding: $0, as: UTF8.self).trimmingNewlines)
        }
    }

    /// Makes the cluster where there is none. One that was left half made is made anew.
    func initialize(_ processes: DevProcesses) async throws {
        guard Self.version(of: data) == nil else { return }
        try? FileManager.default.removeItem(atPath: folder)
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let passwordFile = "\(folder)/password"
        try PrivateFile.write(Array("\(password)\n".utf8), to: passwordFile)
        defer { unlink(passwordFile) }
        try own([folder, passwordFile])
        // Made beside its place, so that a folder with a version in it is a whole cluster.
        try await processes.runTool(
            name: "initdb", tools.initdb,
            [
                "--pgdata", "\(folder)/new", "--username", "parity", "--pwfile", passwordFile, "--auth",
                "scram-sha-256", "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-instructions",
            ], environment: Self.environment, user: user)
        guard rename("\(folder)/new", data) == 0 else { throw CommandFailure(.failure, "\(data): \(systemError())") }
    }

    private static let environment = ["PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "TZ": "UTC"]

    private func own(_ paths: [String]) throws {
        guard DevFolder.isRoot else { return }
        guard let entry = getpwnam(Self.account) else {
            throw CommandFailure(.failure, "there is no account \(Self.account), which PostgreSQL's package makes")
        }
        for path in paths {
            guard chown(path, entry.pointee.pw_uid, entry.pointee.pw_gid) == 0 else {
                throw CommandFailure(.failure, "\(path): \(systemError())")
            }
        }
        chmod(folder, 0o700)
    }

    var process: ProcessSpec {
        ProcessSpec(
            name: Self.name, executable: tools.postgres,
            arguments: [
                "-D", data, "-p", "\(port)", "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
                "-c", "max_connections=200", "-c", "cluster_name=parity-dev",
            ], environment: Self.environment, output: .file(logFile), user: user,
            // SIGINT is its fast shutdown: SIGTERM would wait for every client to leave.
            stopSignal: .interrupt, stopSeconds: 30)
    }

    /// Waits until it answers and our database exists.
    func awaitReady(_ processes: DevProcesses) async throws {
        var environment = Self.environment
        environment["PGPASSWORD"] = password
        let server = ["--host", "127.0.0.1", "--port", "\(port)", "--username", "parity"]
        try await Readiness.poll("PostgreSQL", seconds: 60, logFile: logFile) {
            try await processes.tool(tools.isReady, server + ["--quiet"], environment: environment).code == 0
                ? nil : "it does not accept connections yet"
        }
        let made = try await processes.tool(
            tools.createdb, server + ["--no-password", Self.database], environment: environment)
        guard made.code == 0 || made.output.contains("already exists") else {
            throw CommandFailure(.failure, "cannot make the database: \(made.output.trimmingNewlines)")
        }
    }
}
