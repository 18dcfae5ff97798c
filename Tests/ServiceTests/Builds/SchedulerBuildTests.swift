import Crypto
import Foundation
import Messaging
import ParityProtocol
import PostgresClient
import Scheduler
import Store
import TestSupport
import Testing
import Verifier

/// How tasks wait for builds and builders hold them, on rows alone.
@Suite(.serialized) struct SchedulerBuildTests {
    @Test(.timeLimit(.minutes(25)))
    func `Equal recipes that wait at once are one build, others are their own`() async throws {
        try await BuildStage.set { stage in
            let first = try await stage.task()
            let second = try await stage.task()
            var other = BuildStage.recipe
            other.arguments = ["A": "1"]
            _ = try await stage.task(other)
            #expect(try await stage.builds().count == 2)
            #expect(try await stage.messages(BuildOffer.self).map(\.recipe.arguments) == [[:], ["A": "1"]])
            #expect(try await stage.state(first) == .building)
            #expect(try await stage.state(second) == .building)
            try await stage.scheduler.place(first, total: nil)
            #expect(try await stage.messages(BuildOffer.self).count == 2, "a second delivery changes nothing")
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `A finished build queues every task that waited, with its image and its log`() async throws {
        try await BuildStage.set { stage in
            let tasks = [try await stage.task(), try await stage.task()]
            let builder = try await stage.builder()
            try await stage.claim(builder)
            let grant = try await stage.grant()
            try await stage.log("one\n", piece: 0, grant, builder)
            try await stage.log("one\n", piece: 0, grant, builder)
            let late = try await stage.task()
            try await stage.log("two\n", piece: 1, grant, builder)
            try await stage.finish(grant, builder)
            for task in tasks + [late] {
                #expect(try await stage.state(task) == .queued)
                let events = try await stage.events(task)
                #expect(
                    events.filter { $0.type == .buildLog }.map { $0.data["text"]?.string } == ["one\n", "two\n"])
                #expect(events.count { $0.type == .buildStarted } == 1)
                let finished = events.first { $0.type == .buildFinished }
                #expect(finished?.data["image_digest"]?.string == "\(BuildStage.image.archive)")
                let replicas = try await stage.pool.withConnection { try await Replicas.all(of: task, in: $0) }
                #expect(replicas.count == 3)
                let object = try await stage.pool.withConnection { try await Views.task(task, of: nil, in: $0) }
                #expect(object?.build?.imageDigest == BuildStage.image.archive)
                #expect(object?.build?.imageID == BuildStage.image.id)
                #expect(object?.build?.contextDigest == BuildStage.recipe.context)
                #expect(object?.build?.bases == BuildStage.bases)
            }
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `What was built on the same bases is not built again`() async throws {
        try await BuildStage.set { stage in
            _ = try await stage.task()
            let builder = try await stage.builder()
            try await stage.claim(builder)
            try await stage.finish(try await stage.grant(), builder)
            let made = try await stage.build()
            let again = try await stage.task()
            #expect(try await stage.builds().count == 2)
            try await stage.claim(builder)
            #expect(try await stage.build().reused == made.id)
            #expect(try await stage.state(again) == .queued)
            #expect(try await stage.messages(BuildRefusal.self).last?.reason == .done)
            // The base has changed: that is another build.
            let moved = [BuildBase(reference: "debian", image: Digest.sha256(of: [1]))]
            let third = try await stage.task()
            try await stage.claim(builder, bases: moved)
            #expect(try await stage.build().state == .granted)
            #expect(try await stage.state(third) == .building)
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `An image that is not stored any more is built again`() async throws {
        try await BuildStage.set { stage in
            _ = try await stage.task()
            let builder = try await stage.builder()
            try await stage.claim(builder)
            try await stage.finish(try await stage.grant(), builder)
            try await stage.pool.query("DELETE FROM blobs")
            _ = try await stage.task()
            try await stage.claim(builder)
            #expect(try await stage.build().state == .granted)
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `A failing build fails its tasks, with the reason in their events, once`() async throws {
        try await BuildStage.set { stage in
            let tasks = [try await stage.task(), try await stage.task()]
            let builder = try await stage.builder()
            try await stage.claim(builder)
            let grant = try await stage.grant()
            try await stage.finish(grant, builder, .failed)
            await stage.tick.tick(reminding: true)
            for task in tasks {
                try await stage.verifier.evaluate(task, message: MessageID(UUID.v7()))
                #expect(try await stage.state(task) == .failed)
                let object = try await stage.pool.withConnection { try await Views.task(task, of: nil, in: $0) }
                #expect(object?.verdict?.reason == "build_failed")
                #expect(object?.build?.detail == "it does not build")
                #expect(try await stage.events(task).count { $0.type == .buildFailed } == 1)
            }
            #expect(try await stage.messages(PayoutDue.self).count == 2, "both are refunded")
            // What failed once may build tomorrow.
            _ = try await stage.task()
            #expect(try await stage.build().state == .offered)
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `Of two builders one gets the build, and who has it is told so again`() async throws {
        try await BuildStage.set { stage in
            _ = try await stage.task()
            let first = try await stage.builder("first")
            let second = try await stage.builder("second")
            let runner = try await stage.builder("runner", isBuilder: false)
            try await stage.claim(runner)
            #expect(try await stage.messages(BuildRefusal.self).last?.reason == .forbidden)
            try await stage.claim(first)
            try await stage.claim(second)
            #expect(try await stage.messages(BuildRefusal.self).last?.reason == .taken)
            try await stage.claim(first)
            let grants = try await stage.messages(BuildGrant.self)
            #expect(grants.count == 2 && grants[0] == grants[1], "who holds it is answered as before")
            try await stage.finish(try await stage.grant(), first)
            try await stage.claim(second)
            #expect(try await stage.messages(BuildRefusal.self).last?.reason == .done)
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `A lost builder's build goes to another, a bounded number of times`() async throws {
        try await BuildStage.set { stage in
            let task = try await stage.task()
            let builder = try await stage.builder()
            for attempt in 1...3 {
                try await stage.claim(builder)
                #expect(try await stage.build().attempt == attempt)
                try await stage.pool.query("UPDATE builds SET lease_expires_at = now()")
                await stage.tick.tick(reminding: false)
            }
            #expect(try await stage.build().state == .failed)
            #expect(try await stage.build().detail?.contains("3 builders") == true)
            try await stage.verifier.evaluate(task, message: MessageID(UUID.v7()))
            #expect(try await stage.state(task) == .failed)
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `Progress keeps the lease, and who does not hold the build is told to stop`() async throws {
        try await BuildStage.set { stage in
            _ = try await stage.task()
            let builder = try await stage.builder()
            try await stage.claim(builder)
            let grant = try await stage.grant()
            try await stage.pool.query("UPDATE builds SET lease_expires_at = now() + interval '20 seconds'")
            try await stage.log("", piece: 0, grant, builder)
            let left = try await stage.pool.query(
                "SELECT lease_expires_at > now() + interval '30 s' AS kept FROM builds")
            #expect(try left.first?.decode("kept", as: Bool.self) == true)
            let forged = BuildGrant(id: grant.id, token: "guessed", leaseMilliseconds: 1)
            try await stage.log("forged\n", piece: 0, forged, builder)
            #expect(try await stage.messages(BuildRefusal.self).map(\.reason) == [.stale])
            try await stage.pool.query("UPDATE builds SET lease_expires_at = now()")
            try await stage.log("late\n", piece: 0, grant, builder)
            #expect(try await stage.messages(BuildRefusal.self).map(\.reason) == [.stale, .stale])
            #expect(try await stage.build().logBytes == 0)
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `The result of a builder that was thought lost still counts, the first one only`() async throws {
        try await BuildStage.set { stage in
            let task = try await stage.task()
            let slow = try await stage.builder("slow")
            let quick = try await stage.builder("quick")
            try await stage.claim(slow)
            let early = try await stage.grant()
            try await stage.pool.query("UPDATE builds SET lease_expires_at = now()")
            await stage.tick.tick(reminding: false)
            try await stage.claim(quick)
            let late = try await stage.grant()
            try await stage.finish(early, slow)
            #expect(try await stage.state(task) == .queued)
            #expect(try await stage.messages(BuildRefusal.self).last?.id == late.id, "the other may stop")
            try await stage.finish(late, quick) { $0.image?.bytes = 7 }
            #expect(try await stage.build().image == BuildStage.image)
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `A builder's own trouble offers the build again, also when it leaves`() async throws {
        try await BuildStage.set { stage in
            _ = try await stage.task()
            let builder = try await stage.builder()
            try await stage.claim(builder)
            try await stage.finish(try await stage.grant(), builder, .builderError)
            #expect(try await stage.build().state == .offered)
            try await stage.claim(builder)
            try await stage.scheduler.take(
                Heartbeat(runner: builder.id, sequence: 1, slots: 1, held: [], leaving: true))
            #expect(try await stage.build().state == .offered)
            #expect(try await stage.build().attempt == 3)
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `A build that no task wants any more is stopped, and one that another wants goes on`() async throws {
        try await BuildStage.set { stage in
            let first = try await stage.task()
            let second = try await stage.task()
            let builder = try await stage.builder()
            try await stage.claim(builder)
            let grant = try await stage.grant()
            func cancel(_ task: TaskID) async throws {
                _ = try await stage.pool.transaction { try await Tasks.decide(task, state: .cancelled, in: $0) }
                await stage.tick.tick(reminding: false)
            }
            try await cancel(first)
            #expect(try await stage.build().state == .granted)
            try await cancel(second)
            #expect(try await stage.build().state == .cancelled)
            #expect(try await stage.messages(BuildRefusal.self).last?.reason == .cancelled)
            try await stage.finish(grant, builder)
            #expect(try await stage.build().state == .cancelled, "its result changes nothing")
            let third = try await stage.task()
            #expect(try await stage.build().state == .offered, "who comes later has a build of its own")
            #expect(try await stage.state(third) == .building)
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `A task past its deadline fails although it still builds`() async throws {
        try await BuildStage.set { stage in
            let task = try await stage.task()
            try await stage.verifier.evaluate(task, message: MessageID(UUID.v7()))
            #expect(try await stage.state(task) == .building)
            try await stage.pool.query("UPDATE tasks SET deadline_at = now()")
            await stage.tick.tick(reminding: true)
            #expect(try await stage.messages(TaskEvaluate.self).count == 1)
            try await stage.verifier.evaluate(task, message: MessageID(UUID.v7()))
            #expect(try await stage.state(task) == .failed)
            await stage.tick.tick(reminding: false)
            #expect(try await stage.build().state == .cancelled)
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `A lost message costs time alone`() async throws {
        try await BuildStage.set { stage in
            let task = try await stage.task()
            let builder = try await stage.builder()
            // Nobody claims in time.
            try await stage.pool.query("UPDATE builds SET claim_by = now()")
            await stage.tick.tick(reminding: false)
            #expect(try await stage.messages(BuildOffer.self).map(\.id.attempt) == [1, 2])
            try await stage.claim(builder, attempt: 1)
            #expect(try await stage.messages(BuildRefusal.self).last?.reason == .stale)
            try await stage.claim(builder)
            // The scheduler died between the result and its tasks.
            let grant = try await stage.grant()
            try await stage.pool.query("UPDATE task_builds SET build_id = build_id")
            try await stage.pool.transaction { transaction in
                try await Builds.close(
                    grant.id.build, as: .built, image: BuildStage.image, detail: nil, in: transaction)
            }
            #expect(try await stage.state(task) == .building)
            await stage.tick.tick(reminding: false)
            #expect(try await stage.state(task) == .queued)
        }
    }

    @Test(
        .timeLimit(.minutes(25)),
        arguments: ["token", "key", "recipe", "context", "signature", "upload", "image", "attempt"])
    func `A result that is not what was granted is set aside`(fault: String) async throws {
        try await BuildStage.set { stage in
            let task = try await stage.task()
            let builder = try await stage.builder()
            try await stage.claim(builder)
            var grant = try await stage.grant()
            if fault == "attempt" {
                grant = BuildGrant(
                    id: BuildAttemptID(build: grant.id.build, attempt: 9), token: grant.token, leaseMilliseconds: 1)
            }
            let forger = BuildStage.Builder(id: builder.id, key: Curve25519.Signing.PrivateKey())
            await #expect(throws: MalformedMessage.self) {
                try await stage.finish(
                    grant, fault == "signature" ? forger : builder, isUploaded: fault != "upload"
                ) { statement in
                    switch fault {
                    case "token": statement.token = "guessed"
                    case "key": statement.builderKey = RunnerKey(forger.key.publicKey)
                    case "recipe": statement.recipe = Digest.sha256(of: [])
                    case "context": statement.context = Digest.sha256(of: [])
                    case "image": statement.image = nil
                    default: break
                    }
                }
            }
            #expect(try await stage.state(task) == .building)
        }
    }
}
