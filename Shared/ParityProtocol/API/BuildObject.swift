/// How a task's image was built, as the API shows it.
package struct BuildObject: Codable, Sendable, Equatable {
    package var id: BuildID
    package var state: BuildState
    package var contextDigest: Digest
    /// Context, Dockerfile, arguments and platform in one.
    package var recipeDigest: Digest
    /// What it was built on; nil until a builder has found out.
    package var bases: [BuildBase]?
    /// The archive that replicas run; nil until it is built.
    package var imageDigest: Digest?
    /// The digest of the image's configuration.
    package var imageID: Digest?
    /// The whole log, a blob; also `GET /v1/tasks/{id}/build-log`.
    package var logDigest: Digest?
    package var builder: RunnerID?
    /// The build that this one took its image from, because recipe and bases are equal.
    package var reused: BuildID?
    /// Why there is no image.
    package var detail: String?

    enum CodingKeys: String, CodingKey {
        case id, state, bases, builder, reused, detail
        case contextDigest = "context_digest"
        case recipeDigest = "recipe_digest"
        case imageDigest = "image_digest"
        case imageID = "image_id"
        case logDigest = "log_digest"
    }

    package init(
        id: BuildID, state: BuildState, contextDigest: Digest, recipeDigest: Digest, bases: [BuildBase]?,
        imageDigest: Digest?, imageID: Digest?, logDigest: Digest?, builder: RunnerID?, reused: BuildID?,
        detail: String?
    ) {
        self.id = id
        self.state = state
        self.contextDigest = contextDigest
        self.recipeDigest = recipeDigest
        self.bases = bases
        self.imageDigest = imageDigest
        self.imageID = imageID
        self.logDigest = logDigest
        self.builder = builder
        self.reused = reused
        self.detail = detail
    }
}

package enum BuildState: String, Codable, Sendable, CaseIterable {
    /// It waits for a builder.
    case offered
    /// A builder holds its lease.
    case granted
    case built
    /// It does not build, or no builder held out.
    case failed
    /// No task wants it any more.
    case cancelled

    package var isOpen: Bool { self == .offered || self == .granted }
}
