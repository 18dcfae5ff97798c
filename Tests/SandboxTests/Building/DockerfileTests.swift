import ParityProtocol
import Testing

@testable import Sandbox

@Suite struct DockerfileTests {
    private static let cases: [(text: String, arguments: [String: String], references: [String], final: String?)] = [
        ("FROM debian:12\nRUN true", [:], ["debian:12"], "debian:12"),
        ("from debian as base\nFROM base\n", [:], ["debian"], "debian"),
        ("FROM scratch\nCOPY a /a", [:], [], nil),
        ("ARG BASE=debian:12\nFROM ${BASE}", [:], ["debian:12"], "debian:12"),
        ("ARG BASE=debian:12\nFROM $BASE", ["BASE": "other"], ["other"], "other"),
        ("FROM debian\nARG BASE=x\nFROM a:$BASE", ["BASE": "y"], ["debian", "a:"], "a:"),
        ("ARG V\nFROM debian:${V:-12}", [:], ["debian:12"], "debian:12"),
        ("ARG V\nFROM debian:${V:-12}", ["V": "13"], ["debian:13"], "debian:13"),
        ("ARG V=1\nFROM debian${V:+:slim}", [:], ["debian:slim"], "debian:slim"),
        ("ARG A=1\nARG B=\"deb$A\"\nFROM $B", [:], ["deb1"], "deb1"),
        (
            "FROM --platform=linux/amd64 debian AS build\nFROM busybox\nCOPY --from=build /a /a", [:],
            ["debian", "busybox"], "busybox"
        ),
        ("FROM debian\nCOPY --from=0 /a /a\nCOPY --from=nginx:1 /b /b", [:], ["debian", "nginx:1"], "debian"),
        ("# escape: not set\n# escaped = no\nFROM debian\n", [:], ["debian"], "debian"),
        ("\u{FEFF}FROM debian\n", [:], ["debian"], "debian"),
        // A combining mark makes another character of what is before it, but no other byte.
        ("#\u{301} \\\nFROM debian\nCOPY --from=\u{301}a \u{301}b /\n", [:], ["debian", "\u{301}a"], "debian"),
        ("FROM debian\nRUN echo \\\u{301}\nCOPY --from=other / /\n", [:], ["debian", "other"], "debian"),
        ("FROM debian \u{301}x\n", [:], ["debian"], "debian"),
        ("# comment\n\n   # another\nFROM \\\n# inside\n  debian \\\n AS x\n", [:], ["debian"], "debian"),
        ("FROM deb\\\nian\nCOPY --from=abc\\\n /etc /x\n", [:], ["debian", "abc"], "debian"),
        ("FROM a\nRUN echo $((1<<2)) <<<x\n", [:], ["a"], "a"),
        ("FROM debian AS Build\nFROM build AS two\nFROM TWO", [:], ["debian"], "debian"),
        ("FROM debian@sha256:abc\nFROM debian@sha256:abc", [:], ["debian@sha256:abc"], "debian@sha256:abc"),
        ("FROM a\r\nRUN x\r\nFROM b\r\n", [:], ["a", "b"], "b"),
        ("", [:], [], nil),
        ("FROM", [:], [], nil),
    ]

    @Test(arguments: cases.indices)
    func `Every image that a Dockerfile builds on is known`(index: Int) throws {
        let (text, arguments, references, final) = Self.cases[index]
        let file = try Dockerfile(text, arguments: arguments)
        #expect(file.references == references, "\(text)")
        #expect(file.finalBase == final, "\(text)")
    }

    @Test(arguments: [
        "# escape=`\nFROM `\n  debian\n", "#syntax=x\n#\tEscape = `\nFROM a\n", "FROM a\u{B}b\n", "FROM a\u{0}\n",
        "FROM a\nRUN echo \\\u{A0}\nCOPY --from=b / /\n", "FROM a\u{2028}COPY --from=b / /\n",
        "FROM a\rCOPY --from=b / /\n", "FROM a\nRUN x \\\\\nRUN y\n", "ARG A\nFROM ${A:-${B}}\n",
        "FROM a\nCOPY --fr\"om\"=b / /\n", "FROM a\nCOPY --f\\rom=b / /\n", "FROM a\nONBUILD COPY --from=b / /\n",
        "FROM a\nRUN x \\\n  # inside\nCOPY --from=b / /\n", "FROM a\nRUN cat <<E\nCOPY --from=b / /\nE\n",
        "FROM a\nCOPY 3<<-\"E\" /x\n", "ARG A\nFROM ${A#x}\n", "ARG A\nFROM ${A:?no}\n", "FROM ${A\n", "FROM ${}\n",
    ])
    func `What engines read in different ways is refused`(text: String) {
        #expect(throws: BuildFailure.self) { try Dockerfile(text, arguments: [:]) }
    }

    @Test func `Names are compared as an engine lists them`() {
        #expect(ImageSource.listed("debian") == "debian:latest")
        #expect(ImageSource.listed("docker.io/library/debian:12") == "debian:12")
        #expect(ImageSource.listed("127.0.0.1:5000/a/b") == "127.0.0.1:5000/a/b:latest")
        #expect(ImageSource.listed("abcdef012345") == "abcdef012345:latest")
    }
}
