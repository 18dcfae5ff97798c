import ArgumentParser
import ParityProtocol

/// The id of a task on the command line.
struct TaskArgument: ParsableArguments {
    @Argument(help: ArgumentHelp("The task's id, as submit printed it.", valueName: "task"))
    var task: String

    /// Throws ``CommandFailure`` when it is no id.
    func id() throws -> TaskID {
        guard let id = TaskID(task) else { throw CommandFailure(.usage, "\(task) is not the id of a task (a UUID)") }
        return id
    }
}
