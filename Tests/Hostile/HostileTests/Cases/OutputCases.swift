import ParityProtocol
import Testing

@testable import Sandbox

extension HostileCase {
    /// Leaving things in `/output` that could fool whoever collects them.
    static let output: [HostileCase] = [
        HostileCase(
            "lead the collector out by symbolic links",
            """
            cd /output; ln -s /etc/passwd absolute; ln -s ../../../../etc/passwd up; ln -s loop loop; ln -s nowhere dangling
            ln -s / root; ln -s /proc/self/fd/0 fd; mkdir d; ln -s .. d/parent
            """
        ) { run in
            let targets = run.files.compactMap { entry -> String? in
                if case .symlink(let target) = entry.kind { target.text } else { nil }
            }
            #expect(
                targets == [
                    "/etc/passwd", "..", "nowhere", "/proc/self/fd/0", "loop", "/", "../../../../etc/passwd",
                ])
            #expect(run.files.count == 8 && run.texts.isEmpty)
        },
        HostileCase(
            "write through a link that it left",
            "ln -s /etc/passwd /output/p; { echo x > /output/p; } 2>/dev/null && echo reached"
        ) { run in #expect(run.kind("p") == .symlink(target: .init("/etc/passwd"))) },
        HostileCase(
            "link to files that are not its own",
            "ln /etc/passwd /output/x 2>/dev/null && echo reached; ln /suid/probe /output/y 2>/dev/null && echo reached; ls /output"
        ) { run in #expect(run.files.isEmpty) },
        HostileCase(
            "link one file many times",
            "cd /output; head -c 500000 /dev/zero > a; for i in $(seq 40); do ln a b$i; done"
        ) { run in
            #expect(run.files.count == 41 && Set(run.files.map(\.kind)).count == 1, "counted once, named each time")
        },
        HostileCase("link to a link", "cd /output; /probe hardlink-of-symlink") { run in
            #expect(run.kind("hard") == .symlink(target: .init("/etc/passwd")))
            #expect(run.kind("soft") == run.kind("hard"))
        },
        HostileCase("leave a pipe", "mkfifo /output/p", outcome: .limitExceeded),
        HostileCase(
            "leave a device that anybody can make", "mknod /output/w c 0 0 || mkfifo /output/w", outcome: .limitExceeded
        ),
        HostileCase("leave a socket", "/probe socket-file /output/s; echo x > /output/t") { run in
            #expect(run.files.compactMap(\.path.text) == ["t"], "a socket is no file: it is left out")
        },
        HostileCase("leave names that are no text, or mean something elsewhere", "cd /output; /probe names") { run in
            let names = run.files.map(\.path.bytes)
            let expected: [[UInt8]] =
                [
                    "new\nline", " ", "-rf", "...", "tab\t", "quote\"\\", "\u{1}\u{7F}", ".wh.gone", ".wh..wh..opq",
                    "café", "@LongLink", "pax_global_header", "a=b", String(repeating: "n", count: 255),
                ].map { Array($0.utf8) } + [[0xFF, 0xFE]]
            #expect(Set(names) == Set(expected) && names.count == expected.count)
            #expect(run.files.first { $0.path.bytes == [0xFF, 0xFE] }?.path.text == nil)
        },
        HostileCase(
            "leave a sparse file larger than its limit", "truncate -s 1200K /output/x", outcome: .limitExceeded),
        HostileCase(
            "leave many sparse files", "cd /output; for i in $(seq 20); do truncate -s 900K $i; done",
            outcome: .limitExceeded),
        HostileCase("leave a sparse file within its limit", "truncate -s 900K /output/x") { run in
            #expect(run.result.manifest?.contents.contains { $0.size == 900 << 10 } == true)
        },
        HostileCase("nest folders deeper than a path can say", "cd /output; /probe depth 40", outcome: .limitExceeded),
        HostileCase("nest folders as deep as may be", "cd /output; /probe depth 10") { run in
            #expect(run.files.count == 11 && run.files.map(\.path.bytes.count).max() == 10 * 201 + 6)
        },
        HostileCase("leave a million files", "cd /output; /probe inodes 1000000 >&2", outcome: .limitExceeded) { run in
            #expect(run.result.outputDigest == OutputManifest.limitDigest("output"))
        },
        HostileCase("leave one file too many", "cd /output; /probe inodes 51", outcome: .limitExceeded),
        HostileCase("leave as many files as it may", "cd /output; /probe inodes 50") { run in
            #expect(run.files.count == 50)
        },
        HostileCase(
            "fill /output", "dd if=/dev/zero of=/output/x bs=64k; echo $?; ls -l /output >&2", outcome: .limitExceeded
        ) { run in #expect(run.result.outputDigest == OutputManifest.limitDigest("output")) },
        HostileCase(
            "fill /output with as much as it may, in as many files as it may",
            "cd /output; for i in $(seq 49); do head -c 1 /dev/zero > $i || exit 9; done; head -c 1048527 /dev/zero > x || exit 9"
        ) { run in
            #expect(run.result.exitCode == 0 && run.files.count == 50)
            #expect(run.result.manifest?.contents.reduce(0) { $0 + $1.size } == 1 << 20)
        },
        HostileCase(
            "see nothing of a full disk but the error, and tidy up",
            "dd if=/dev/zero of=/output/x bs=64k 2>/dev/null || rm /output/x; echo small > /output/y"
        ) { run in #expect(run.files.compactMap(\.path.text) == ["y"]) },
        HostileCase(
            "hide files from the collector by their modes",
            "cd /output; mkdir d; echo secret > d/f; echo x > g; chmod 000 d/f g; chmod 000 d; chmod 000 /output"
        ) { run in #expect(run.texts == ["d/f": "secret\n", "g": "x\n"]) },
        HostileCase(
            "pass on setuid, setgid and sticky bits",
            "cd /output; echo x > a; chmod 6755 a; echo x > b; chmod 4600 b; mkdir c; chmod 7777 c; echo x > d; chmod 010 d"
        ) { run in
            let content = OutputManifest.Content(digest: Digest.sha256(of: Array("x\n".utf8)), size: 2)
            #expect(run.kind("a") == .file(content, isExecutable: true))
            #expect(run.kind("b") == .file(content, isExecutable: false))
            #expect(run.kind("c") == .directory)
            #expect(run.kind("d") == .file(content, isExecutable: true))
        },
        HostileCase(
            "put something else in the place of /output",
            """
            rmdir /output && echo reached; mv /output /tmp/o && echo reached; ln -s /etc /output/../output2 && echo reached
            cd /output && rmdir . && echo reached; echo x > /output/x
            """
        ) { run in #expect(run.texts == ["x": "x\n"]) },
        HostileCase(
            "change the output while it is collected",
            """
            /probe daemonize /output/growing
            (cd /output; while :; do mkdir d; rmdir d; ln -s /etc d; rm d; done) 2>/dev/null &
            sleep 0.3; echo done
            """
        ) { run in
            #expect(run.lines == ["done"])
            #expect(Set(run.files.compactMap(\.path.text)).isSubset(of: ["d", "growing"]))
            #expect(run.texts["growing"]?.allSatisfy { $0 == "x" } == true)
        },
    ]
}
