import ParityProtocol
import Sandbox

/// One thing around a run that `parity check` varies, as Debian's reprotest does for builds.
///
/// Load, process ids, the layout of memory and what clocks say need no help: they are different in every run. The date is
/// not, and is moved by years.
enum Variation: String, Sendable, Hashable, CaseIterable, Codable {
    case hostName = "host_name"
    case userID = "user_id"
    case date
    case timeZone = "time_zone"
    case locale
    case environment
    case hashSeed = "hash_seed"
    case cpuCount = "cpu_count"
    case memorySize = "memory_size"
    case directoryOrder = "directory_order"

    /// Whether every run on the network has the same of it. What differs only when such a thing is varied will still
    /// agree there.
    var isFixedOnTheNetwork: Bool { self != .directoryOrder && self != .date }

    var title: String {
        switch self {
        case .hostName: "host name"
        case .userID: "user id"
        case .date: "date"
        case .timeZone: "time zone"
        case .locale: "locale"
        case .environment: "environment"
        case .hashSeed: "hash seed"
        case .cpuCount: "CPUs"
        case .memorySize: "memory"
        case .directoryOrder: "directory order"
        }
    }

    /// What an output depends on that changes with it.
    var cause: DivergenceCause {
        switch self {
        case .hostName: .hostName
        case .userID: .userID
        case .date: .timeStamp
        case .timeZone: .timeZone
        case .locale: .locale
        case .environment: .environment
        case .hashSeed: .hashOrder
        case .cpuCount: .cpuCount
        case .memorySize: .memorySize
        case .directoryOrder: .directoryOrder
        }
    }

    /// The variables that carry it into a run.
    private var variables: Set<String> {
        switch self {
        case .timeZone: ["TZ"]
        case .locale: ["LANG", "LC_ALL"]
        case .hashSeed: ["PYTHONHASHSEED"]
        default: []
        }
    }

    /// What can be varied for a task on a machine with so many CPUs and so much memory. What the spec sets itself it has
    /// a right to depend on.
    static func possible(for spec: TaskSpec, cpus: Int, memoryBytes: Int64) -> [Variation] {
        allCases.filter { variation in
            guard variation.variables.isDisjoint(with: spec.env.keys) else { return false }
            switch variation {
            case .cpuCount: return otherCPUCount(than: baseCPUCount(spec), of: cpus) != nil
            case .memorySize:
                return StorageLimits(spec.limits, memoryBytes: otherMemory(spec)).memoryBytes <= memoryBytes
            case .date: return spec.determinism == .standard
            case .directoryOrder: return spec.inputs.count > 1 || spec.inputs.contains { $0.content.isTree }
            default: return true
            }
        }
    }

    private static func baseCPUCount(_ spec: TaskSpec) -> Int { Int((spec.limits.cpuMilli + 999) / 1000) }

    private static func otherCPUCount(than count: Int, of available: Int) -> Int? {
        count < available ? count + 1 : count > 1 ? count - 1 : nil
    }

    /// More, never less: a task may need all that it asks for.
    private static func otherMemory(_ spec: TaskSpec) -> Int64 { spec.limits.memoryBytes + spec.limits.memoryBytes / 2 }

    /// Changes `surroundings` in this respect. `variant` counts different ways to do so, where there are several.
    func vary(_ surroundings: inout Surroundings, variant: Int, spec: TaskSpec, cpus: Int) {
        let isOdd = variant % 2 == 1
        switch self {
        case .hostName: surroundings.hostname = isOdd ? "i-was-built-here" : "zeta9"
        case .userID: surroundings.user = isOdd ? 1000 : 34_567
        // From 2030 on, at another day, hour and minute each time.
        case .date: surroundings.clockSeconds = 1_900_000_000 + Int64(variant % 100) * 9_000_061
        case .timeZone: surroundings.environment["TZ"] = isOdd ? "PCT-13:30" : "PCW+11:30"
        case .locale:
            for name in variables { surroundings.environment[name] = isOdd ? "C" : "POSIX" }
        case .environment:
            // Names that stand before and after all others in an ordered list.
            surroundings.environment["AAA_PARITY_CHECK"] = "noise \(variant)"
            surroundings.environment["zzz_parity_check"] = String(repeating: "noise ", count: variant % 5 + 1)
        case .hashSeed: surroundings.environment["PYTHONHASHSEED"] = "\(variant + 101)"
        case .cpuCount:
            surroundings.cpuCount = Self.otherCPUCount(than: Self.baseCPUCount(spec), of: cpus)
        case .memorySize: surroundings.memoryBytes = Self.otherMemory(spec)
        case .directoryOrder: surroundings.listsInputsInReverse = true
        }
    }
}

extension TaskInput.Content {
    fileprivate var isTree: Bool { if case .tree = self { true } else { false } }
}
