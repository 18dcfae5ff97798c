import Testing

@testable import Sandbox

@Suite struct PlacementTests {
    @Test
    func `Runs side by side are kept to different CPUs while there are enough`() {
        #expect(Placement.pick(1, of: [0, 1, 2, 3], taken: [], reserved: []) == [0])
        #expect(Placement.pick(1, of: [0, 1, 2, 3], taken: ["0"], reserved: []) == [1])
        #expect(Placement.pick(2, of: [0, 1, 2, 3], taken: ["0,2"], reserved: []) == [1, 3])
        #expect(Placement.pick(1, of: [0, 1], taken: ["0"], reserved: [1, 1]) == [0])
    }

    @Test
    func `CPUs are named by the machine's numbers, which may begin anywhere`() {
        #expect(Placement.pick(2, of: [7, 9, 64], taken: ["9"], reserved: []) == [7, 64])
        #expect(Placement.pick(4, of: [7, 9], taken: [], reserved: []) == [7, 9])
    }

    @Test
    func `A label that is no list of numbers counts for nothing`() {
        #expect(Placement.pick(1, of: [0], taken: ["", "all", "-", "0-3"], reserved: []) == [0])
    }

    @Test(arguments: ["root", "0", "00", "root:root", "0:1000"])
    func `An image that says root demands it`(user: String) throws {
        #expect(try ImageDemands(user: user, volumes: []).isRoot)
    }

    @Test(arguments: ["", ":0", "nobody", "1000:0", "rooted", "app"])
    func `An image that says nothing, or another name, demands nothing`(user: String) throws {
        #expect(try !ImageDemands(user: user, volumes: []).isRoot)
    }

    @Test
    func `Volumes of an image may be anywhere but where something else is`() throws {
        #expect(try ImageDemands(user: "", volumes: ["/var/lib/db", "/data"]).volumes == ["/data", "/var/lib/db"])
        for path in [
            "", "/", "data", "/output", "/output/x", "/input/x", "/tmp", "/proc/1", "/sys", "/dev/shm", "/a/../output",
            "/a//b", "/./tmp", "/a/",
        ] {
            #expect(throws: EnvironmentRejected.self, "\(path)") { try ImageDemands(user: "", volumes: [path]) }
        }
        let many = (0...ImageDemands.maximumVolumes).map { "/v\($0)" }
        #expect(throws: EnvironmentRejected.self) { try ImageDemands(user: "", volumes: many) }
        #expect(try ImageDemands(user: "", volumes: Array(many.dropLast())).volumes.count == many.count - 1)
    }
}
