import Testing

@testable import Telemetry

@Suite struct TraceContextTests {
    @Test func `a header is read and written back unchanged`() throws {
        let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        let context = try #require(TraceContext(header: text))
        #expect(context.header == text)
        #expect(context.traceID == "4bf92f3577b34da6a3ce929d0e0e4736")
        #expect(context.spanID == "00f067aa0ba902b7")
    }

    @Test(arguments: [
        "", "00", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0g",
        "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        " 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.more",
    ]) func `a malformed header is refused`(text: String) {
        #expect(TraceContext(header: text) == nil)
    }

    @Test func `a later version may carry more`() {
        let text = "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        #expect(TraceContext(header: text) != nil)
        #expect(TraceContext(header: text + "-what-the-future-brings") != nil)
    }

    @Test func `a child stays in its trace with a span of its own`() {
        let parent = TraceContext()
        let child = parent.child()
        #expect(child.traceID == parent.traceID)
        #expect(child.spanID != parent.spanID)
        #expect(TraceContext(header: child.header) == child)
    }

    @Test func `continuing without a usable header starts a trace`() {
        let parent = TraceContext()
        #expect(TraceContext.continuing(parent.header).traceID == parent.traceID)
        #expect(TraceContext.continuing(nil).traceID != parent.traceID)
        #expect(TraceContext.continuing("nonsense").traceID != TraceContext.continuing("nonsense").traceID)
    }
}
