import Glibc

/// One call of posix_spawn(3).
struct SpawnCall {
    let spec: ProcessSpec
    /// Where both output streams go when they go to the log.
    let outputDescriptor: Int32

    /// `setpriv` gives up our identity where it must, asks for the death signal last and becomes the program: the
    /// process identifier stays the same.
    static func arguments(_ spec: ProcessSpec) -> [String] {
        var arguments = ["setpriv", "--pdeathsig", spec.stopSignal.rawValue]
        if let user = spec.user { arguments += ["--reuid", user, "--regid", user, "--init-groups"] }
        return arguments + ["--", spec.executable] + spec.arguments
    }

    func run() -> Result<pid_t, CommandFailure> {
        var actions = posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawnattr_init(&attributes)
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
        }
        redirect(&actions)
        // Signals that we block or ignore must not stay so in the child.
        var none = sigset_t()
        var all = sigset_t()
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        var identifier: pid_t = 0
        let code = withCStrings(Self.arguments(spec)) { arguments in
            withCStrings(spec.environment.map { "\($0.key)=\($0.value)" }) { environment in
                posix_spawn(&identifier, Executables.setpriv, &actions, &attributes, arguments, environment)
            }
        }
        guard code == 0 else {
            return .failure(CommandFailure(.failure, "cannot start \(spec.name): \(systemError(code))"))
        }
        return .success(identifier)
    }

    private func redirect(_ actions: inout posix_spawn_file_actions_t) {
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        switch spec.output {
        case .log: posix_spawn_file_actions_adddup2(&actions, outputDescriptor, STDOUT_FILENO)
        case .file(let path):
            posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, path, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        }
        posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO)
    }

    /// `strings` as a C array that ends in NULL, alive for the call of `body`.
    private func withCStrings<Result>(
        _ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
    ) -> Result {
        let pointers = strings.map { strdup($0) }
        defer { for pointer in pointers { free(pointer) } }
        return body(pointers + [nil])
    }
}
