/// A program that prints which CPUs it may use and then waits until it is killed: a Linux executable of some 170 bytes,
/// written here instruction by instruction, since no image is sure to hold a program that waits.
///
/// It needs no library, opens no file and reads nothing. What it prints is the mask that sched_getaffinity(2) gives: bit
/// n of it says that CPU n may be used, the lowest bit of the first byte being CPU 0.
enum KeeperProgram {
    /// The executable for an architecture, as Go names it; nil for one that no class stands for.
    static func executable(_ architecture: String) -> [UInt8]? {
        ELF.machine(architecture).map { elf(machine: $0, code: architecture == "amd64" ? amd64 : arm64) }
    }

    /// sched_getaffinity(0, 1024, stack); write(1, stack, result); then pause() for ever.
    private static let amd64: [UInt8] = [
        0x48, 0x81, 0xEC, 0x00, 0x04, 0x00, 0x00,  // sub  rsp, 1024
        0xB8, 0xCC, 0x00, 0x00, 0x00,  // mov  eax, 204        sched_getaffinity
        0x31, 0xFF,  // xor  edi, edi        this process
        0xBE, 0x00, 0x04, 0x00, 0x00,  // mov  esi, 1024
        0x48, 0x89, 0xE2,  // mov  rdx, rsp
        0x0F, 0x05,  // syscall
        0x89, 0xC2,  // mov  edx, eax        as many bytes as it gave
        0xB8, 0x01, 0x00, 0x00, 0x00,  // mov  eax, 1          write
        0xBF, 0x01, 0x00, 0x00, 0x00,  // mov  edi, 1          stdout
        0x48, 0x89, 0xE6,  // mov  rsi, rsp
        0x0F, 0x05,  // syscall
        0xB8, 0x22, 0x00, 0x00, 0x00,  // mov  eax, 34         pause
        0x0F, 0x05,  // syscall
        0xEB, 0xF7,  // jmp  -9              to pause
    ]

    /// The same; arm64 has no pause(), so it is ppoll(0, 0, 0, 0).
    private static let arm64: [UInt8] = ELF.littleEndian(
        [
            0xD110_03FF,  // sub  sp, sp, #1024
            0xD280_0F68,  // mov  x8, #123        sched_getaffinity
            0xD280_0000,  // mov  x0, #0
            0xD280_8001,  // mov  x1, #1024
            0x9100_03E2,  // mov  x2, sp
            0xD400_0001,  // svc  #0
            0xAA00_03E2,  // mov  x2, x0
            0xD280_0808,  // mov  x8, #64         write
            0xD280_0020,  // mov  x0, #1
            0x9100_03E1,  // mov  x1, sp
            0xD400_0001,  // svc  #0
            0xD280_0928,  // mov  x8, #73         ppoll
            0xD280_0000,  // mov  x0, #0
            0xD280_0001,  // mov  x1, #0
            0xD280_0002,  // mov  x2, #0
            0xD280_0003,  // mov  x3, #0
            0xD400_0001,  // svc  #0
            0x17FF_FFFA,  // b    -6 instructions, to ppoll
        ] as [UInt32])

    // MARK: - The file around the code

    private static let base: UInt64 = 0x40_0000

    /// An executable of one segment, which is the whole file. It begins at a multiple of the largest page.
    private static func elf(machine: UInt16, code: [UInt8]) -> [UInt8] {
        let start = ELF.headerBytes + ELF.segmentBytes
        let size = start + UInt64(code.count)
        let segment = ELF.Segment(
            kind: .load, flags: ELF.readable | ELF.executable, offset: 0, address: base, size: size)
        return ELF.head(.executable, machine: machine, entry: base + start, segments: [segment]) + code
    }
}
