package import ParityProtocol

/// Which calls of the kernel a container may make: a list of what is allowed; everything else fails with `EPERM`, and
/// calls younger than the list with `ENOSYS`, so that programs fall back.
///
/// It is Docker's default profile without io_uring, keyrings, userfaultfd, bpf and perf, and narrower in what no task
/// needs and much of the kernel stands behind:
/// - ptrace, and reading or writing another process's memory;
/// - address families other than Unix, IPv4, IPv6 and the route netlink (vsock reaches the hypervisor, AF_ALG the
///   kernel's ciphers, and neither knows namespaces);
/// - 32-bit calls of a 64-bit kernel;
/// - Linux AIO and POSIX message queues, whose budgets all containers of a machine share.
///
/// Sent as JSON within the create call (`seccomp=…`), so the engine needs no file of ours. One value serves both
/// architectures: names that a machine does not know are passed over.
package struct SeccompProfile: Sendable, Hashable {
    /// One way to be allowed: one of `names`, with arguments for which all `conditions` hold.
    struct Rule: Sendable, Hashable {
        var names: [String]
        var conditions: [Condition] = []
        /// The error that the call fails with; nil allows it.
        var error: Int64?
    }

    /// A comparison of one argument, by its place.
    enum Condition: Sendable, Hashable {
        case equals(Int64, argument: Int64)
        /// None of the bits of `mask` is set.
        case lacks(mask: Int64, argument: Int64)
    }

    let rules: [Rule]

    /// `standard` lets programs ask the kernel for random bytes, `sealed` does not.
    package init(_ determinism: DeterminismProfile) {
        var calls = Self.calls
        if determinism == .standard { calls.append("getrandom") }
        rules = [Rule(names: calls.sorted())] + Self.limitedCalls
    }

    /// As the engine reads it (its `seccomp.json`).
    package var json: JSONValue {
        [
            "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": .integer(Self.notPermitted),
            // Without the 32-bit architectures that these kernels also run: a call of theirs ends the process.
            "archMap": [
                ["architecture": "SCMP_ARCH_X86_64", "subArchitectures": []],
                ["architecture": "SCMP_ARCH_AARCH64", "subArchitectures": []],
            ],
            "syscalls": .array(rules.map(\.json)),
        ]
    }

    /// For `HostConfig.SecurityOpt`.
    var securityOption: String { "seccomp=" + String(decoding: json.canonicalBytes(), as: UTF8.self) }

    /// EPERM and ENOSYS, the same number on both architectures.
    private static let notPermitted: Int64 = 1
    private static let notImplemented: Int64 = 38

    // MARK: - Calls that depend on their arguments

    /// CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET of clone(2).
    private static let newNamespaces: Int64 = 0x7E02_0000
    /// socket(2): AF_UNIX, AF_INET, AF_INET6, AF_NETLINK.
    private static let unixFamily: Int64 = 1
    private static let internetFamilies: [Int64] = [2, 10]
    private static let netlinkFamily: Int64 = 16
    /// netlink(7): NETLINK_ROUTE, by which libraries list the network interfaces.
    private static let routeProtocol: Int64 = 0
    /// personality(2): what Linux starts with, and the question which one it is.
    private static let personalities: [Int64] = [0, 0xFFFF_FFFF]

    private static let limitedCalls: [Rule] =
        [
            Rule(names: ["clone"], conditions: [.lacks(mask: newNamespaces, argument: 0)]),
            // Its flags stand in memory, where a filter cannot look; libraries then use clone.
            Rule(names: ["clone3"], error: notImplemented),
            Rule(names: ["socketpair"], conditions: [.equals(unixFamily, argument: 0)]),
            Rule(
                names: ["socket"],
                conditions: [.equals(netlinkFamily, argument: 0), .equals(routeProtocol, argument: 2)]),
        ]
        + ([unixFamily] + internetFamilies).map { Rule(names: ["socket"], conditions: [.equals($0, argument: 0)]) }
        + personalities.map { Rule(names: ["personality"], conditions: [.equals($0, argument: 0)]) }
}

extension SeccompProfile.Rule {
    fileprivate var json: JSONValue {
        var members: [String: JSONValue] = [
            "names": .array(names.map(JSONValue.string)), "action": error == nil ? "SCMP_ACT_ALLOW" : "SCMP_ACT_ERRNO",
            "args": .array(conditions.map(\.json)),
        ]
        if let error { members["errnoRet"] = .integer(error) }
        return .object(members)
    }
}

extension SeccompProfile.Condition {
    fileprivate var json: JSONValue {
        switch self {
        case .equals(let value, let argument):
            ["index": .integer(argument), "op": "SCMP_CMP_EQ", "value": .integer(value), "valueTwo": 0]
        case .lacks(let mask, let argument):
            // libseccomp takes the mask as the first value and what must be left as the second.
            ["index": .integer(argument), "op": "SCMP_CMP_MASKED_EQ", "value": .integer(mask), "valueTwo": 0]
        }
    }
}
