import ParityProtocol
import Testing

@testable import Sandbox

@Suite struct ContainerPolicyTests {
    private static let image = Digest.sha256(of: [1])

    static func job(
        _ limits: TaskLimits = .init(), env: [String: String] = [:], surroundings: Surroundings = .standard,
        labels: [String: String] = ["owner": "me"], determinism: DeterminismProfile = .standard
    ) throws -> SandboxJob {
        var spec = TaskSpec(
            environment: .imageID(image), command: ["run"], env: env, limits: limits,
            reward: try #require(Amount(units: 1)))
        spec.determinism = determinism
        return SandboxJob(
            name: "parity-x", image: "\(image)", spec: spec, inputs: [], labels: labels, scratch: "/nowhere",
            surroundings: surroundings)
    }

    private let place = Placement(cpus: [3], user: 65_534, viewFolder: "/volumes/view")

    @Test
    func `The body says all that section 8 asks for`() throws {
        let body = ContainerPolicy.container(for: try Self.job(), at: place)
        #expect(body["User"]?.string == "65534:65534")
        #expect(body["Hostname"]?.string == "parity")
        #expect(body["Healthcheck"] == ["Test": ["NONE"]])
        let host = try #require(body["HostConfig"])
        #expect(body["NetworkDisabled"] == true && host["NetworkMode"]?.string == "none")
        #expect(host["ReadonlyRootfs"] == true)
        #expect(host["CapDrop"]?.array == ["ALL"])
        #expect(host["Privileged"] == false)
        #expect(host["IpcMode"]?.string == "private")
        #expect(host["CgroupnsMode"]?.string == "private")
        #expect(host["PidsLimit"]?.integer == 129, "the task's and init")
        #expect(host["Memory"] == host["MemorySwap"])
        #expect(host["NanoCpus"]?.integer == 1_000_000_000)
        #expect(host["CpusetCpus"]?.string == "3")
        #expect(host["LogConfig"] == ["Type": "none"])
        #expect(host["Init"] == true)
        #expect(host["Devices"]?.array == [])
        #expect(host["Runtime"] == nil)
        let options = host["SecurityOpt"]?.array?.compactMap(\.string) ?? []
        #expect(options.contains("no-new-privileges"))
        #expect(options.contains { $0.hasPrefix("seccomp={") })
        let mounts = try #require(host["Mounts"]?.array)
        #expect(mounts.map { $0["Target"]?.string } == ["/input", "/output"])
        #expect(mounts.map { $0["ReadOnly"] } == [true, false])
        let binds = host["Binds"]?.array?.compactMap(\.string) ?? []
        #expect(binds.count == MachineView.mounts.count + MachineView.nameMounts.count)
        #expect(binds.allSatisfy { $0.hasSuffix(":ro,z") })
    }

    @Test(arguments: [nil, "runsc"])
    func `A sealed run has a clock that stands still, under every runtime`(runtime: String?) throws {
        var place = place
        place.runtime = runtime
        func clock(_ job: SandboxJob) -> Bool {
            let body = ContainerPolicy.container(for: job, at: place)
            let binds = body["HostConfig"]?["Binds"]?.array
            let isMounted = binds?.contains("/volumes/view/clock.so:/.parity/clock.so:ro,z")
            let isLoaded = body["Env"]?.array?.contains("LD_PRELOAD=/.parity/clock.so")
            #expect(isMounted == isLoaded)
            return isMounted == true
        }
        #expect(try !clock(Self.job()))
        let job = try Self.job(determinism: .sealed)
        #expect(clock(job) && job.clockSeconds == 0)
        for (text, seconds) in [("1700000000", 1_700_000_000 as Int64), ("now", 0)] {
            let dated = try Self.job(env: ["SOURCE_DATE_EPOCH": text], determinism: .sealed)
            #expect(dated.clockSeconds == seconds)
        }
    }

    @Test
    func `A label of the task's own cannot take the place of ours`() throws {
        let body = ContainerPolicy.container(
            for: try Self.job(labels: [ContainerPolicy.cpuLabel: "all", "owner": "me"]), at: place)
        #expect(body["Labels"]?[ContainerPolicy.cpuLabel]?.string == "3")
        #expect(body["Labels"]?["owner"]?.string == "me")
    }

    @Test
    func `What an image declares as volumes is mounted without the right to write`() throws {
        var place = place
        place.imageVolumes = ["/data"]
        let host = ContainerPolicy.container(for: try Self.job(), at: place)["HostConfig"]
        let mount = try #require(host?["Mounts"]?.array?.last)
        #expect(mount["Target"]?.string == "/data")
        #expect(mount["ReadOnly"] == true)
        #expect(mount["VolumeOptions"] == ["NoCopy": false])
    }

    @Test
    func `Surroundings vary what is seen, and the spec's own variables stand`() throws {
        var surroundings = Surroundings.standard
        surroundings.hostname = "elsewhere"
        surroundings.environment["TZ"] = "Asia/Tokyo"
        surroundings.environment["NOISE"] = "1"
        surroundings.cpuCount = 2
        surroundings.memoryBytes = 1 << 30
        let job = try Self.job(env: ["NOISE": "2"], surroundings: surroundings)
        let body = ContainerPolicy.container(for: job, at: place)
        #expect(body["Hostname"]?.string == "elsewhere")
        let env = try #require(body["Env"]?.array)
        #expect(env.contains("TZ=Asia/Tokyo") && env.contains("NOISE=2") && !env.contains("NOISE=1"))
        #expect(job.cpuCount == 2)
        #expect(job.storage.memoryBytes > 1 << 30)
    }

    @Test
    func `Parts of a CPU are seen as a whole one`() throws {
        for (milli, count) in [(100, 1), (1000, 1), (1001, 2), (4000, 4)] as [(Int64, Int)] {
            #expect(try Self.job(TaskLimits(cpuMilli: milli)).cpuCount == count)
        }
    }
}
