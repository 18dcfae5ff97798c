/// What an image asks for beyond its files and its command, as far as it is listened to.
struct ImageDemands: Sendable, Hashable {
    /// It says `USER root`. An image that says nothing demands nothing.
    let isRoot: Bool
    /// It says `VOLUME`, here.
    let volumes: [String]

    /// More than images have; each costs a call to the engine.
    static let maximumVolumes = 32
    /// What stands there is ours or the kernel's.
    private static let takenFolders: Set<Substring> = ["dev", "input", "output", "proc", "sys", "tmp"]

    /// Throws ``EnvironmentRejected`` for volumes that no run can have.
    init(user: String, volumes: [String]) throws {
        let name = user.prefix { $0 != ":" }
        isRoot = name == "root" || (!name.isEmpty && name.allSatisfy { $0 == "0" })
        guard volumes.count <= Self.maximumVolumes else {
            throw EnvironmentRejected("the image declares more than \(Self.maximumVolumes) volumes")
        }
        for path in volumes where !Self.isPossible(path) {
            throw EnvironmentRejected("the image declares a volume at \(path), where none can be")
        }
        self.volumes = volumes.sorted()
    }

    private static func isPossible(_ path: String) -> Bool {
        let parts = path.pathParts
        guard parts.count > 1, parts[0].isEmpty else { return false }
        return parts.dropFirst().allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." && !$0.utf8.contains(0) }
            && !takenFolders.contains(parts[1])
    }
}
