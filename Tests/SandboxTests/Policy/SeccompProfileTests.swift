import ParityProtocol
import Testing

@testable import Sandbox

@Suite struct SeccompProfileTests {
    private func allowed(_ profile: SeccompProfile) -> Set<String> {
        Set(profile.rules.filter { $0.error == nil }.flatMap(\.names))
    }

    @Test(arguments: [
        "add_key", "bpf", "io_uring_enter", "io_uring_register", "io_uring_setup", "keyctl", "perf_event_open",
        "request_key", "userfaultfd",
    ])
    func `What Docker's default allows and we do not is in no profile`(call: String) {
        for profile in DeterminismProfile.allCases { #expect(!allowed(SeccompProfile(profile)).contains(call)) }
    }

    @Test(arguments: [
        "acct", "chroot", "clock_settime", "delete_module", "finit_module", "init_module", "io_setup", "ioperm", "iopl",
        "kcmp", "kexec_load", "mbind", "mount", "move_mount", "mq_open", "open_by_handle_at", "open_tree",
        "pidfd_getfd",
        "pivot_root", "process_vm_readv", "process_vm_writev", "ptrace", "quotactl", "reboot", "sethostname", "setns",
        "settimeofday", "swapon", "syslog", "umount2", "unshare", "vhangup",
    ])
    func `What changes the machine or another process is in no profile`(call: String) {
        for profile in DeterminismProfile.allCases { #expect(!allowed(SeccompProfile(profile)).contains(call)) }
    }

    @Test
    func `Sealed is standard without getrandom`() {
        let (standard, sealed) = (allowed(SeccompProfile(.standard)), allowed(SeccompProfile(.sealed)))
        #expect(standard.subtracting(sealed) == ["getrandom"])
        #expect(sealed.isSubset(of: standard))
    }

    @Test
    func `Each call is named once, except where its arguments decide`() {
        let calls = SeccompProfile.calls
        #expect(Set(calls).count == calls.count)
        for rule in SeccompProfile(.standard).rules.dropFirst() { #expect(Set(calls).isDisjoint(with: rule.names)) }
    }

    @Test
    func `The engine reads a list of what is allowed, for the machine's own calls alone`() throws {
        let option = SeccompProfile(.standard).securityOption
        #expect(option.hasPrefix("seccomp={"))
        let json = try JSONValue.parse(Array(option.utf8.dropFirst("seccomp=".utf8.count)))
        #expect(json["defaultAction"]?.string == "SCMP_ACT_ERRNO")
        let architectures = try #require(json["archMap"]?.array)
        #expect(architectures.allSatisfy { $0["subArchitectures"]?.array == [] })
        let rules = try #require(json["syscalls"]?.array)
        let clone = rules.first { $0["names"] == ["clone"] }
        #expect(
            clone?["args"] == [["index": 0, "op": "SCMP_CMP_MASKED_EQ", "value": 0x7E02_0000, "valueTwo": 0]])
        #expect(rules.filter { $0["names"] == ["socket"] }.count == 4)
    }
}
