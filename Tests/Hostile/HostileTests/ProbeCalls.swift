import AsyncHTTPClient
import Foundation
import NIOCore
import ParityProtocol
import TestSupport

@testable import Sandbox

/// The calls of `Probe/probe.c`, all tried in one container.
enum ProbeCalls {
    static let all = names.split(whereSeparator: \.isWhitespace).map(String.init)

    /// The answers in a container of ours, by call: `errno 1`, `signal 31`, `ok`.
    static let contained = Task { () async throws -> [String: String] in
        let run = try await HostileStage.stage().run(HostileCase("make forbidden calls", "exec /probe calls"))
        return answers(in: run.stdout)
    }

    /// The answers in a container that may do much, and that no filter watches.
    static func free(on stage: HostileStage) async throws -> [String: String] {
        let job = try stage.job("exec /probe calls")
        let body: JSONValue = [
            "Image": .string(job.image), "Cmd": ["/probe", "calls"], "NetworkDisabled": true, "AttachStdout": true,
            "Labels": .object(job.labels.mapValues(JSONValue.string)),
            "HostConfig": [
                "NetworkMode": "none", "SecurityOpt": ["seccomp=unconfined"], "Init": true,
                "CapAdd": .array(capabilities.map(JSONValue.string)),
            ],
        ]
        let container = try await stage.engine.createContainer(body)
        do {
            let attached = try await stage.engine.attach(container, timeout: .seconds(120))
            try await stage.engine.start(container)
            var frames = StreamFrames()
            var text: [UInt8] = []
            for try await chunk in attached {
                text += frames.feed(Array(chunk.readableBytesView)).filter(\.isStdout).flatMap(\.bytes)
            }
            try await stage.engine.removeContainer(container)
            return answers(in: String(decoding: text, as: UTF8.self))
        } catch {
            try await stage.engine.removeContainer(container)
            throw error
        }
    }

    private static func answers(in text: String) -> [String: String] {
        var answers: [String: String] = [:]
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ", maxSplits: 1).map(String.init)
            if words.count == 2 { answers[words[0]] = words[1] }
        }
        return answers
    }

    /// The answers that mean no. EPERM, but for a few.
    static func refusals(of call: String) -> Set<String> {
        switch call {
        // ENOSYS, so that libraries fall back to clone.
        case "clone3_user": ["errno 38"]
        // EACCES, by the kernel itself.
        case "priority": ["errno 13", "errno 1"]
        // EINVAL: it is a way without return.
        case "new_privileges": ["errno 22"]
        // The process ends with SIGSYS, or the number means nothing.
        case "call32": ["signal 31"]
        case "x32": ["signal 31", "errno 1", "errno 38"]
        default: ["errno 1"]
        }
    }

    /// What no container can do, whatever it may: by the kernel's own rules, its configuration, or for lack of a
    /// capability that engines do not have themselves everywhere.
    static let refusedAnywhere: Set<String> = [
        "ambient", "capset", "new_privileges", "raise_files", "raise_core", "raise_file_size", "raise_memory_lock",
        "realtime", "x32",
    ]

    private static let capabilities = [
        "DAC_READ_SEARCH", "IPC_LOCK", "MKNOD", "NET_ADMIN", "NET_RAW", "SETGID", "SETPCAP", "SETUID", "SYSLOG",
        "SYS_ADMIN", "SYS_BOOT", "SYS_CHROOT", "SYS_MODULE", "SYS_NICE", "SYS_PACCT", "SYS_PTRACE", "SYS_RAWIO",
        "SYS_TIME", "SYS_TTY_CONFIG",
    ]

    private static let names = """
        io_uring_setup io_uring_enter io_uring_register add_key request_key keyctl userfaultfd bpf perf_event_open
        ptrace_init ptrace_parent ptrace_traceme process_vm_readv process_vm_writev kcmp pidfd_getfd process_madvise
        mount_tmpfs mount_proc mount_root_writable mount_bind umount pivot_root chroot open_tree move_mount fsopen fsconfig
        fsmount fspick mount_setattr open_by_handle name_to_handle fanotify unshare_user unshare_mount unshare_network
        setns clone_user clone_mount clone_pid clone_network clone_ipc clone_uts clone_cgroup clone3_user reboot swapon
        swapoff kexec_load init_module finit_module delete_module acct quotactl sethostname setdomainname clock_settime
        settimeofday adjtimex clock_adjtime syslog vhangup mbind set_mempolicy get_mempolicy memfd_secret lookup_dcookie
        no_randomization linux32 io_setup mq_open setuid setgid setgroups capset ambient new_privileges priority realtime
        raise_files raise_core raise_file_size raise_memory_lock mknod_memory mknod_disk socket_raw socket_raw6
        socket_packet socket_vsock socket_alg socket_netfilter socket_audit socket_uevent socket_key socket_bluetooth
        socket_xdp socketpair_tipc interface iopl ioperm modify_ldt call32 x32
        """
}
