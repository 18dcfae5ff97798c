import AMQPClient
import ParityProtocol
import PostgresClient
import Testing

@testable import Gateway

@Suite struct ProblemTests {
    @Test(arguments: ["08006", "57P03", "57014", "55P03", "25P03", "40001", "40P01", "53300"])
    func `A database that is away or too busy answers 503, so that callers try again`(sqlState: String) {
        let problem = Problem(PostgresError(code: .server, message: "", sqlState: sqlState) as any Error)
        #expect(problem?.status == 503)
    }

    @Test(arguments: [AMQPError.Code.connectionFailed, .timedOut, .closed, .channelClosed, .refused])
    func `So does a broker that is away or too busy`(code: AMQPError.Code) {
        #expect(Problem(AMQPError(code: code, message: "") as any Error)?.status == 503)
    }

    @Test(arguments: [AMQPError.Code.authenticationFailed, .accessRefused, .preconditionFailed, .invalidURL])
    func `What the broker refuses for good is our own fault`(code: AMQPError.Code) {
        #expect(Problem(AMQPError(code: code, message: "") as any Error) == nil)
    }

    @Test(arguments: ["23505", "42P01", "22P02"])
    func `What the database refuses for good is our own fault`(sqlState: String) {
        #expect(Problem(PostgresError(code: .server, message: "", sqlState: sqlState) as any Error) == nil)
    }
}
