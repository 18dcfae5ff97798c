import Foundation
import ParityProtocol
import TestSupport
import Testing

@testable import Sandbox

/// What containers of ill will try, against a real engine: each is contained, ends with the outcome that the design says,
/// and leaves the runner as it was. The attempts stand in `Cases`.
@Suite(.hostileStage) struct HostileTests {
    @Test(
        .timeLimit(.minutes(25)),
        arguments: HostileCase.network + HostileCase.places + HostileCase.leaks + HostileCase.resources
            + HostileCase.output + HostileCase.images)
    func `A container that tries to`(_ attempt: HostileCase) async throws {
        let run = try await HostileStage.stage().run(attempt)
        #expect([attempt.outcome, attempt.otherwise].contains(run.result.outcome), "\(run.result.detail)")
        let reached = run.lines.filter { $0.hasPrefix("reached") }
        #expect(reached.isEmpty, "\(attempt.attempt)")
        #expect(run.result.outcome.votes == (run.result.outputDigest != nil))
        try attempt.check(run)
    }

    // MARK: - Calls of the kernel

    @Test(.timeLimit(.minutes(25)), arguments: ProbeCalls.all)
    func `The kernel refuses a container's call of`(_ call: String) async throws {
        let answers = try await ProbeCalls.contained.value
        let answer = try #require(answers[call], "the probe knows the call")
        #expect(ProbeCalls.refusals(of: call).contains(answer))
    }

    @Test(.timeLimit(.minutes(25)))
    func `All those calls are listed, and reach the kernel where nothing holds them back`() async throws {
        let answers = try await ProbeCalls.free(on: HostileStage.stage())
        #expect(Set(answers.keys) == Set(ProbeCalls.all))
        let refused = answers.filter { ProbeCalls.refusals(of: $0.key).contains($0.value) }.map(\.key)
        #expect(Set(refused).isSubset(of: ProbeCalls.refusedAnywhere), "the tests above would pass without a sandbox")
    }

    // MARK: - Images that cannot run

    @Test(.timeLimit(.minutes(25)), arguments: [HostileImage.root, .volumeInOutput])
    func `An image that asks for what no run has is rejected`(_ image: HostileImage) async throws {
        let stage = try HostileStage.stage()
        await #expect(throws: EnvironmentRejected.self) {
            try await stage.run(HostileCase("start", "true", image: image))
        }
    }

    @Test(
        .timeLimit(.minutes(25)),
        arguments: [["/none/there"], ["/garbage"], ["/etc"], ["/etc/passwd"], ["../../bin/none"]])
    func `A command that cannot be started ends as it does in a shell, the same everywhere`(
        _ command: [String]
    ) async throws {
        let run = try await HostileStage.stage().run(HostileCase("start", ""), command: command)
        #expect(run.result.outcome == .completed && (126...127).contains(run.result.exitCode ?? 0))
        #expect(run.files.isEmpty && !run.result.detail.isEmpty)
    }

    @Test(.timeLimit(.minutes(25)))
    func `An image whose folders are links to the kernel's is rejected, or runs within its own`() async throws {
        let stage = try HostileStage.stage()
        let attempt = HostileCase(
            "write to the kernel by our mounts", "echo x > /output/x; ls /proc/1/x /sys/kernel/data", image: .links)
        do {
            let run = try await stage.run(attempt)
            #expect(run.result.outcome == .rejected || run.texts == ["x": "x\n"])
        } catch is EnvironmentRejected {
        } catch let error as DockerError {
            // The agent calls this a rejection as well, see SandboxExecutor.
            #expect(error.code != .unreachable)
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `A task that needs more than the machine has is rejected`() async throws {
        let stage = try HostileStage.stage()
        for limits in [
            HostileCase.limits { $0.cpuMilli = 64_000_000 }, HostileCase.limits { $0.memoryBytes = 1 << 50 },
            HostileCase.limits { $0.outputBytes = 1 << 50 },
        ] {
            await #expect(throws: EnvironmentRejected.self) {
                try await stage.run(HostileCase("start", "true", limits: limits))
            }
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `A runtime that the engine does not have is an error before anything is started`() async throws {
        let stage = try HostileStage.stage()
        let attempt = HostileCase("start", "echo ran", settings: SandboxSettings(runtime: "none-such"))
        await #expect(throws: DockerError.self) { try await stage.run(attempt) }
        let named = HostileCase("start", "echo ran", settings: SandboxSettings(runtime: "runc"))
        #expect(try await stage.run(named).lines == ["ran"])
    }

    // MARK: - One run and another

    @Test(.timeLimit(.minutes(25)))
    func `A run finds nothing of the one before`() async throws {
        let stage = try HostileStage.stage()
        let first = try await stage.run(
            HostileCase(
                "leave traces",
                "for d in /tmp /output /dev/shm; do echo trace > $d/trace; done; /probe shared 1 >&2; (sleep 300 &); echo left"
            ))
        #expect(first.lines == ["left"] && first.texts.count == 1)
        let second = try await stage.run(
            HostileCase(
                "find traces",
                """
                find /tmp /output /dev/shm -mindepth 1 | sed 's/^/reached /'; /probe shared-left; ls -d /proc/[0-9]* | wc -l
                ls -la /tmp | grep trace; cat /proc/sysvipc/shm | wc -l
                """))
        #expect(second.lines.first == "none" && second.lines.last == "1" && second.files.isEmpty)
        #expect(!second.stdout.contains("reached") && !second.stdout.contains("trace"))
    }

    @Test(.timeLimit(.minutes(25)))
    func `Two runs at once see nothing of each other`() async throws {
        let stage = try HostileStage.stage()
        let attempt = HostileCase(
            "find the other",
            """
            echo $$ > /dev/shm/mark; echo mark > /tmp/mark; echo mark > /output/mark; sleep 2
            ls /dev/shm /tmp /output | grep -c mark; grep -l docker-init /proc/[0-9]*/comm | wc -l
            """)
        async let one = stage.run(attempt)
        async let other = stage.run(attempt)
        let both = [try await one, try await other]
        #expect(both[0].lines == both[1].lines && both[0].lines == ["3", "1"])
        #expect(both[0].result.outputDigest == both[1].result.outputDigest)
    }

    @Test(.timeLimit(.minutes(25)))
    func `Times, owners, attributes and the order of making are no part of what is voted on`() async throws {
        let stage = try HostileStage.stage()
        let one = try await stage.run(
            HostileCase("make files", "cd /output; echo a > a; echo b > b; mkdir c; ln -s a l; touch -d 2001-01-01 a c")
        )
        let other = try await stage.run(
            HostileCase(
                "make the same files in another way",
                "umask 077; cd /output; mkdir x; ln -s a l; echo b > b; echo a > x/a; mv x/a a; rmdir x; mkdir c; chmod 640 b"
            ))
        #expect(one.result.outputDigest == other.result.outputDigest)
    }
}
