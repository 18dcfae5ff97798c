extension ContainerPolicy {
    /// Files that read as empty and folders that are empty: what describes the host or reaches its kernel, the sources of
    /// chance, and devices whose number all of a machine shares. Those a kernel lacks are passed over.
    static let maskedPaths = deviceFiles + kernelTables + kernelFolders

    /// Random bytes, terminals (a machine has so many), queues. What is left are null, zero and full.
    private static let deviceFiles = [
        "/dev/console", "/dev/mqueue", "/dev/pts", "/dev/random", "/dev/tty", "/dev/urandom",
        "/proc/sys/kernel/random",
    ]

    private static let kernelTables = [
        "buddyinfo", "cmdline", "config.gz", "consoles", "diskstats", "interrupts", "iomem", "ioports", "kallsyms",
        "kcore", "key-users", "keys", "kmsg", "kpagecgroup", "kpagecount", "kpageflags", "latency_stats", "locks",
        "mdstat", "misc", "modules", "mtrr", "pagetypeinfo", "partitions", "sched_debug", "schedstat", "slabinfo",
        "softirqs", "swaps", "sysrq-trigger", "timer_list", "timer_stats", "vmallocinfo", "vmstat", "zoneinfo",
    ].map { "/proc/" + $0 }

    private static let kernelFolders =
        ["acpi", "asound", "driver", "pressure", "scsi"].map { "/proc/" + $0 }
        + ["block", "bus", "class", "dev", "firmware", "hypervisor", "kernel", "module", "power"].map { "/sys/" + $0 }
        // Not all of /sys/fs: below it stand the control groups, by which runtimes size themselves.
        + ["bpf", "btrfs", "erofs", "ext4", "f2fs", "fuse", "pstore", "resctrl", "selinux", "tmpfs", "xfs"].map {
            "/sys/fs/" + $0
        }

    static let readonlyPaths = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys"]
}
