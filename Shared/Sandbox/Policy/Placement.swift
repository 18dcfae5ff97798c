/// What the machine and its owner decide about a run, beside its job.
package struct Placement: Sendable, Hashable {
    /// The CPUs that the container is kept to, by the machine's numbers.
    package var cpus: [Int]
    /// User and group by number.
    package var user: Int64
    /// Paths at which the image asks for volumes.
    package var imageVolumes: [String] = []
    /// The folder of the ``MachineView`` on the engine's machine.
    package var viewFolder: String
    /// The engine's name of the OCI runtime; nil is its default.
    package var runtime: String?

    var cpuList: String { cpus.map(String.init).joined(separator: ",") }

    /// Picks `count` CPUs of `available`, those first that are named least often by `taken` (lists such as `0,3`) and
    /// `reserved`: so runs side by side share no CPU while there are enough. Fewer than `count` if there are no more.
    static func pick(_ count: Int, of available: [Int], taken: [String], reserved: [Int]) -> [Int] {
        var users: [Int: Int] = [:]
        let named = taken.flatMap { $0.split(separator: ",").compactMap { Int($0) } }
        for cpu in named + reserved { users[cpu, default: 0] += 1 }
        return available.sorted { (users[$0] ?? 0, $0) < (users[$1] ?? 0, $1) }.prefix(count).sorted()
    }
}
