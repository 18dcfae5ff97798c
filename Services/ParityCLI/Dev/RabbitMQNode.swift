import FoundationEssentials
import Glibc

/// A RabbitMQ node of our own with its own port mapper, all on loopback ports.
///
/// Erlang would leave a port mapper behind; ours is started first and is a child like the others.
struct RabbitMQNode: Sendable {
    static let name = "rabbitmq"
    static let mapperName = "epmd"

    let folder: String
    let logFile: String
    let nodeName: String
    let password: String
    let port: Int
    let distributionPort: Int
    let mapperPort: Int
    private let script: String
    private let epmd: String

    init(folder: DevFolder, state: DevState, ports: [String: Int]) throws {
        self.folder = folder.rabbitMQ
        logFile = "\(folder.logs)/rabbitmq.log"
        nodeName = state.nodeName
        password = state.amqpPassword
        port = ports["amqp", default: 0]
        distributionPort = ports["amqp-distribution", default: 0]
        mapperPort = ports["epmd", default: 0]
        script = try Executables.rabbitMQ()
        epmd = try Executables.epmd()
    }

    static let portNames = ["amqp", "amqp-distribution", "epmd"]

    var url: String { "amqp://parity:\(password)@127.0.0.1:\(port)" }

    /// Writes its configuration; the user is made at the first boot only.
    func prepare() throws {
        for path in [folder, "\(folder)/home", "\(folder)/data", "\(folder)/log"] {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            chmod(path, 0o700)
        }
        let configuration = """
            listeners.tcp.1 = 127.0.0.1:\(port)
            default_user = parity
            default_pass = \(password)
            log.file = false
            log.console = true
            log.console.level = warning

            """
        try PrivateFile.write(Array(configuration.utf8), to: "\(folder)/rabbitmq.conf")
        try PrivateFile.write(Array("[].\n".utf8), to: "\(folder)/enabled_plugins")
    }

    private var environment: [String: String] {
        [
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "HOME": "\(folder)/home",
            "ERL_EPMD_ADDRESS": "127.0.0.1", "ERL_EPMD_PORT": "\(mapperPort)",
        ]
    }

    var mapper: ProcessSpec {
        ProcessSpec(
            name: Self.mapperName, executable: epmd, arguments: ["-port", "\(mapperPort)", "-address", "127.0.0.1"],
            environment: environment, output: .file(logFile), stopSeconds: 5)
    }

    var process: ProcessSpec {
        var environment = environment
        environment.merge([
            "RABBITMQ_NODENAME": nodeName, "RABBITMQ_MNESIA_BASE": "\(folder)/data",
            "RABBITMQ_LOG_BASE": "\(folder)/log", "RABBITMQ_CONFIG_FILE": "\(folder)/rabbitmq.conf",
            "RABBITMQ_ENABLED_PLUGINS_FILE": "\(folder)/enabled_plugins",
            "RABBITMQ_CONF_ENV_FILE": "\(folder)/no-environment-file", "RABBITMQ_DIST_PORT": "\(distributionPort)",
            // The script then becomes the node instead of standing between us and it.
            "RUNNING_UNDER_SYSTEMD": "true",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        ]) { _, new in new }
        return ProcessSpec(
            name: Self.name, executable: script, environment: environment, output: .file(logFile), stopSeconds: 30)
    }

    /// Waits until it greets as an AMQP 0-9-1 broker does: Connection.Start, a method frame.
    func awaitReady() async throws {
        try await Readiness.poll("RabbitMQ", seconds: 120, logFile: logFile) {
            Self.greets(port: port) ? nil : "it does not greet yet"
        }
    }

    private static func greets(port: Int) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var patience = timeval(tv_sec: 2, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        var address = FreePorts.loopback(port)
        let isConnected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                connect(descriptor, pointer, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        let header: [UInt8] = Array("AMQP".utf8) + [0, 0, 9, 1]
        guard isConnected, send(descriptor, header, header.count, Int32(MSG_NOSIGNAL)) == header.count else {
            return false
        }
        var first: UInt8 = 0
        return recv(descriptor, &first, 1, 0) == 1 && first == 1
    }
}
