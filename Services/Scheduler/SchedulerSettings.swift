package import Telemetry

/// What the scheduler can be told.
package struct SchedulerSettings: SettingsGroup {
    static let lease = Setting<Duration>.duration(
        "PARITY_LEASE", default: .seconds(60), in: .seconds(2)...(.seconds(3600)),
        help: "How long a runner holds a replica without a heartbeat")
    static let claimWithin = Setting<Duration>.duration(
        "PARITY_CLAIM_WITHIN", default: .seconds(120), in: .seconds(1)...(.seconds(86_400)),
        help: "How long an offer may wait on a staffed lane before it is offered again")
    static let maximumGrants = Setting<Int>.integer(
        "PARITY_MAX_GRANTS", default: 3, in: 1...100,
        help: "How many leases of one replica may end before the replica counts as lost")
    static let buildClaimWithin = Setting<Duration>.duration(
        "PARITY_BUILD_CLAIM_WITHIN", default: .seconds(600), in: .seconds(1)...(.seconds(86_400)),
        help: "How long a build may wait for a builder, who fetches what it builds on first, before it is offered again"
    )
    static let tick = Setting<Duration>.duration(
        "PARITY_TICK", default: .seconds(1), in: .milliseconds(50)...(.seconds(60)),
        help: "How often leases, deadlines and lost messages are looked for")

    package static let descriptions =
        ServiceSettings.descriptions + [
            lease.description, claimWithin.description, maximumGrants.description, buildClaimWithin.description,
            tick.description,
        ]

    package var service: ServiceSettings
    package var policy: SchedulerPolicy
    package var tick: Duration

    package init(_ reader: SettingsReader) throws {
        service = try ServiceSettings(reader)
        policy = SchedulerPolicy(
            lease: try reader.value(Self.lease), claimWithin: try reader.value(Self.claimWithin),
            maximumGrants: try reader.value(Self.maximumGrants),
            buildClaimWithin: try reader.value(Self.buildClaimWithin))
        tick = try reader.value(Self.tick)
    }
}

/// The scheduler's rules in numbers.
package struct SchedulerPolicy: Sendable {
    package var lease: Duration
    package var claimWithin: Duration
    package var maximumGrants: Int
    package var buildClaimWithin: Duration

    package init(
        lease: Duration = .seconds(60), claimWithin: Duration = .seconds(120), maximumGrants: Int = 3,
        buildClaimWithin: Duration = .seconds(600)
    ) {
        self.lease = lease
        self.claimWithin = claimWithin
        self.maximumGrants = maximumGrants
        self.buildClaimWithin = buildClaimWithin
    }
}
