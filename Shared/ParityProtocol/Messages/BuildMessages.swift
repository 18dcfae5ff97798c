/// One try at a build.
package struct BuildAttemptID: Sendable, Hashable, Codable, CustomStringConvertible {
    package let build: BuildID
    package let attempt: Int

    package init(build: BuildID, attempt: Int) {
        self.build = build
        self.attempt = attempt
    }

    package var description: String { "\(build)#\(attempt)" }

    private enum CodingKeys: String, CodingKey { case build, attempt }

    /// Refuses numbers that the network never makes.
    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let attempt = try container.decode(Int.self, forKey: .attempt)
        guard (0...AttemptID.maximumNumber).contains(attempt) else {
            throw DecodingError.dataCorruptedError(
                forKey: .attempt, in: container, debugDescription: "expected 0 to \(AttemptID.maximumNumber)")
        }
        self.init(build: try container.decode(BuildID.self, forKey: .build), attempt: attempt)
    }
}

/// scheduler → builds of the platform: whoever takes this may claim the build, once it knows what it builds on.
package struct BuildOffer: MessageBody, Equatable {
    package static let schema = "parity.build.offer/v1"
    package let id: BuildAttemptID
    package let recipe: BuildRecipe
    package let platform: String

    package init(id: BuildAttemptID, recipe: BuildRecipe, platform: String) {
        self.id = id
        self.recipe = recipe
        self.platform = platform
    }
}

/// builder → scheduler (`build.<builder>`): I took this build, and it builds on these images; may I?
package struct BuildClaim: MessageBody, Equatable {
    package static let schema = "parity.build.claim/v1"
    package let id: BuildAttemptID
    package let builder: RunnerID
    /// Nil when they could not be found out: the build will fail and say why.
    package let bases: [BuildBase]?

    package static let maximumBases = 64

    package init(id: BuildAttemptID, builder: RunnerID, bases: [BuildBase]?) {
        self.id = id
        self.builder = builder
        self.bases = bases
    }
}

/// scheduler → builder: build it. The lease is renewed by every ``BuildProgress``.
package struct BuildGrant: MessageBody, Equatable {
    package static let schema = "parity.build.grant/v1"
    package let id: BuildAttemptID
    package let token: String
    package let leaseMilliseconds: Int64

    package init(id: BuildAttemptID, token: String, leaseMilliseconds: Int64) {
        self.id = id
        self.token = token
        self.leaseMilliseconds = leaseMilliseconds
    }

    enum CodingKeys: String, CodingKey {
        case id, token
        case leaseMilliseconds = "lease_ms"
    }
}

/// scheduler → builder: do not build this, or no longer.
package struct BuildRefusal: MessageBody, Equatable {
    package static let schema = "parity.build.refusal/v1"

    package enum Reason: String, Sendable, Codable {
        case stale, taken, cancelled
        /// The same was built on the same bases before.
        case done
        /// Not a builder of this network.
        case forbidden
    }

    package let id: BuildAttemptID
    package let reason: Reason

    package init(id: BuildAttemptID, reason: Reason) {
        self.id = id
        self.reason = reason
    }
}

/// builder → scheduler (`build.<builder>`): the build goes on. Sent several times a lease, with what the log has grown by.
package struct BuildProgress: MessageBody, Equatable {
    package static let schema = "parity.build.progress/v1"
    package let id: BuildAttemptID
    package let builder: RunnerID
    package let token: String
    /// Numbers the pieces of the log from 0; the same number twice is the same piece.
    package let piece: Int
    /// Empty when there is nothing new.
    package let text: String

    package static let maximumTextBytes = 8192
    /// Beyond these the log is only in the blob store.
    package static let maximumPieces = 256

    package init(id: BuildAttemptID, builder: RunnerID, token: String, piece: Int, text: String) {
        self.id = id
        self.builder = builder
        self.token = token
        self.piece = piece
        self.text = text
    }
}

/// builder → scheduler (`build.<builder>`): the signed ``BuildStatement`` of one attempt.
package struct BuildResultMessage: MessageBody, Equatable {
    package static let schema = "parity.build.result/v1"
    package let id: BuildAttemptID
    package let builder: RunnerID
    package let envelope: SignedEnvelope

    package init(id: BuildAttemptID, builder: RunnerID, envelope: SignedEnvelope) {
        self.id = id
        self.builder = builder
        self.envelope = envelope
    }
}
