package import ParityProtocol

/// Where an image is fetched from. Its key names the image in the ledger and, hashed, in the engine.
package enum ImageSource: Sendable, Hashable {
    /// `repository@sha256:…`
    case pinned(String)
    /// A `docker save` archive in the blob store.
    case archive(Digest)
    /// `repository:tag`, as a Dockerfile names what it builds on. Only a builder asks for these.
    case base(String)

    package var key: String {
        switch self {
        case .pinned(let reference): "pinned:\(reference)"
        case .archive(let digest): "archive:\(digest)"
        case .base(let reference): "base:\(reference)"
        }
    }

    /// The name that an image of this key was pulled by; nil for one from an archive.
    static func reference(ofKey key: String) -> String? {
        let parts = key.split(separator: ":", maxSplits: 1).map(String.init)
        return parts.count == 2 && parts[0] != "archive" ? parts[1] : nil
    }

    /// The name as an engine lists it: with a tag, without what stands for Docker's own registry.
    static func listed(_ reference: String) -> String {
        var name = reference[...]
        for prefix in ["docker.io/", "index.docker.io/", "library/"] where name.hasPrefix(prefix) {
            name = name.dropFirst(prefix.count)
        }
        let last = name.split(separator: "/").last ?? name
        return last.contains(":") ? String(name) : name + ":latest"
    }

    /// A tag that no other source has.
    var tag: String { Digest.sha256(of: Array(key.utf8)).hex }
}
