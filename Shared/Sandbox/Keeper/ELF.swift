/// Linux object files (System V ABI, chapters 4 and 5) of 64 bits, little endian, without sections: what the kernel and the
/// dynamic linker read of them, and no more.
enum ELF {
    struct Segment {
        var kind: Kind
        var flags: UInt32
        var offset: UInt64
        var address: UInt64
        var size: UInt64

        enum Kind: UInt32 {
            case load = 1
            case dynamic = 2
            /// Says that the stack needs no execution: without it, old linkers make it executable.
            case stack = 0x6474_E551
        }
    }

    static let executable: UInt32 = 1
    static let writable: UInt32 = 2
    static let readable: UInt32 = 4

    static let headerBytes: UInt64 = 64
    static let segmentBytes: UInt64 = 56
    /// The largest page that Linux has on the architectures there are classes for.
    static let pageBytes: UInt64 = 0x1_0000

    /// The machine's number, for an architecture as Go names it; nil for one that no class stands for.
    static func machine(_ architecture: String) -> UInt16? {
        switch architecture {
        case "amd64": 62
        case "arm64": 183
        default: nil
        }
    }

    enum Kind: UInt16 {
        case executable = 2
        case shared = 3
    }

    /// File header and list of segments, with which the file begins.
    static func head(_ kind: Kind, machine: UInt16, entry: UInt64 = 0, segments: [Segment]) -> [UInt8] {
        // Magic, 64 bits, little endian, version 1, System V.
        var file: [UInt8] = [0x7F, 0x45, 0x4C, 0x46, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        // Of the current version.
        file += littleEndian([kind.rawValue, machine]) + littleEndian([1 as UInt32])
        // Where it starts, where the segments are listed; no sections, no flags.
        file += littleEndian([entry, headerBytes, 0]) + littleEndian([0 as UInt32])
        file += littleEndian([UInt16(headerBytes), UInt16(segmentBytes), UInt16(segments.count), 0, 0, 0])
        for segment in segments {
            // As large in memory as here.
            file += littleEndian([segment.kind.rawValue, segment.flags])
            file += littleEndian([segment.offset, segment.address, segment.address, segment.size, segment.size])
            file += littleEndian([segment.kind == .load ? pageBytes : 8])
        }
        return file
    }

    static func littleEndian<T: FixedWidthInteger>(_ values: [T]) -> [UInt8] {
        values.flatMap { value in (0..<T.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) } }
    }
}
