import FoundationEssentials
import Glibc
import Sandbox

/// Marks what one `parity check` has on the engine and in the folder for temporary files, so that the next one can tell
/// what a killed one left: by boot, pid namespace, process and the time of its start.
struct CheckOwner: Sendable {
    static let label = "network.parity.check"
    let value: String

    /// Where it keeps files; to be made by whoever uses it.
    var folder: String { Self.temporaryFolder + "/" + Self.prefix + value }

    private static let prefix = "parity-check-"
    private static var temporaryFolder: String { FileManager.default.temporaryDirectory.path() }

    static func current() -> CheckOwner {
        let process = getpid()
        return CheckOwner(value: "\(here())-\(process)-\(start(of: process) ?? "0")")
    }

    /// Two processes with the same of it see each other's process ids.
    private static func here() -> String {
        let boot = (try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8)) ?? ""
        let space = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/pid")) ?? ""
        return boot.filter(\.isHexDigit).prefix(16) + "-" + space.filter(\.isNumber)
    }

    /// In ticks since boot (proc(5), field 22); the name before it may hold blanks.
    private static func start(of process: Int32) -> String? {
        guard let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
            let end = text.lastIndex(of: ")")
        else { return nil }
        let fields = text[end...].split(separator: " ")
        return fields.count > 20 ? String(fields[20]) : nil
    }

    /// Removes what processes of this place have left that are gone.
    static func removeLeftovers(_ sandbox: Sandbox) async throws {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: temporaryFolder)) ?? []
        where name.hasPrefix(prefix) && isGone(String(name.dropFirst(prefix.count))) {
            try? FileManager.default.removeItem(atPath: "\(temporaryFolder)/\(name)")
        }
        for value in Set(try await sandbox.engine.containerLabels(label)) where isGone(value) {
            try await sandbox.removeLeftovers(label: "\(label)=\(value)")
        }
    }

    private static func isGone(_ value: String) -> Bool {
        guard value.hasPrefix(here() + "-") else { return false }
        let parts = value.split(separator: "-").suffix(2)
        guard let process = parts.first.flatMap({ Int32($0) }), let start = parts.last else { return false }
        return self.start(of: process).map { $0 != start } ?? true
    }
}
