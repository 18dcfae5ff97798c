import Foundation
import Glibc

/// A process that was started and is waited for.
final class ChildProcess: Sendable {
    /// How a process ended.
    enum Ending: Sendable, Equatable, CustomStringConvertible {
        case exited(Int32)
        case killed(signal: Int32)

        /// From wait(2)'s status word.
        init(status: Int32) {
            let signal = status & 0x7F
            self = signal == 0 ? .exited((status >> 8) & 0xFF) : .killed(signal: signal)
        }

        var description: String {
            switch self {
            case .exited(let code): "exit code \(code)"
            case .killed(let signal): "signal \(signal)"
            }
        }
    }

    let spec: ProcessSpec
    let identifier: pid_t
    let started = ContinuousClock.now
    let ending = OneShot<Ending>()

    /// How long its last lines may take to be read once it has ended.
    private static let lastLinesSeconds = 1

    /// Takes over `output`, the reading end of its pipe (-1 for none). One thread reads it to its end, one reaps the
    /// process: a child of its own may hold the pipe open long after it.
    init(spec: ProcessSpec, identifier: pid_t, output: Int32, log: MergedLog) {
        self.spec = spec
        self.identifier = identifier
        let ending = ending
        let isRead = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
            if output >= 0 { LineReader.read(output) { log.add(child: spec.name, line: $0) } }
            isRead.signal()
        }
        Thread.detachNewThread {
            var status: Int32 = 0
            while waitpid(identifier, &status, 0) < 0, errno == EINTR {}
            _ = isRead.wait(timeout: .now() + .seconds(Self.lastLinesSeconds))
            ending.set(Ending(status: status))
        }
    }

    /// Asks it to stop, and kills it with all that it started when it takes too long.
    func stop() async {
        guard ending.current == nil else { return }
        kill(identifier, spec.stopSignal == .terminate ? SIGTERM : SIGINT)
        guard await ending.wait(atMost: .seconds(spec.stopSeconds)) == nil else { return }
        killGroup()
        _ = await ending.wait(atMost: .seconds(10))
    }

    func killGroup() {
        guard ending.current == nil else { return }
        kill(-identifier, SIGKILL)
    }
}

/// Lines from a descriptor.
enum LineReader {
    /// A longer line is cut into pieces.
    static let maximumLineBytes = 64 << 10

    /// Calls `consume` for every line until the other end is closed, then closes `descriptor`.
    static func read(_ descriptor: Int32, _ consume: (String) -> Void) {
        defer { close(descriptor) }
        var line: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            for byte in chunk[..<count] {
                if byte == UInt8(ascii: "\n") || line.count >= maximumLineBytes {
                    consume(String(decoding: line, as: UTF8.self))
                    line.removeAll(keepingCapacity: true)
                }
                if byte != UInt8(ascii: "\n") { line.append(byte) }
            }
        }
        if !line.isEmpty { consume(String(decoding: line, as: UTF8.self)) }
    }
}
