import Foundation
package import ParityProtocol
package import Sandbox

/// What turns a recipe into an image. The builder agent has one; tests have others.
package protocol ImageBuilder: Sendable {
    /// Prepares all but the build itself, and says what it builds on. Throws ``BuildFailure`` when that shows already
    /// that it cannot be built.
    func plan(_ recipe: BuildRecipe) async throws -> any PlannedBuild
}

/// A build that waits for its grant. `discard` is called once, at the end.
package protocol PlannedBuild: Sendable {
    var bases: [BuildBase] { get }
    /// Builds, and stores the image where runners fetch it. Throws ``BuildFailure`` when it cannot be built.
    func build(
        _ id: BuildAttemptID, log: @escaping @Sendable (String) throws -> Void
    ) async throws -> BuildStatement.Image
    func discard() async
}

/// Builds on this machine's engine.
package struct EngineBuilder: ImageBuilder {
    private let building: ImageBuilding
    private let gateway: GatewayLink

    package init(building: ImageBuilding, gateway: GatewayLink) {
        self.building = building
        self.gateway = gateway
    }

    package func plan(_ recipe: BuildRecipe) async throws -> any PlannedBuild {
        let gateway = gateway
        let plan = try await building.plan(recipe) { blob, path, limit in
            _ = try await gateway.download(blob, to: path, maximumBytes: limit)
        }
        return Planned(plan: plan, building: building, gateway: gateway)
    }

    private struct Planned: PlannedBuild {
        let plan: BuildPlan
        let building: ImageBuilding
        let gateway: GatewayLink

        var bases: [BuildBase] { plan.bases }

        func build(
            _ id: BuildAttemptID, log: @escaping @Sendable (String) throws -> Void
        ) async throws -> BuildStatement.Image {
            let built = try await building.build(plan, id: id, log: log)
            try await gateway.upload(built.image.archive, from: built.path)
            return built.image
        }

        func discard() async { await building.discard(plan) }
    }
}
