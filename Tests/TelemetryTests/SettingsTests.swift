import ArgumentParser
import Foundation
import Logging
import Testing

@testable import Telemetry

@Suite struct SettingsTests {
    static let servers = [
        "PARITY_POSTGRES_URL": "postgresql://u:p@h:5432/d", "PARITY_AMQP_URL": "amqp://u:p@h:5672/v",
    ]

    @Test func `defaults fill in what is not set`() throws {
        let settings = try ServiceSettings(SettingsReader(environment: Self.servers))
        #expect(settings.postgresURL == "postgresql://u:p@h:5432/d")
        #expect(settings.admin == AdminSettings(host: "127.0.0.1", port: 0))
        #expect(settings.telemetry == TelemetrySettings(level: .info, format: .auto))
    }

    @Test func `a flag overrides the variable`() throws {
        let options = try CommonOptions.parse(["--health-port", "9001", "--set", "PARITY_LOG_LEVEL=debug"])
        let reader = try SettingsReader(
            overrides: options.overrides, environment: ["PARITY_HEALTH_PORT": "1", "PARITY_LOG_LEVEL": "error"])
        let settings = try CommonSettings(reader)
        #expect(settings.admin.port == 9001)
        #expect(settings.telemetry.level == .debug)
    }

    @Test(arguments: ["70000", "-1", "x", "1.5", " 5"]) func `a value out of range is named with what is allowed`(
        value: String
    ) {
        let error = #expect(throws: SettingsError.self) {
            try CommonSettings(SettingsReader(environment: ["PARITY_HEALTH_PORT": value]))
        }
        #expect(
            error?.description == "PARITY_HEALTH_PORT is \"\(value)\": an integer from 0 to 65535 is allowed")
    }

    @Test(arguments: [("0", 0), ("65535", 65535)]) func `the ends of a range are allowed`(text: String, port: Int)
        throws
    {
        #expect(try CommonSettings(SettingsReader(environment: ["PARITY_HEALTH_PORT": text])).admin.port == port)
    }

    @Test func `a missing setting is named with what it is for`() {
        let error = #expect(throws: SettingsError.self) {
            try ServiceSettings(SettingsReader(environment: ["PARITY_POSTGRES_URL": ""]))
        }
        #expect(error?.description.hasPrefix("PARITY_POSTGRES_URL is not set (or PARITY_POSTGRES_URL_FILE).") == true)
    }

    @Test func `a bad secret is not shown`() {
        let error = #expect(throws: SettingsError.self) {
            try ServiceSettings(SettingsReader(environment: ["PARITY_POSTGRES_URL": "mysql://u:hunter2@h/d"]))
        }
        #expect(error?.description.contains("hunter2") == false)
        #expect(error?.description.contains("postgresql://") == true)
    }

    @Test func `a secret may come from a file, without the line feed at its end`() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "parity-\(UUID().uuidString)")
        try Data("postgresql://u:p@h/d\n".utf8).write(to: path)
        defer { try? FileManager.default.removeItem(at: path) }
        var environment = Self.servers
        environment["PARITY_POSTGRES_URL"] = nil
        environment["PARITY_POSTGRES_URL_FILE"] = path.path
        #expect(try ServiceSettings(SettingsReader(environment: environment)).postgresURL == "postgresql://u:p@h/d")
        environment["PARITY_POSTGRES_URL"] = "postgresql://other/d"
        #expect(throws: SettingsError.self) { try ServiceSettings(SettingsReader(environment: environment)) }
        environment["PARITY_POSTGRES_URL"] = nil
        environment["PARITY_POSTGRES_URL_FILE"] = path.path + "-none"
        #expect(throws: SettingsError.self) { try ServiceSettings(SettingsReader(environment: environment)) }
    }

    @Test func `a misspelt override is refused`() {
        let error = #expect(throws: SettingsError.self) {
            try SettingsReader(overrides: ["PARITY_LOG_LEVLE": "info"], known: CommonSettings.descriptions)
        }
        #expect(error?.description.contains("PARITY_LOG_LEVEL") == true)
    }

    @Test func `an assignment without an equals sign is refused`() {
        #expect(throws: (any Error).self) { try CommonOptions.parse(["--set", "PARITY_LOG_LEVEL"]) }
    }

    @Test(arguments: [
        ("250ms", Duration.milliseconds(250)), ("15s", .seconds(15)), ("15", .seconds(15)), ("5m", .seconds(300)),
        ("24h", .seconds(86400)), ("7d", .seconds(604_800)), ("0s", .zero),
    ]) func `durations are read`(text: String, duration: Duration) {
        #expect(DurationText.parse(text) == duration)
        #expect(DurationText.parse(DurationText.text(duration)) == duration)
    }

    @Test(arguments: ["", "s", "1.5s", "-1s", "5 s", "5w", "99999999999999999999s", "9223372036854775807d"])
    func `what is no duration is refused`(text: String) {
        #expect(DurationText.parse(text) == nil)
    }

    @Test func `other types are read`() throws {
        let reader = try SettingsReader(environment: [
            "PARITY_B": "Yes", "PARITY_L": "a, b,,c ", "PARITY_D": "2s", "PARITY_F": "json", "PARITY_U": "http://h",
        ])
        #expect(try reader.value(.boolean("PARITY_B", help: "")) == true)
        #expect(try reader.value(.list("PARITY_L", help: "")) == ["a", "b", "c"])
        #expect(try reader.value(.duration("PARITY_D", in: .zero ... .seconds(2), help: "")) == .seconds(2))
        #expect(throws: SettingsError.self) {
            try reader.value(.duration("PARITY_D", in: .zero ... .seconds(1), help: ""))
        }
        #expect(try reader.value(Setting<LogFormat>.choice("PARITY_F", help: "")) == .json)
        #expect(try reader.value(.url("PARITY_U", schemes: ["http", "https"], help: "")) == "http://h")
        #expect(try reader.optional(.text("PARITY_NONE", help: "")) == nil)
    }

    @Test func `help shows every flag that a setting names, and every setting`() {
        let help = Probe.helpMessage(columns: 200)
        for setting in ServiceSettings.descriptions {
            #expect(help.contains(setting.name))
            if let flag = setting.flag { #expect(help.contains("\(flag) <"), "\(flag)") }
            #expect(help.contains(setting.help))
            #expect(SettingsTable.markdown(ServiceSettings.descriptions).contains("| `\(setting.name)`"))
        }
    }

    @Test func `every flag that a setting names overrides it`() throws {
        for setting in ServiceSettings.descriptions {
            guard let flag = setting.flag else { continue }
            let probe = try Probe.parse([flag, "VALUE"])
            let overrides = probe.common.overrides.merging(probe.servers.overrides) { $1 }
            #expect(overrides == [setting.name: "VALUE"])
        }
    }
}

private struct Probe: ParsableCommand {
    static let configuration = CommandConfiguration(discussion: SettingsTable.help(ServiceSettings.descriptions))
    @OptionGroup var servers: ServerOptions
    @OptionGroup var common: CommonOptions
}
