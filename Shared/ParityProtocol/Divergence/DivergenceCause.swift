/// What makes honest runs of one task come out different.
package enum DivergenceCause: String, Sendable, Hashable, CaseIterable {
    case timeStamp = "time_stamp"
    case elapsedTime = "elapsed_time"
    case timeZone = "time_zone"
    case archiveTime = "archive_time"
    case random
    case uuid
    case temporaryPath = "temporary_path"
    case hashOrder = "hash_order"
    case directoryOrder = "directory_order"
    case threadOrder = "thread_order"
    case floatRounding = "float_rounding"
    case memoryAddress = "memory_address"
    case processID = "process_id"
    case hostName = "host_name"
    case userID = "user_id"
    case cpuCount = "cpu_count"
    case memorySize = "memory_size"
    case locale
    case environment
    case buildID = "build_id"
    case machine
    case machineState = "machine_state"
    case fileIdentity = "file_identity"
    case fileMode = "file_mode"
    case nearLimit = "near_limit"
    case crash
    /// One that a newer gateway knows.
    case unknown
}

extension DivergenceCause: Codable {
    /// A code that is not known here is ``unknown``: reports are read by older programs too.
    package init(from decoder: any Decoder) throws {
        self = Self(rawValue: try decoder.singleValueContainer().decode(String.self)) ?? .unknown
    }
}

extension DivergenceCause {
    /// What a person calls it.
    package var title: String {
        switch self {
        case .timeStamp: "a time stamp"
        case .elapsedTime: "a measured duration"
        case .timeZone: "the time zone"
        case .archiveTime: "times inside an archive or compressed file"
        case .random: "random bytes, or what was computed from them"
        case .uuid: "a UUID"
        case .temporaryPath: "the name of a temporary file"
        case .hashOrder: "the order of a hash table, set or dictionary"
        case .directoryOrder: "the order in which a directory is listed"
        case .threadOrder: "the order in which threads or processes run"
        case .floatRounding: "the last digits of floating-point numbers"
        case .memoryAddress: "a memory address, or memory that was never initialised"
        case .processID: "a process id"
        case .hostName: "the host name"
        case .userID: "the user id"
        case .cpuCount: "the number of CPUs"
        case .memorySize: "the size of memory"
        case .locale: "the locale"
        case .environment: "the environment variables"
        case .buildID: "a build id or an embedded path"
        case .machine: "the machine: its kernel or its CPU model"
        case .machineState: "the state of the machine: load, free memory or disk space"
        case .fileIdentity: "inode, device or mount numbers"
        case .fileMode: "the permissions of a file"
        case .nearLimit: "a limit that only some runs went over"
        case .crash: "a crash, or another way to end, that only some runs had"
        case .unknown: "a cause that this version does not know"
        }
    }

    /// What to do about it.
    package var remedy: String {
        switch self {
        case .timeStamp:
            "Write no time, or a fixed one: take it from an input, or from SOURCE_DATE_EPOCH, which is set for this."
        case .elapsedTime: "Leave durations and speeds out of the output; stderr is not compared, write them there."
        case .timeZone: "Format times in UTC (TZ=UTC is set), not in the zone of the machine."
        case .archiveTime:
            "Fix the times that the archiver stores: tar --sort=name --mtime=@0 --owner=0 --group=0, gzip -n, zip -X "
                + "after touch -d @0."
        case .random:
            "Seed every generator with a constant or from an input, and ask for no salt, nonce or fresh key."
        case .uuid: "Derive ids from the content (a UUID of version 5) or count them; make no random ones."
        case .temporaryPath: "Use fixed names below /tmp, and keep paths of temporary files out of what is written."
        case .hashOrder:
            "Sort before writing (sorted(…), json.dumps(…, sort_keys=True)), and where the language has a setting, fix "
                + "it: PERL_HASH_SEED=0; PYTHONHASHSEED=0 is set already."
        case .directoryOrder: "Sort the names that a listing gives: sorted(os.listdir(…)), find … | sort, LC_ALL=C ls."
        case .threadOrder:
            "Collect results by index and write them in a fixed order after all have ended, or use one thread; let "
                + "no two threads change the same data without a lock."
        case .floatRounding:
            "Fix the order of additions: one thread (OMP_NUM_THREADS=1), chunks of a fixed size, math.fsum; or round "
                + "what is written."
        case .memoryAddress:
            "Print no addresses, id() or default object descriptions, order nothing by them, and initialise all "
                + "memory that is written (memset, calloc; mind the padding of structs)."
        case .processID: "Leave process ids out of the output and out of file names."
        case .hostName: "Leave the host name out of the output."
        case .userID: "Leave user, group and home folder out of the output; tar with --owner=0 --group=0."
        case .cpuCount: "Give the number of threads and parts as a constant; do not ask the machine."
        case .memorySize: "Give sizes of buffers and batches as constants; do not ask the machine."
        case .locale: "Name encoding and locale explicitly: UTF-8 when reading and writing, LC_ALL=C when sorting."
        case .environment: "Write no environment variables, and read only those that the spec sets."
        case .buildID:
            "Build in a fixed folder, with -ffile-prefix-map=$PWD=. and -Wl,--build-id=none, without __DATE__ and "
                + "__TIME__."
        case .machine: "Leave kernel and CPU out of the output, and choose no algorithm by them."
        case .machineState: "Leave load, free memory and disk space out of the output."
        case .fileIdentity: "Leave inode and device numbers and mount names out of the output."
        case .fileMode: "Set permissions explicitly with chmod; do not rely on the umask."
        case .nearLimit: "Raise limits.memory_bytes or limits.output_bytes well above what the work needs."
        case .crash: "Find the run that failed: its last lines on stderr stand with its replica."
        case .unknown: "Update parity to read what this cause is."
        }
    }
}

/// How sure a finding is.
package enum DivergenceConfidence: String, Sendable, Hashable, Codable, CaseIterable, Comparable {
    case low, medium, high
    /// Shown by an experiment: runs that differed in nothing else came out different.
    case certain

    private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
    package static func < (left: Self, right: Self) -> Bool { left.rank < right.rank }
}
