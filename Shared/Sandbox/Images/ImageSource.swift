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

    /// A tag that no other source has.
    var tag: String { Digest.sha256(of: Array(key.utf8)).hex }
}
