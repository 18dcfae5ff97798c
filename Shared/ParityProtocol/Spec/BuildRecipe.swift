/// What a builder makes an image of: a Dockerfile and the files that it may copy.
package struct BuildRecipe: Sendable, Hashable {
    package static let schema = "parity.recipe/v1"

    /// The context: a tar in the blob store.
    package var context: Digest
    /// The Dockerfile's path inside the context.
    package var path: String
    /// Values of the Dockerfile's ARGs.
    package var arguments: [String: String]

    package init(context: Digest, path: String = Self.defaultPath, arguments: [String: String] = [:]) {
        self.context = context
        self.path = path
        self.arguments = arguments
    }

    package static let defaultPath = "Dockerfile"
    package static let maximumArguments = 64
    /// Of all arguments together: they travel in messages.
    package static let maximumArgumentBytes = 32_768

    /// As it stands in a spec.
    package var json: JSONValue {
        [
            "context": .string(context.description), "path": .string(path),
            "args": .object(arguments.mapValues(JSONValue.string)),
        ]
    }

    /// What is built, for which platform: two builds of one digest differ by their base images alone.
    package func digest(platform: String) -> Digest {
        let whole: JSONValue = [
            "schema": .string(Self.schema), "platform": .string(platform), "dockerfile": json,
        ]
        return Digest.sha256(of: whole.canonicalBytes())
    }
}

extension BuildRecipe: Codable {
    enum CodingKeys: String, CodingKey {
        case context, path
        case arguments = "args"
    }
}

/// An image that a Dockerfile builds on, and what it was when it was built on.
package struct BuildBase: Sendable, Hashable, Codable {
    /// As the Dockerfile names it.
    package let reference: String
    /// The image's id: the digest of its configuration.
    package let image: Digest

    enum CodingKeys: String, CodingKey {
        case reference
        case image = "image_id"
    }

    package init(reference: String, image: Digest) {
        self.reference = reference
        self.image = image
    }

    /// Names the result of a build: recipe and bases. Equal keys need one build.
    package static func cacheKey(recipe: Digest, bases: [BuildBase]) -> Digest {
        let list: [JSONValue] = Set(bases).sorted { $0.reference < $1.reference }.map {
            ["reference": .string($0.reference), "image_id": .string($0.image.description)]
        }
        let whole: JSONValue = ["recipe": .string(recipe.description), "bases": .array(list)]
        return Digest.sha256(of: whole.canonicalBytes())
    }
}

extension TaskClass {
    /// The platform of a class: `linux-amd64` of `linux-amd64.small`.
    package static func platform(of taskClass: String) -> String {
        taskClass.split(separator: ".").first.map(String.init) ?? taskClass
    }
}
