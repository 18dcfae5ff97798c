import Crypto
import Foundation
import Testing

@testable import ParityProtocol

@Suite struct CanonicalTests {
    private func parse(_ text: String) throws -> JSONValue { try JSONValue.parse(Array(text.utf8)) }

    @Test func `Members are sorted by UTF-16 and strings escape only what they must`() throws {
        // RFC 8785, section 3.2.3: the order of these names.
        let value = try parse(#"{"\u20ac":1,"\r":2,"\ufb33":3,"1":4,"\ud83d\ude00":5,"\u0080":6,"\u00f6":7}"#)
        #expect(
            value.canonicalString
                == "{\"\\r\":2,\"1\":4,\"\u{80}\":6,\"\u{f6}\":7,\"\u{20ac}\":1,\"\u{1F600}\":5,\"\u{fb33}\":3}")
        #expect(try parse(#""\u0000\u001f\/\"""#).canonicalString == #""\u0000\u001f/\"""#)
    }

    @Test(
        arguments: [
            "", "{", "[1,]", "{\"a\":1,\"a\":2}", "1.0", "1e2", "01", "9007199254740992", "\"\\ud800\"", "nul", "[1] 2",
            "\"\u{1}\"", String(repeating: "[", count: 100),
        ])
    func `What is not strict JSON of integers is refused`(text: String) {
        #expect(throws: JSONError.self) { try parse(text) }
    }

    @Test func `A spec's digest covers its defaults`() throws {
        let image = "sha256:" + String(repeating: "a", count: 64)
        let short = try TaskSpec(
            parsing: parse(#"{"schema":"parity.task/v1","environment":{"image_id":"\#(image)"},"reward":5}"#))
        let full = try TaskSpec(parsing: short.json)
        #expect(short == full && short.digest == full.digest)
        #expect(short.json["limits"]?["memory_bytes"] == 268_435_456)
    }

    @Test func `Every fault of a spec is named with its pointer`() throws {
        let text = #"""
            {"schema":"parity.task/v2","environment":{"image":"a:b","image_id":"x"},"command":"sh","env":{"1A":"b"},
             "workdir":"/proc/self/fd/7","inputs":[{"path":"../x","text":""},{"path":"a","text":"","blob":""}],
             "limits":{"pids":0,"cpus":1},"verification":{"replicas":4,"quorum":2},"reward":-1,"wat/~":1}
            """#
        do {
            _ = try TaskSpec(parsing: parse(text))
            Issue.record("the spec was accepted")
        } catch let error as SpecFaults {
            #expect(
                Set(error.faults.map(\.pointer)) == [
                    "/schema", "/environment", "/command", "/env/1A", "/workdir", "/inputs/0/path", "/inputs/1",
                    "/limits/pids", "/limits/cpus", "/verification/quorum", "/reward", "/wat~1~0",
                ])
        }
    }

    @Test func `A signed statement verifies, and any changed byte breaks it`() throws {
        let key = Curve25519.Signing.PrivateKey()
        let digest = ParityProtocol.Digest.sha256(of: Array("x".utf8))
        let statement = ResultStatement(
            task: TaskID(UUID.v7()), specDigest: digest, replica: 1, attempt: 2, attemptToken: "t",
            runnerKey: RunnerKey(key.publicKey), imageDigest: nil, outcome: .completed, outputDigest: digest,
            exitCode: 0, startedMilliseconds: 1, finishedMilliseconds: 2)
        let envelope = try SignedEnvelope.sign(statement.payload(), with: key)
        let payload = try #require(envelope.payload(verifiedBy: RunnerKey(key.publicKey)))
        #expect(ResultStatement(payload: payload) == statement)
        #expect(envelope.payload(verifiedBy: RunnerKey(Curve25519.Signing.PrivateKey().publicKey)) == nil)
        var data = try JSONEncoder().encode(envelope)
        let index = try #require(data.firstIndex(of: UInt8(ascii: "Z")))
        data[index] = UInt8(ascii: "Y")
        let changed = try? JSONDecoder().decode(SignedEnvelope.self, from: data)
        #expect(changed?.payload(verifiedBy: RunnerKey(key.publicKey)) == nil)

        // An exit code goes with a completed run, and is one that a process can have.
        for (outcome, exitCode) in [
            (Outcome.completed, Int64?.none), (.completed, 256), (.completed, -1), (.limitExceeded, 0),
        ] {
            var wrong = statement
            wrong.outcome = outcome
            wrong.exitCode = exitCode
            #expect(ResultStatement(payload: wrong.payload()) == nil)
        }
    }

    @Test func `A manifest is the same for any order of its files, and reads back only when canonical`() throws {
        let content = OutputManifest.Content(digest: .sha256(of: Array("a".utf8)), size: 1)
        let entries = [
            OutputManifest.Entry(path: .init("b"), kind: .file(content, isExecutable: true)),
            OutputManifest.Entry(path: .init("a"), kind: .directory),
            OutputManifest.Entry(path: .init(bytes: [0xFF]), kind: .symlink(target: .init("b"))),
        ]
        let manifest = OutputManifest(exitCode: 0, stdout: content, files: entries)
        #expect(manifest.digest == OutputManifest(exitCode: 0, stdout: content, files: entries.reversed()).digest)
        #expect(OutputManifest(canonical: manifest.canonicalBytes) == manifest)
        #expect(OutputManifest(canonical: manifest.canonicalBytes + [10]) == nil)
        #expect(String(decoding: manifest.canonicalBytes, as: UTF8.self).contains(#""path_base64":"/w==""#))
    }

    @Test func `A tar reads back however it is cut`() throws {
        let long = Array(String(repeating: "d/", count: 80).utf8) + Array("file".utf8)
        var archive: [UInt8] = []
        let content = [UInt8](repeating: 7, count: 1000)
        archive += TarEntry(path: long, kind: .file, mode: 0o755, size: 1000).headerBytes() + content
        archive += TarEntry.padding(after: 1000)
        archive +=
            TarEntry(path: Array("l".utf8), kind: .symlink, link: Array("t".utf8)).headerBytes() + TarEntry.trailer
        for size in [1, 7, 512, 4096] {
            var parser = TarParser()
            var entries: [TarEntry] = []
            var bytes: [UInt8] = []
            for start in stride(from: 0, to: archive.count, by: size) {
                for event in try parser.feed(Array(archive[start..<min(start + size, archive.count)])) {
                    switch event {
                    case .entry(let entry): entries.append(entry)
                    case .content(let part): bytes += part
                    case .endOfEntry: break
                    }
                }
            }
            #expect(entries.map(\.path) == [long, Array("l".utf8)] && bytes == content && parser.isAtEnd)
        }
    }
}
