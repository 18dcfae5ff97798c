/// What the owner of a machine decides about all runs on it.
package struct SandboxSettings: Sendable, Hashable {
    /// Whether an image that says `USER root` gets its way. Others run as nobody, whatever they say.
    package var allowsRoot = false
    /// The OCI runtime for tasks, by the name that the engine has for it, such as `runsc` (gVisor); nil is its default.
    package var runtime: String?

    package init(allowsRoot: Bool = false, runtime: String? = nil) {
        self.allowsRoot = allowsRoot
        self.runtime = runtime
    }
}
