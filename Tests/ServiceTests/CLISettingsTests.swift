import Foundation
import Telemetry
import Testing

@testable import ParityCLI

@Suite struct CLISettingsTests {
    private let file = ClientConfiguration(gatewayURL: "http://file:1", apiKey: "file-key")

    private func settings(
        _ overrides: [String: String] = [:], _ environment: [String: String] = [:], file: ClientConfiguration? = nil
    ) throws -> ClientSettings {
        try ClientSettings(overrides: overrides, environment: environment, file: file)
    }

    @Test func `without anything the gateway is on this machine`() throws {
        #expect(try settings() == ClientSettings(gatewayURL: "http://127.0.0.1:8080", apiKey: nil))
    }

    @Test func `flags win over variables, variables over the file`() throws {
        let environment = ["PARITY_GATEWAY_URL": "http://env:1/", "PARITY_API_KEY": "env-key"]
        #expect(try settings(file: file) == ClientSettings(gatewayURL: "http://file:1", apiKey: "file-key"))
        #expect(
            try settings([:], environment, file: file) == ClientSettings(gatewayURL: "http://env:1", apiKey: "env-key"))
        let flags = ["PARITY_GATEWAY_URL": "http://flag:1", "PARITY_API_KEY": "flag-key"]
        #expect(
            try settings(flags, environment, file: file)
                == ClientSettings(gatewayURL: "http://flag:1", apiKey: "flag-key"))
    }

    @Test func `the key of the file goes to no other gateway`() throws {
        #expect(try settings([:], ["PARITY_GATEWAY_URL": "http://other:1"], file: file).apiKey == nil)
        #expect(try settings([:], ["PARITY_GATEWAY_URL": "http://file:1/"], file: file).apiKey == "file-key")
    }

    @Test func `the administrator's key of the file stands in only while no key is given`() throws {
        let file = ClientConfiguration(gatewayURL: "http://file:1", apiKey: "mine", adminKey: "admin")
        #expect(try settings(file: file).asAdministrator.apiKey == "admin")
        #expect(try settings([:], ["PARITY_API_KEY": "given"], file: file).asAdministrator.apiKey == "given")
        let both = ["PARITY_API_KEY": "given", "PARITY_ADMIN_KEY": "root"]
        #expect(try settings([:], both, file: file).apiKey == "given")
        #expect(try settings([:], both, file: file).asAdministrator.apiKey == "root")
        #expect(try settings([:], ["PARITY_GATEWAY_URL": "http://other:1"], file: file).asAdministrator.apiKey == nil)
    }

    @Test func `what is no URL is named`() {
        let error = #expect(throws: SettingsError.self) { try settings(["PARITY_GATEWAY_URL": "localhost:8080"]) }
        #expect(error?.description.contains("PARITY_GATEWAY_URL") == true)
    }

    @Test func `the file is written for its owner only and read back`() async throws {
        try await TemporaryFolder.with { folder in
            let path = "\(folder.path)/deep/er/config.json"
            try file.write(path)
            try file.write(path)
            #expect(try ClientConfiguration.read(path) == file)
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            #expect(attributes[.posixPermissions] as? Int == 0o600)
            #expect(try ClientConfiguration.read(path + "-none") == nil)
            let broken = try folder.write("broken.json", "{")
            #expect(throws: CommandFailure.self) { try ClientConfiguration.read(broken) }
        }
    }

    @Test func `the file's place follows the environment`() {
        #expect(ClientConfiguration.path(["HOME": "/h"]) == "/h/.config/parity/config.json")
        #expect(ClientConfiguration.path(["HOME": "/h", "XDG_CONFIG_HOME": "/x"]) == "/x/parity/config.json")
        #expect(ClientConfiguration.path(["HOME": "/h", "PARITY_CONFIG": "/c.json"]) == "/c.json")
    }

    @Test func `parity dev replaces only what belongs to this machine`() async throws {
        try await TemporaryFolder.with { folder in
            let path = "\(folder.path)/config.json"
            #expect(try DevClient.mayReplace(path))
            try ClientConfiguration(gatewayURL: "http://127.0.0.1:9", apiKey: "k").write(path)
            #expect(try DevClient.mayReplace(path))
            try ClientConfiguration(gatewayURL: "https://parity.example", apiKey: "k").write(path)
            #expect(try !DevClient.mayReplace(path))
        }
    }
}
