import ParityProtocol
import Testing

@testable import Sandbox

@Suite struct StorageLimitsTests {
    @Test
    func `As many files as are allowed have room for as many bytes as are allowed, and one more`() {
        let storage = StorageLimits(TaskLimits(outputBytes: 1_000_000, outputFiles: 10))
        // Ten files, each wasting most of a page, and the byte that is too much.
        #expect(storage.outputBytes >= 1_000_000 + 10 * 4095 + 1)
        #expect(storage.outputInodes == 12)
    }

    @Test
    func `No limit is ever zero, which would mean none to the kernel`() {
        let storage = StorageLimits(TaskLimits(scratchBytes: 1 << 20, outputBytes: 0, outputFiles: 0))
        #expect(storage.outputBytes > 0 && storage.outputInodes > 0 && storage.scratchInodes > 0)
    }

    @Test
    func `Memory covers all storage, so that a full disk is never out of memory`() {
        let limits = TaskLimits(
            memoryBytes: 16 << 20, scratchBytes: 64 << 30, outputBytes: 64 << 30, outputFiles: 100_000)
        let storage = StorageLimits(limits)
        let stored = storage.outputBytes + storage.scratchBytes + storage.sharedBytes
        #expect(storage.memoryBytes > limits.memoryBytes + stored)
        #expect(storage.fileBytes == storage.outputBytes)
    }

    @Test
    func `Options name size, inodes and owner`() {
        let storage = StorageLimits(TaskLimits(scratchBytes: 8 << 20, outputBytes: 4096, outputFiles: 1))
        #expect(
            storage.outputOptions(owner: 5) == "size=12288,nr_inodes=3,mode=0755,uid=5,gid=5,nosuid,nodev")
        #expect(
            storage.scratchOptions(owner: 5) == "rw,exec,nosuid,nodev,mode=1777,uid=5,gid=5,size=8388608,nr_inodes=2048"
        )
    }
}
