import ParityProtocol
import Testing

@testable import Sandbox

extension HostileCase {
    /// Learning of the host, or of chance.
    static let leaks: [HostileCase] = [
        HostileCase(
            "read the kernel's tables",
            """
            for f in buddyinfo cmdline config.gz consoles diskstats interrupts iomem ioports kallsyms kcore key-users keys kmsg \\
              kpagecgroup kpagecount kpageflags latency_stats locks mdstat misc modules mtrr pagetypeinfo partitions \\
              sched_debug schedstat slabinfo softirqs swaps sysrq-trigger timer_list vmallocinfo vmstat zoneinfo; do
              [ -n "$(head -c 1 /proc/$f 2>/dev/null)" ] && echo reached $f; done; dmesg 2>/dev/null | grep . && echo reached
            true
            """),
        HostileCase(
            "list the host's hardware, drivers and file systems",
            """
            for d in /sys/block /sys/bus /sys/class /sys/dev /sys/firmware /sys/hypervisor /sys/kernel /sys/module /sys/power \\
              /proc/acpi /proc/asound /proc/driver /proc/scsi /proc/pressure /sys/fs/ext4 /sys/fs/xfs /sys/fs/bpf; do
              ls -A $d 2>/dev/null | grep . && echo reached $d; done; ls /sys/devices /sys/devices/system
            """
        ) { run in
            #expect(run.lines == ["/sys/devices:", "system", "", "/sys/devices/system:", "cpu"].filter { !$0.isEmpty })
        },
        HostileCase(
            "read random bytes from a file",
            """
            for f in /dev/random /dev/urandom /proc/sys/kernel/random/uuid /proc/sys/kernel/random/boot_id; do
              [ -n "$(timeout 2 head -c 8 $f 2>/dev/null | tr -d '\\0')" ] && echo reached $f; done; wc -c < /dev/urandom
            """
        ) { run in #expect(run.lines == ["0"], "they are there and read as empty") },
        HostileCase("ask the kernel for random bytes, under `sealed`", "/probe chance", determinism: .sealed) { run in
            #expect(run.lines == ["-1"], "EPERM")
        },
        HostileCase("ask the kernel for random bytes, under `standard`", "/probe chance") { run in
            #expect(run.lines == ["16"])
        },
        HostileCase("ask the C library what day it is, under `sealed`", "/linked clocks", determinism: .sealed) { run in
            #expect(run.lines == ["0 0 0 0 0 0", "0 0 0", "1 -1"], "the date stands still, time goes on")
        },
        HostileCase(
            "ask what day it is, under `sealed`, at a date of the task's",
            "export SOURCE_DATE_EPOCH=5; /linked clocks | head -n 1; ls /.parity; : > /.parity/clock.so && echo reached",
            image: .variables, determinism: .sealed
        ) { run in #expect(run.lines == ["0 0 0 0 0 0", "clock.so"], "which stands in the spec or nowhere") },
        HostileCase(
            "ask the C library what day it is, under `standard`", "/linked clocks | head -n 1; ls -A / | grep parity"
        ) { run in
            let days = Set(run.lines.first?.split(separator: " ") ?? [])
            #expect(run.lines.count == 1 && days.allSatisfy { (Int($0) ?? 0) > 1_700_000_000 })
        },
        HostileCase(
            "count the host's CPUs",
            """
            nproc; grep -c ^processor /proc/cpuinfo; grep -c '^cpu[0-9]' /proc/stat; cat /sys/devices/system/cpu/online
            ls -d /sys/devices/system/cpu/cpu[0-9]* | wc -l; grep Cpus_allowed_list /proc/self/status | grep -c '[-,]'
            """
        ) { run in #expect(run.lines == ["1", "1", "1", "0", "1", "0"]) },
        HostileCase(
            "measure the host's memory, load and age",
            "grep MemTotal /proc/meminfo; cat /proc/loadavg /proc/uptime; grep btime /proc/stat; free -k | grep -c 32768"
        ) { run in
            #expect(
                run.lines == [
                    "MemTotal:          32768 kB", "0.00 0.00 0.00 1/1 1", "0.00 0.00", "btime 0", "1",
                ])
        },
        HostileCase(
            "find anything that differs between two machines",
            "env | grep -v '^\\(PATH\\|SHLVL\\|PWD\\|_\\)=' | sort; id; hostname; pwd; umask; ulimit -n -c -l -r; cat /etc/hostname"
        ) { run in
            let expected = """
                HOME=/tmp
                HOSTNAME=parity
                LANG=C.UTF-8
                LC_ALL=C.UTF-8
                PYTHONHASHSEED=0
                SOURCE_DATE_EPOCH=0
                TZ=UTC
                uid=65534 gid=65534 groups=65534
                parity
                /tmp
                0022
                """
            #expect(run.stdout.hasPrefix(expected))
            #expect(run.lines.last == "parity")
        },
        HostileCase(
            "have the image set what the profile sets", "echo $TZ $PYTHONHASHSEED $LANG $HOME $SOURCE_DATE_EPOCH",
            image: .variables
        ) { run in #expect(run.lines == ["UTC 0 C.UTF-8 /tmp 0"]) },
    ]
}
