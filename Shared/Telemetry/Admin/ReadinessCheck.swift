/// One thing that a service needs before it can do its work, such as its connection to the broker.
package struct ReadinessCheck: Sendable {
    package let name: String
    package let isReady: @Sendable () -> Bool

    /// `isReady` is asked on every probe: it must answer from memory, at once.
    package init(_ name: String, _ isReady: @escaping @Sendable () -> Bool) {
        self.name = name
        self.isReady = isReady
    }
}
