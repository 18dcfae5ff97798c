/// A process that `parity dev` runs.
struct ProcessSpec: Sendable {
    enum Output: Sendable {
        /// Line by line into the merged log.
        case log
        /// Appended to a file: servers' own logs would drown the others.
        case file(String)
    }

    var name: String
    var executable: String
    var arguments: [String] = []
    /// The whole environment, not an addition to ours.
    var environment: [String: String] = [:]
    var output = Output.log
    /// The account to run as; nil for our own.
    var user: String?
    /// What asks it to stop: by us, and by the kernel should we die.
    var stopSignal = StopSignal.terminate
    /// How long it may take to stop before it is killed.
    var stopSeconds = 30

    enum StopSignal: String, Sendable {
        case terminate = "TERM"
        case interrupt = "INT"
    }
}
