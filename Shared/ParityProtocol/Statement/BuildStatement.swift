/// What a builder signs about one build: `parity.build/v1` as the predicate of an in-toto Statement v1.
package struct BuildStatement: Sendable, Hashable {
    package static let schema = "parity.build/v1"

    package enum Outcome: String, Sendable, Codable {
        case built
        /// The Dockerfile does not build: trying again would not help.
        case failed
        /// The builder could not do its work: another may.
        case builderError = "builder_error"
    }

    /// What was built.
    package struct Image: Sendable, Hashable {
        /// The archive in the blob store, which runners run.
        package var archive: Digest
        /// The digest of the image's configuration.
        package var id: Digest
        /// What the archive takes.
        package var bytes: Int64

        package init(archive: Digest, id: Digest, bytes: Int64) {
            self.archive = archive
            self.id = id
            self.bytes = bytes
        }
    }

    package var id: BuildAttemptID
    /// The token of the grant: proof that the scheduler let this builder start.
    package var token: String
    package var builderKey: RunnerKey
    /// See ``BuildRecipe/digest(platform:)``.
    package var recipe: Digest
    package var context: Digest
    package var bases: [BuildBase]
    package var outcome: Outcome
    /// Of a build that is ``Outcome/built``, and only of one.
    package var image: Image?
    /// The whole log, in the blob store.
    package var log: Digest?
    /// Why there is no image, in a sentence; empty for one that was built.
    package var detail: String

    package static let maximumDetailBytes = 4096

    package init(
        id: BuildAttemptID, token: String, builderKey: RunnerKey, recipe: Digest, context: Digest, bases: [BuildBase],
        outcome: Outcome, image: Image?, log: Digest?, detail: String
    ) {
        self.id = id
        self.token = token
        self.builderKey = builderKey
        self.recipe = recipe
        self.context = context
        self.bases = bases
        self.outcome = outcome
        self.image = image
        self.log = log
        self.detail = detail
    }

    /// The canonical bytes that are signed. The subject is the image's archive, or the recipe where there is no image.
    package func payload() -> [UInt8] {
        let statement: JSONValue = [
            "_type": .string(ResultStatement.statementType),
            "subject": [
                [
                    "name": .string("build/\(id.build)"),
                    "digest": ["sha256": .string((image?.archive ?? recipe).hex)],
                ]
            ],
            "predicateType": .string(Self.schema),
            "predicate": predicate,
        ]
        return statement.canonicalBytes()
    }

    private var predicate: JSONValue {
        [
            "build_id": .string(id.build.description), "attempt": .integer(Int64(id.attempt)),
            "attempt_token": .string(token), "builder_key": .string(builderKey.description),
            "recipe_digest": .string(recipe.description), "context_digest": .string(context.description),
            "bases": .array(
                bases.map { ["reference": .string($0.reference), "image_id": .string($0.image.description)] }),
            "outcome": .string(outcome.rawValue),
            "image_digest": image.map { .string($0.archive.description) } ?? .null,
            "image_id": image.map { .string($0.id.description) } ?? .null,
            "image_bytes": image.map { .integer($0.bytes) } ?? .null,
            "log_digest": log.map { .string($0.description) } ?? .null, "detail": .string(detail),
        ]
    }

    /// The statement that `payload` holds; nil unless it is one, well-formed, with an image exactly if it was built.
    package init?(payload: [UInt8]) {
        guard let json = try? JSONValue.parse(payload), json["_type"]?.string == ResultStatement.statementType,
            json["predicateType"]?.string == Self.schema, let predicate = json["predicate"],
            let build = predicate["build_id"]?.string.flatMap({ BuildID($0) }),
            let attempt = predicate["attempt"]?.integer, (0...Int64(AttemptID.maximumNumber)).contains(attempt),
            let token = predicate["attempt_token"]?.string,
            let builderKey = predicate["builder_key"]?.string.flatMap({ RunnerKey($0) }),
            let recipe = predicate["recipe_digest"]?.string.flatMap({ Digest($0) }),
            let context = predicate["context_digest"]?.string.flatMap({ Digest($0) }),
            let bases = predicate["bases"]?.array?.map(Self.base), bases.count <= BuildClaim.maximumBases,
            let outcome = predicate["outcome"]?.string.flatMap(Outcome.init),
            let detail = predicate["detail"]?.string, detail.utf8.count <= Self.maximumDetailBytes
        else { return nil }
        self.init(
            id: BuildAttemptID(build: build, attempt: Int(attempt)), token: token, builderKey: builderKey,
            recipe: recipe, context: context, bases: bases.compactMap(\.self), outcome: outcome,
            image: Self.image(predicate), log: predicate["log_digest"]?.string.flatMap { Digest($0) }, detail: detail)
        // Canonical bytes must come out the same: nothing unread may hide in what was signed.
        guard (outcome == .built) == (image != nil), self.payload() == payload else { return nil }
    }

    private static func base(_ json: JSONValue) -> BuildBase? {
        guard let reference = json["reference"]?.string,
            let image = json["image_id"]?.string.flatMap({ Digest($0) })
        else { return nil }
        return BuildBase(reference: reference, image: image)
    }

    private static func image(_ predicate: JSONValue) -> Image? {
        guard let archive = predicate["image_digest"]?.string.flatMap({ Digest($0) }),
            let id = predicate["image_id"]?.string.flatMap({ Digest($0) }),
            let bytes = predicate["image_bytes"]?.integer, bytes > 0
        else { return nil }
        return Image(archive: archive, id: id, bytes: bytes)
    }
}
