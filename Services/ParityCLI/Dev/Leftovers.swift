import FoundationEssentials
import Glibc

/// Processes of a run, written down, so that the next one can end what a crash left behind.
struct Leftovers: Codable, Sendable, Equatable {
    struct Entry: Codable, Sendable, Equatable {
        var name: String
        var identifier: Int32
        /// Clock ticks since boot at which it started (proc(5), field 22): a reused identifier has another.
        var startTicks: String
    }

    /// Identifiers and ticks start anew with each boot.
    var boot = Leftovers.bootID
    var entries: [Entry] = []

    /// What the file holds; nothing when it is missing, unreadable or of an earlier boot.
    static func read(_ path: String) -> Leftovers {
        guard let data = FileManager.default.contents(atPath: path),
            let leftovers = try? JSONDecoder().decode(Leftovers.self, from: data), leftovers.boot == bootID
        else { return Leftovers() }
        return leftovers
    }

    func write(_ path: String) throws { try PrivateFile.write(Array(try JSONEncoder().encode(self)), to: path) }

    mutating func add(_ name: String, _ identifier: pid_t) {
        guard let ticks = Self.startTicks(identifier) else { return }
        entries.removeAll { $0.name == name }
        entries.append(Entry(name: name, identifier: identifier, startTicks: ticks))
    }

    /// Those that still run.
    var alive: [Entry] { entries.filter { Self.startTicks($0.identifier) == $0.startTicks } }

    /// Ends all that still run: asks first, then kills with all that they started.
    ///
    /// - Returns: the names of those that ran.
    func end() async -> [String] {
        let found = alive
        for entry in found { kill(entry.identifier, entry.name == PostgresCluster.name ? SIGINT : SIGTERM) }
        for _ in 0..<150 where !alive.isEmpty { try? await Task.sleep(for: .milliseconds(100)) }
        for entry in alive { kill(-entry.identifier, SIGKILL) }
        for _ in 0..<50 where !alive.isEmpty { try? await Task.sleep(for: .milliseconds(100)) }
        return found.map(\.name)
    }

    /// nil when there is no such process, or only its remains.
    static func startTicks(_ identifier: pid_t) -> String? {
        guard let data = FileManager.default.contents(atPath: "/proc/\(identifier)/stat") else { return nil }
        let text = String(decoding: data, as: UTF8.self)
        // The second field is the program's name in parentheses and may hold anything, also a parenthesis.
        guard let end = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: end)...].split(separator: " ")
        guard fields.count > 19, fields[0] != "Z" else { return nil }
        return String(fields[19])
    }

    private static var bootID: String {
        let data = FileManager.default.contents(atPath: "/proc/sys/kernel/random/boot_id") ?? Data()
        return String(decoding: data, as: UTF8.self).trimmingNewlines
    }
}
