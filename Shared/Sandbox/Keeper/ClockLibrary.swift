/// A shared library by which programs see a wall clock that stands still: a Linux object of some 730 bytes, written here
/// instruction by instruction, since it must go with every C library and be the same on every machine.
///
/// The dynamic linker takes the functions below from it before those of the C library (`LD_PRELOAD`). Clocks that do not
/// tell the date go on to the kernel: a program that waits for a moment that never comes would hang. What asks the kernel
/// past the linker, as static programs do, sees the true time.
enum ClockLibrary {
    /// The library whose clock says `seconds` since 1970, for an architecture as Go names it; nil for one that no class
    /// stands for.
    static func file(_ architecture: String, seconds: Int64) -> [UInt8]? {
        guard let machine = ELF.machine(architecture) else { return nil }
        let code = architecture == "amd64" ? amd64 : arm64
        return file(machine: machine, code: code + ELF.littleEndian([seconds]), functions: functions(architecture))
    }

    /// Where each function begins. All stand before the constant, which is at 136.
    private static func functions(_ architecture: String) -> [(name: String, offset: UInt64)] {
        architecture == "amd64"
            ? [("clock_gettime", 0), ("gettimeofday", 48), ("time", 86), ("timespec_get", 102)]
            : [("clock_gettime", 0), ("gettimeofday", 52), ("time", 80), ("timespec_get", 100)]
    }

    private static let amd64: [UInt8] = [
        // clock_gettime(edi: which, rsi: timespec)
        0x83, 0xFF, 0x1F,  // cmp  edi, 31
        0x77, 0x1F,  // ja   to the kernel
        0xB8, 0x21, 0x08, 0x00, 0x00,  // mov  eax, 1 << 0 | 1 << 5 | 1 << 11       REALTIME, REALTIME_COARSE, TAI
        0x0F, 0xA3, 0xF8,  // bt   eax, edi
        0x73, 0x15,  // jae  to the kernel
        0x48, 0x8B, 0x05, 0x72, 0x00, 0x00, 0x00,  // mov  rax, [constant]
        0x48, 0x89, 0x06,  // mov  [rsi], rax
        0x48, 0xC7, 0x46, 0x08, 0x00, 0x00, 0x00, 0x00,  // mov  [rsi + 8], 0
        0x31, 0xC0,  // xor  eax, eax
        0xC3,  // ret
        0xB8, 0xE4, 0x00, 0x00, 0x00,  // mov  eax, 228        clock_gettime
        0x0F, 0x05,  // syscall
        0x48, 0xC1, 0xF8, 0x3F,  // sar  rax, 63         -1 for any error
        0xC3,  // ret
        // gettimeofday(rdi: timeval or null, rsi: timezone or null)
        0x48, 0x85, 0xFF,  // test rdi, rdi
        0x74, 0x12,  // je   past this
        0x48, 0x8B, 0x05, 0x4C, 0x00, 0x00, 0x00,  // mov  rax, [constant]
        0x48, 0x89, 0x07,  // mov  [rdi], rax
        0x48, 0xC7, 0x47, 0x08, 0x00, 0x00, 0x00, 0x00,  // mov  [rdi + 8], 0
        0x48, 0x85, 0xF6,  // test rsi, rsi
        0x74, 0x07,  // je   past this
        0x48, 0xC7, 0x06, 0x00, 0x00, 0x00, 0x00,  // mov  [rsi], 0
        0x31, 0xC0,  // xor  eax, eax
        0xC3,  // ret
        // time(rdi: time or null)
        0x48, 0x8B, 0x05, 0x2B, 0x00, 0x00, 0x00,  // mov  rax, [constant]
        0x48, 0x85, 0xFF,  // test rdi, rdi
        0x74, 0x03,  // je   past this
        0x48, 0x89, 0x07,  // mov  [rdi], rax
        0xC3,  // ret
        // timespec_get(rdi: timespec, esi: base)
        0x31, 0xC0,  // xor  eax, eax        0 for any other base
        0x83, 0xFE, 0x01,  // cmp  esi, 1          TIME_UTC
        0x75, 0x17,  // jne  to the end
        0x48, 0x8B, 0x0D, 0x14, 0x00, 0x00, 0x00,  // mov  rcx, [constant]
        0x48, 0x89, 0x0F,  // mov  [rdi], rcx
        0x48, 0xC7, 0x47, 0x08, 0x00, 0x00, 0x00, 0x00,  // mov  [rdi + 8], 0
        0xB8, 0x01, 0x00, 0x00, 0x00,  // mov  eax, 1
        0xC3,  // ret
        0x90, 0x90, 0x90,
    ]

    private static let arm64: [UInt8] = ELF.littleEndian(
        [
            // clock_gettime(w0: which, x1: timespec)
            0x7100_7C1F,  // cmp  w0, #31
            0x5400_0108,  // b.hi to the kernel
            0x5281_0422,  // mov  w2, #0x821     REALTIME, REALTIME_COARSE, TAI
            0x1AC0_2442,  // lsr  w2, w2, w0
            0x3600_00A2,  // tbz  w2, #0, to the kernel
            0x5800_03A2,  // ldr  x2, constant
            0xA900_7C22,  // stp  x2, xzr, [x1]
            0x5280_0000,  // mov  w0, #0
            0xD65F_03C0,  // ret
            0xD280_0E28,  // mov  x8, #113       clock_gettime
            0xD400_0001,  // svc  #0
            0x937F_FC00,  // asr  x0, x0, #63    -1 for any error
            0xD65F_03C0,  // ret
            // gettimeofday(x0: timeval or null, x1: timezone or null)
            0xB400_0060,  // cbz  x0, past this
            0x5800_0282,  // ldr  x2, constant
            0xA900_7C02,  // stp  x2, xzr, [x0]
            0xB400_0041,  // cbz  x1, past this
            0xF900_003F,  // str  xzr, [x1]
            0x5280_0000,  // mov  w0, #0
            0xD65F_03C0,  // ret
            // time(x0: time or null)
            0x5800_01C2,  // ldr  x2, constant
            0xB400_0040,  // cbz  x0, past this
            0xF900_0002,  // str  x2, [x0]
            0xAA02_03E0,  // mov  x0, x2
            0xD65F_03C0,  // ret
            // timespec_get(x0: timespec, w1: base)
            0x7100_043F,  // cmp  w1, #1         TIME_UTC
            0x5400_00A1,  // b.ne to the end
            0x5800_00E2,  // ldr  x2, constant
            0xA900_7C02,  // stp  x2, xzr, [x0]
            0x5280_0020,  // mov  w0, #1
            0xD65F_03C0,  // ret
            0x5280_0000,  // mov  w0, #0         for any other base
            0xD65F_03C0,  // ret
            0xD503_201F,  // nop
        ] as [UInt32])

    // MARK: - The file around the code

    private enum Tag: UInt64 {
        case end = 0
        case hash = 4
        case strings = 5
        case symbols = 6
        case stringBytes = 10
        case symbolBytes = 11
    }

    private static let symbolBytes: UInt64 = 24

    /// A hash table of one bucket, the symbols, their names, the code; and, writable, since older linkers write their own
    /// addresses into it, the list of where those are.
    private static func file(machine: UInt16, code: [UInt8], functions: [(name: String, offset: UInt64)]) -> [UInt8] {
        let hashOffset = ELF.headerBytes + 4 * ELF.segmentBytes
        let count = UInt32(functions.count + 1)
        // One bucket, which begins with the first symbol; each names the next, the last none.
        let hash = ELF.littleEndian([1, count, 1, 0] + (2..<count) + [0 as UInt32])
        let symbolsOffset = hashOffset + UInt64(hash.count).roundedUp(to: 8)
        let namesOffset = symbolsOffset + UInt64(count) * symbolBytes
        var names: [UInt8] = [0]
        var symbols = [UInt8](repeating: 0, count: Int(symbolBytes))
        let nameBytes = functions.reduce(1) { $0 + UInt64($1.name.utf8.count) + 1 }
        let codeOffset = namesOffset + nameBytes.roundedUp(to: 8)
        for function in functions {
            // A function for everybody to see, in some section of this file.
            symbols += ELF.littleEndian([UInt32(names.count)]) + [0x12, 0] + ELF.littleEndian([1 as UInt16])
            symbols += ELF.littleEndian([codeOffset + function.offset, 0])
            names += Array(function.name.utf8) + [0]
        }
        let dynamicOffset = codeOffset + UInt64(code.count)
        let dynamic = ELF.littleEndian([
            Tag.hash.rawValue, hashOffset, Tag.strings.rawValue, namesOffset, Tag.symbols.rawValue, symbolsOffset,
            Tag.stringBytes.rawValue, nameBytes, Tag.symbolBytes.rawValue, symbolBytes, Tag.end.rawValue, 0,
        ])
        let dynamicAddress = ELF.pageBytes + dynamicOffset
        let dynamicBytes = UInt64(dynamic.count)
        let (read, write) = (ELF.readable, ELF.readable | ELF.writable)
        let head = ELF.head(
            .shared, machine: machine,
            segments: [
                .init(kind: .load, flags: read | ELF.executable, offset: 0, address: 0, size: dynamicOffset),
                .init(kind: .load, flags: write, offset: dynamicOffset, address: dynamicAddress, size: dynamicBytes),
                .init(kind: .dynamic, flags: write, offset: dynamicOffset, address: dynamicAddress, size: dynamicBytes),
                .init(kind: .stack, flags: write, offset: 0, address: 0, size: 0),
            ])
        return padded(head + hash) + symbols + padded(names) + code + dynamic
    }

    private static func padded(_ bytes: [UInt8]) -> [UInt8] {
        bytes + [UInt8](repeating: 0, count: Int(UInt64(bytes.count).roundedUp(to: 8)) - bytes.count)
    }
}

extension UInt64 {
    fileprivate func roundedUp(to unit: UInt64) -> UInt64 { (self + unit - 1) / unit * unit }
}
