package import ParityProtocol

/// How large the places are that a container can write to, and the memory that stands for them.
///
/// All of them are tmpfs: exact to the page, the same on every machine, and gone at the end. Their pages count as memory
/// of the container. Its limit is therefore what the task asks for *plus* all that it could store, so that a full
/// `/output` or `/tmp` is "no space left" at one and the same byte everywhere, and never a process killed sooner or later.
/// What a run does not store it can use as memory: equally on every machine, since the sum is the same.
///
/// `/output` takes a little more than its limit. A run that writes too much then leaves too much, which is seen when it
/// is collected and makes it `limit_exceeded`, whatever the program made of the error; with exactly the limit, the first
/// bytes of an output that was cut off would pass for the whole.
package struct StorageLimits: Sendable, Hashable {
    /// Of `/output`.
    package let outputBytes: Int64
    package let outputInodes: Int64
    /// Of `/tmp`.
    package let scratchBytes: Int64
    package let scratchInodes: Int64
    /// Of `/dev/shm`.
    package let sharedBytes: Int64 = 16 << 20
    /// Of the whole container.
    package let memoryBytes: Int64

    /// The unit in which tmpfs counts, on the architectures there are classes for.
    private static let pageBytes: Int64 = 4096
    /// What the kernel keeps in memory for one inode and its name, rounded up.
    private static let inodeBytes: Int64 = 1024

    /// `memoryBytes` stands in the place of the limit of this name.
    package init(_ limits: TaskLimits, memoryBytes: Int64? = nil) {
        let page = Self.pageBytes
        // Each file may waste most of a page, and the first byte beyond the limit must fit.
        outputBytes = limits.outputBytes + (limits.outputFiles + 1) * page
        // Its root, and the first file beyond the limit.
        outputInodes = limits.outputFiles + 2
        scratchBytes = limits.scratchBytes
        scratchInodes = max(1024, limits.scratchBytes / page)
        let stored = outputBytes + scratchBytes + sharedBytes
        // The kernel's index of stored pages takes less than a hundredth of them.
        self.memoryBytes =
            (memoryBytes ?? limits.memoryBytes) + stored + stored / 100
            + (outputInodes + scratchInodes) * Self.inodeBytes
    }

    /// The longest file that can exist: none is longer than the place it is in.
    package var fileBytes: Int64 { max(outputBytes, scratchBytes, sharedBytes) }

    /// Mount options of `/output`. Programs may be run from it: a task may compile and test.
    func outputOptions(owner: Int64) -> String {
        "size=\(outputBytes),nr_inodes=\(outputInodes),mode=0755,uid=\(owner),gid=\(owner),nosuid,nodev"
    }

    /// Mount options of `/tmp`. It belongs to who runs, since some runtimes give it the mode of the image's folder instead
    /// of this one. Without `exec` the engine would forbid running what stands there.
    func scratchOptions(owner: Int64) -> String {
        "rw,exec,nosuid,nodev,mode=1777,uid=\(owner),gid=\(owner),size=\(scratchBytes),nr_inodes=\(scratchInodes)"
    }
}
