package import Telemetry

/// What the gateway can be told.
package struct GatewaySettings: SettingsGroup {
    static let hostSetting = Setting<String>.text(
        "PARITY_LISTEN_HOST", default: "127.0.0.1", help: "Address to listen on")
    static let portSetting = Setting<Int>.integer(
        "PARITY_LISTEN_PORT", default: 8080, in: 0...65_535, help: "Port to listen on")
    static let blobFolderSetting = Setting<String>.text(
        "PARITY_BLOB_DIR", default: "blobs", help: "Folder that holds the blobs")
    static let adminKeySetting = Setting<String>.secret(
        "PARITY_ADMIN_KEY", help: "API key of the administrator, who makes accounts and books deposits")
    static let maximumBlobSetting = Setting<Int>.integer(
        "PARITY_MAX_BLOB_BYTES", default: 8 << 30, in: 1...(1 << 46), help: "Largest blob, in bytes")
    static let dailyUploadSetting = Setting<Int>.integer(
        "PARITY_DAILY_UPLOAD_BYTES", default: 256 << 30, in: 1...(1 << 50),
        help: "What one account may upload in 24 hours, in bytes")
    static let maximumTaskSetting = Setting<Int>.integer(
        "PARITY_MAX_TASK_BYTES", default: 32 << 30, in: 1...(1 << 50),
        help: "What the blobs of one task may come to, in bytes, each counted as often as the task names it")
    static let classesSetting = Setting<[String]>.list(
        "PARITY_CLASSES", default: ["linux-amd64.small"], help: "Classes of replicas that the network has lanes for")
    static let lanesSetting = Setting<Int>.integer(
        "PARITY_LANES", default: 16, in: 1...256, help: "Lanes of each class")
    static let distinctBySetting = Setting<DistinctBy>.choice(
        "PARITY_DISTINCT_BY", default: .operator,
        help: "Whose replicas of one task must differ: each operator's, or, on one machine, each runner's")
    static let runnerBrokerSetting = Setting<String>.secretURL(
        "PARITY_RUNNER_AMQP_URL", schemes: ["amqp", "amqps"],
        help: "The broker's address as runners reach it; PARITY_AMQP_URL unless set")
    static let maximumRunnersSetting = Setting<Int>.integer(
        "PARITY_MAX_RUNNERS", default: 1000, in: 1...1_000_000,
        help: "How many runners one account may register; each has a queue of its own")
    static let leaseSetting = Setting<Duration>.duration(
        "PARITY_LEASE", default: .seconds(60), in: .seconds(2)...(.seconds(3600)),
        help: "How long a runner counts as live without a heartbeat; it sends four in that time")

    package enum DistinctBy: String, CaseIterable, Sendable { case `operator`, runner }

    package static let descriptions =
        ServiceSettings.descriptions + [
            hostSetting.description, portSetting.description, blobFolderSetting.description,
            adminKeySetting.description, maximumBlobSetting.description, dailyUploadSetting.description,
            maximumTaskSetting.description, classesSetting.description, lanesSetting.description,
            distinctBySetting.description, runnerBrokerSetting.description, leaseSetting.description,
            maximumRunnersSetting.description,
        ]

    package var service: ServiceSettings
    package var host: String
    package var port: Int
    package var blobFolder: String
    package var adminKey: String?
    package var maximumBlobBytes: Int64
    package var dailyUploadBytes: Int64
    package var maximumTaskBytes: Int64
    package var classes: [String]
    package var lanes: Int
    package var distinctBy: DistinctBy
    package var runnerBroker: String
    package var lease: Duration
    package var maximumRunners: Int

    package init(_ reader: SettingsReader) throws {
        service = try ServiceSettings(reader)
        host = try reader.value(Self.hostSetting)
        port = try reader.value(Self.portSetting)
        blobFolder = try reader.value(Self.blobFolderSetting)
        adminKey = try reader.optional(Self.adminKeySetting)
        maximumBlobBytes = Int64(try reader.value(Self.maximumBlobSetting))
        dailyUploadBytes = Int64(try reader.value(Self.dailyUploadSetting))
        maximumTaskBytes = Int64(try reader.value(Self.maximumTaskSetting))
        classes = try reader.value(Self.classesSetting)
        lanes = try reader.value(Self.lanesSetting)
        distinctBy = try reader.value(Self.distinctBySetting)
        runnerBroker = try reader.optional(Self.runnerBrokerSetting) ?? service.amqpURL
        lease = try reader.value(Self.leaseSetting)
        maximumRunners = try reader.value(Self.maximumRunnersSetting)
    }
}
