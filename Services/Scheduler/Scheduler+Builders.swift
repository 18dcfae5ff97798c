import Foundation
import Logging
import Messaging
import Metrics
package import ParityProtocol
import PostgresClient
import Store

extension Scheduler {
    /// Answers a builder's claim: a grant, or a refusal that says why. A build whose recipe and bases were built before
    /// is done with that.
    package func answer(_ claim: BuildClaim, message: MessageID) async throws {
        try await withBuild(claim.id.build, message: message) { build, transaction in
            guard let builder = try await Runners.identity(of: claim.builder, in: transaction) else {
                // Nobody to answer.
                throw MalformedMessage("claims for a builder that is not registered")
            }
            if build.state == .granted, build.builder == claim.builder, build.attempt == claim.id.attempt,
                !build.isOverdue, let token = build.token
            {
                // The first answer is late or was lost: a claim may be repeated like every other message.
                return [try grantMessage(claim, token: token)]
            }
            if let reason = try await refusal(of: claim, build, builder, in: transaction) {
                return [try Routing.toRunner(BuildRefusal(id: claim.id, reason: reason), claim.builder)]
            }
            let key = claim.bases.map { BuildBase.cacheKey(recipe: build.recipeDigest, bases: $0) }
            if let key, let made = try await Builds.made(cacheKey: key, in: transaction), let image = made.image {
                try await Builds.close(
                    build.id, as: .built, image: image, bases: claim.bases, cacheKey: key, reused: made.id,
                    detail: nil, in: transaction)
                logger.info("A build was made before", metadata: ["build": "\(build.id)", "reused": "\(made.id)"])
                return [try Routing.toRunner(BuildRefusal(id: claim.id, reason: .done), claim.builder)]
            }
            return try await grant(claim, key: key, in: transaction)
        }
        try await advanceTasks(waitingFor: claim.id.build)
    }

    private func refusal(
        of claim: BuildClaim, _ build: Builds.Row, _ builder: Runners.Identity, in transaction: PostgresTransaction
    ) async throws -> BuildRefusal.Reason? {
        guard builder.isBuilder, !builder.isDisqualified else { return .forbidden }
        guard claim.bases?.count ?? 0 <= BuildClaim.maximumBases else {
            throw MalformedMessage("names more than \(BuildClaim.maximumBases) base images")
        }
        switch build.state {
        case .offered: break
        case .granted: return build.attempt == claim.id.attempt ? .taken : .stale
        case .built: return .done
        case .failed: return .stale
        case .cancelled: return .cancelled
        }
        guard build.attempt == claim.id.attempt else { return .stale }
        return try await Builds.tasks(waitingFor: build.id, limit: 1, in: transaction).isEmpty ? .cancelled : nil
    }

    private func grant(
        _ claim: BuildClaim, key: Digest?, in transaction: PostgresTransaction
    ) async throws -> [OutboxMessage] {
        let token = [UInt8].random(count: 16).hexadecimal
        try await Builds.grant(
            claim.id, to: claim.builder, token: token, lease: policy.lease, bases: claim.bases, cacheKey: key,
            in: transaction)
        logger.info("Granted a build", metadata: ["build": "\(claim.id)", "builder": "\(claim.builder)"])
        return [try grantMessage(claim, token: token)]
    }

    private func grantMessage(_ claim: BuildClaim, token: String) throws -> OutboxMessage {
        try Routing.toRunner(
            BuildGrant(id: claim.id, token: token, leaseMilliseconds: policy.lease.milliseconds), claim.builder)
    }

    /// Renews the lease of a build and takes in what its log has grown by. One that the builder does not hold any more
    /// is told to stop.
    package func take(_ progress: BuildProgress) async throws {
        guard progress.text.utf8.count <= BuildProgress.maximumTextBytes,
            (0..<BuildProgress.maximumPieces).contains(progress.piece)
        else { throw MalformedMessage("holds more of a log than is taken") }
        try await withBuild(progress.id.build) { build, transaction in
            guard build.state == .granted, build.attempt == progress.id.attempt, build.builder == progress.builder,
                build.token == progress.token, !build.isOverdue
            else {
                return [try Routing.toRunner(BuildRefusal(id: progress.id, reason: .stale), progress.builder)]
            }
            try await Builds.renew(build.id, lease: policy.lease, in: transaction)
            if !progress.text.isEmpty {
                try await Builds.appendLog(
                    progress.text.replacing("\0", with: ""), piece: progress.piece, of: progress.id, in: transaction)
            }
            return []
        }
        if !progress.text.isEmpty { try await advanceTasks(waitingFor: progress.id.build) }
    }

    /// Takes one signed result in: the first of any granted attempt ends the build.
    package func take(_ result: BuildResultMessage, message: MessageID) async throws {
        try await withBuild(result.id.build, message: message) { build, transaction in
            guard let attempt = try await Builds.attempt(result.id, in: transaction) else {
                throw MalformedMessage("is for an attempt that was never granted")
            }
            let statement = try Self.verified(result, key: attempt.key, token: attempt.token, build)
            guard build.state.isOpen else { return [] }
            Counter(label: "parity_builds_total", dimensions: [("outcome", statement.outcome.rawValue)]).increment()
            return try await book(statement, of: result, build, in: transaction)
        }
        try await advanceTasks(waitingFor: result.id.build)
    }

    private static func verified(
        _ result: BuildResultMessage, key: RunnerKey, token: String, _ build: Builds.Row
    ) throws(MalformedMessage) -> BuildStatement {
        guard result.envelope.payloadType == SignedEnvelope.inTotoPayloadType,
            let payload = result.envelope.payload(verifiedBy: key)
        else { throw MalformedMessage("is not signed by the builder that was granted the attempt") }
        guard let statement = BuildStatement(payload: payload) else {
            throw MalformedMessage("does not hold a well-formed build statement")
        }
        guard statement.id == result.id, statement.token == token, statement.builderKey == key,
            statement.recipe == build.recipeDigest, statement.context == build.recipe.context
        else { throw MalformedMessage("states another build than the one that was granted") }
        return statement
    }

    private func book(
        _ statement: BuildStatement, of result: BuildResultMessage, _ build: Builds.Row,
        in transaction: PostgresTransaction
    ) async throws -> [OutboxMessage] {
        let isCurrent = build.state == .granted && build.attempt == result.id.attempt
        if statement.outcome == .builderError {
            // What an earlier attempt could not do says nothing of the present one.
            return isCurrent ? try await offerAgain(build, reason: "builder_error", in: transaction) : []
        }
        if let image = statement.image, try await !Accounts.missingBlobs([image.archive], in: transaction).isEmpty {
            throw MalformedMessage("names an image that was not uploaded")
        }
        try await Builds.endAttempt(result.id, reason: "result", in: transaction)
        var messages: [OutboxMessage] = []
        if build.state == .granted, !isCurrent, let builder = build.builder {
            // An earlier attempt, whose lease had ended, was first all the same: the present one may stop.
            try await Builds.endAttempt(build.attemptID, reason: "overtaken", in: transaction)
            messages.append(try Routing.toRunner(BuildRefusal(id: build.attemptID, reason: .done), builder))
        }
        let envelope = String(decoding: try JSONEncoder().encode(result.envelope), as: UTF8.self)
        try await Builds.close(
            build.id, as: statement.outcome == .built ? .built : .failed, image: statement.image, log: statement.log,
            bases: statement.bases,
            cacheKey: statement.image.map { _ in
                BuildBase.cacheKey(recipe: build.recipeDigest, bases: statement.bases)
            }, envelope: envelope, detail: statement.detail.isEmpty ? nil : statement.detail, in: transaction)
        logger.info(
            "Built",
            metadata: [
                "build": "\(result.id)", "outcome": "\(statement.outcome.rawValue)",
                "image": "\(statement.image?.archive.description ?? "-")",
            ])
        return messages
    }
}
