import ParityProtocol
import Testing

@testable import Sandbox

extension HostileCase {
    private static let memoryVote = OutputManifest.limitDigest("memory")
    private static let outputVote = OutputManifest.limitDigest("output")

    private static func number(_ run: HostileRun, _ line: Int = 0) -> Int {
        run.lines.count > line ? Int(run.lines[line]) ?? -1 : -1
    }

    /// Taking more than it was given.
    static let resources: [HostileCase] = [
        HostileCase("bomb with forks", "f() { f | f & }; f; sleep 2; exit 0"),
        HostileCase("start threads without end", "/probe threads 100000") { run in
            #expect((1..<64).contains(number(run)), "below limits.pids")
        },
        HostileCase(
            "leave children to whoever reaps them",
            "for i in $(seq 300); do (sleep 0 &) ; done; echo done", limits: limits { $0.pids = 24 }
        ) { run in #expect(run.lines == ["done"], "init reaps them") },
        HostileCase("hold children back that ended", "/probe zombies 100000; echo $?") { run in
            #expect(run.lines == ["1"], "there are no more processes to be had")
        },
        HostileCase("take all memory", "exec /probe memory 2000", outcome: .limitExceeded) { run in
            #expect(run.result.outputDigest == memoryVote)
        },
        HostileCase(
            "take all memory in a child, and end well", "/probe memory 2000 & wait; sleep 3; echo fine; exit 0",
            outcome: .limitExceeded
        ) { run in #expect(run.result.outputDigest == memoryVote) },
        HostileCase(
            "take all memory in shared memory of System V", "/probe shared 2000", outcome: .limitExceeded
        ) { run in #expect(run.result.outputDigest == memoryVote) },
        HostileCase(
            "take all memory in kernel buffers", "for i in $(seq 10); do /probe pipes 400 & done; wait; echo held",
            otherwise: .limitExceeded),
        HostileCase("take all memory in locks", "/probe locks 20000"),
        HostileCase("use the memory that it was promised", "/probe memory 30 | sed s/reached/used/") { run in
            #expect(run.lines == ["used"])
        },
        HostileCase(
            "fill /tmp",
            "dd if=/dev/zero of=/tmp/x bs=64k 2>/dev/null; stat -c %s /tmp/x; echo more > /tmp/y && cat /tmp/y"
        ) { run in #expect(number(run) == 8 << 20, "to the byte") },
        HostileCase(
            "fill /tmp behind a name that it took away",
            "exec 3>/tmp/x; rm /tmp/x; dd if=/dev/zero bs=64k 2>/dev/null >&3; stat -Lc %s /proc/self/fd/3"
        ) { run in #expect(number(run) == 8 << 20) },
        HostileCase("fill /tmp with a million files", "cd /tmp; /probe inodes 1000000") { run in
            #expect(run.lines == ["2047 28"], "as many as there are, then ENOSPC")
        },
        HostileCase(
            "fill /dev/shm", "dd if=/dev/zero of=/dev/shm/x bs=64k 2>/dev/null; stat -c %s /dev/shm/x"
        ) { run in #expect(number(run) == 16 << 20) },
        HostileCase(
            "fill everything at once, within its memory",
            """
            for d in /tmp /dev/shm /output; do dd if=/dev/zero of=$d/x bs=64k 2>/dev/null; done
            /probe memory 28 | sed s/reached/used/ >&2; rm /output/x; echo enough
            """
        ) { run in
            #expect(run.lines == ["enough"])
            #expect(run.result.detail == "used\n")
        },
        HostileCase("open files without end", "/probe files 100000") { run in
            #expect((900..<1024).contains(number(run)))
        },
        HostileCase(
            "make a file longer than any place",
            "truncate -s 1T /tmp/x && echo reached; truncate -s 1T /output/x && echo reached"),
        HostileCase(
            "leave a core dump", "cd /output; ulimit -c unlimited; /probe crash; ls -A /output /tmp"
        ) { run in #expect(run.files.isEmpty && !run.stdout.contains("core")) },
        HostileCase("write to stdout without end", "exec yes", outcome: .limitExceeded) { run in
            #expect(run.result.outputDigest == outputVote)
        },
        HostileCase("write to stderr without end", "exec yes >&2", outcome: .limitExceeded) { run in
            #expect(run.result.outputDigest == outputVote)
        },
        HostileCase("write to both without end", "yes & exec yes >&2", outcome: .limitExceeded) { run in
            #expect(run.result.outputDigest == outputVote)
        },
        HostileCase("write as much to stdout as it may", "head -c 1048576 /dev/zero") { run in
            #expect(run.result.manifest?.stdout.size == 1 << 20)
        },
        HostileCase(
            "write a little too much, half to stdout and half to a file",
            "head -c 600000 /dev/zero; head -c 600000 /dev/zero > /output/x", outcome: .limitExceeded
        ) { run in #expect(run.result.outputDigest == outputVote) },
        HostileCase("run on and on", "sleep 600", limits: limits { $0.wallSeconds = 1 }, outcome: .timedOut),
        HostileCase(
            "run on and on, deaf to signals", "trap '' TERM INT HUP QUIT; while :; do sleep 1; done",
            limits: limits { $0.wallSeconds = 1 }, outcome: .timedOut),
        HostileCase(
            "stop itself", "kill -STOP $$; echo woken", limits: limits { $0.wallSeconds = 1 }, outcome: .timedOut),
        HostileCase(
            "keep every CPU busy", "for i in $(seq 30); do while :; do :; done & done; wait",
            limits: limits { $0.wallSeconds = 2 }, outcome: .timedOut),
        HostileCase(
            "live on after its end", "/probe daemonize /tmp/x; (trap '' HUP TERM; sleep 300) & echo gone"
        ) { run in #expect(run.lines == ["gone"]) },
    ]
}
