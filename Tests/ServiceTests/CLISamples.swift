import ParityProtocol

@testable import ParityCLI

/// Objects of the API as a gateway writes them.
enum Samples {
    static let task = "01890a5d-ac96-774b-bcce-b302099a8057"
    static let runner = "01890a5d-ac96-774b-bcce-b302099a8058"
    static let digest = "sha256:" + String(repeating: "a", count: 64)
    static let other = "sha256:" + String(repeating: "b", count: 64)
    static let image = "registry.example/tool@\(digest)"

    static func task(state: String = "verified", settled: Bool = true, expectationFailed: Bool = false) -> String {
        """
        {"id":"\(task)","state":"\(state)","spec":{},"spec_digest":"\(digest)","class":"linux-amd64.small",
        "reward":1500000,"created_at":"2026-01-01T00:00:00Z","replicas":[],"settled":\(settled),
        "expectation_failed":\(expectationFailed),"new_field":"kept"}
        """.replacing("\n", with: "")
    }

    static func content(_ text: String) -> OutputManifest.Content {
        .init(digest: Digest.sha256(of: Array(text.utf8)), size: Int64(text.utf8.count))
    }

    static let manifest = OutputManifest(
        exitCode: 0, stdout: content("printed\n"),
        files: [.init(path: .init("a b/c.txt"), kind: .file(content("hello"), isExecutable: false))])

    /// What a gateway answers about ``task`` if it is verified with the output ``manifest``, by path.
    static func outputAnswers() -> [String: [UInt8]] {
        let verdict = """
            "verdict":{"kind":"verified","outcome":"completed","exit_code":0,"output_digest":"\(manifest.digest)",
            "decided_at":"t"},"new_field"
            """
        let archive =
            TarEntry(path: Array("a b/c.txt".utf8), kind: .file, size: 5).headerBytes() + Array("hello".utf8)
            + TarEntry.padding(after: 5) + TarEntry.trailer
        return [
            "/v1/tasks/\(task)": Array(task().replacing("\"new_field\"", with: verdict).utf8),
            "/v1/tasks/\(task)/output": archive, "/v1/blobs/\(manifest.digest)": manifest.canonicalBytes,
            "/v1/blobs/\(content("printed\n").digest)": Array("printed\n".utf8),
            "/v1/blobs/\(content("hello").digest)": Array("hello".utf8),
        ]
    }

    static func event(_ seq: Int, _ type: String, _ data: String = "{}") -> String {
        "id: \(seq)\nevent: \(type)\ndata: {\"seq\":\(seq),\"type\":\"\(type)\",\"at\":\"t\",\"data\":\(data)}\n\n"
    }

    static let account =
        "{\"id\":\"\(task)\",\"name\":\"me\",\"balance\":2500000,\"escrowed\":1,\"is_admin\":true,\"api_key\":\"k\"}"

    static func client(_ url: String, key: String? = "secret-key") -> ClientSettings {
        ClientSettings(gatewayURL: url, apiKey: key)
    }
}
