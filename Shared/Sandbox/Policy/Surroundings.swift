/// What a run sees around it that its task does not say: the same for every run on every machine, so that equal work
/// gives equal bytes. A value, so that `parity check` can vary it and see whether a task notices.
package struct Surroundings: Sendable, Hashable {
    package var hostname = "parity"
    /// User and group by number. Nobody, by the number that every system knows it by.
    package var user: Int64 = 65_534
    /// Where the spec sets a variable of the same name, the spec's stands.
    package var environment = [
        "HOME": "/tmp", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "0", "SOURCE_DATE_EPOCH": "0",
        "TZ": "UTC",
    ]
    /// CPUs that the run sees and may use; nil stands for `limits.cpu_milli`, rounded up to whole CPUs.
    package var cpuCount: Int?
    /// Memory that the run may count on; nil stands for `limits.memory_bytes`.
    package var memoryBytes: Int64?
    /// Where the date stands still for programs that ask their C library for it, in seconds since 1970; nil for the true
    /// date, or, in a sealed run, for that of its spec.
    package var clockSeconds: Int64?
    /// Whether a folder in `/input` lists its entries from the last name to the first. Else they stand as the file system
    /// of the machine has them, which is the one thing here that is not the same everywhere.
    package var listsInputsInReverse = false

    package init() {}

    /// What every replica runs in.
    package static let standard = Surroundings()
}
