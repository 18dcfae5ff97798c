import Foundation
import Logging
import Synchronization
import Testing

@testable import Telemetry

@Suite struct LogLineTests {
    @Test func `a JSON line is one object with time, level, service and flat metadata`() throws {
        let sink = Sink()
        var logger = sink.logger(.json, label: "scheduler")
        logger[metadataKey: "task"] = "t-1"
        logger.info("Task queued", metadata: ["limits": ["cpu": "1", "deep": ["x": "y"]], "list": ["a", "b"]])
        let line = try #require(sink.lines.first)
        #expect(line.hasSuffix("\n") && line.filter { $0 == "\n" }.count == 1)
        let object = try #require(JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: String])
        #expect(object["level"] == "info")
        #expect(object["service"] == "scheduler")
        #expect(object["message"] == "Task queued")
        #expect(object["task"] == "t-1")
        #expect(object["limits.cpu"] == "1")
        #expect(object["limits.deep.x"] == "y")
        #expect(object["logger"] == nil)
        let time = try #require(object["time"])
        #expect(time.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/) != nil)
    }

    @Test func `metadata cannot replace the fields of the line itself`() throws {
        let sink = Sink()
        sink.logger(.json, label: "http").error("Refused", metadata: ["level": "fake", "message": "fake"])
        let line = try #require(sink.lines.first)
        let object = try #require(JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: String])
        #expect(object["level"] == "error")
        #expect(object["message"] == "Refused")
        #expect(object["metadata.level"] == "fake")
        #expect(object["logger"] == "http")
    }

    @Test(arguments: LogFormat.allCases) func `no value can forge a second line or drive the terminal`(
        format: LogFormat
    ) throws {
        let sink = Sink()
        sink.logger(format, label: "svc").info(
            "Message\nforged", metadata: ["a\nb": "one\ntwo\u{1B}[31m\u{7F}\"quoted\" \\"])
        let line = try #require(sink.lines.first)
        #expect(line.filter { $0 == "\n" }.count == 1)
        #expect(!line.unicodeScalars.contains("\u{1B}"))
    }

    @Test func `a text line shows time, level, service, message and key=value`() throws {
        let sink = Sink()
        sink.logger(.text, label: "scheduler").warning("Lane is empty", metadata: ["lane": "3", "note": "two words"])
        let line = try #require(sink.lines.first)
        #expect(
            line.wholeMatch(
                of: /\d\d:\d\d:\d\d\.\d{3} warning  scheduler    Lane is empty lane=3 note="two words"\n/) != nil,
            "\(line)")
    }

    @Test func `colours appear on a terminal only`() {
        let entry = LogEntry(time: .now, level: .info, label: "s", message: "m", fields: [])
        #expect(LogFormat.auto.renderer(service: "s", isTerminal: true).line(entry).contains("\u{1B}[32m"))
        #expect(LogFormat.text.renderer(service: "s", isTerminal: false).line(entry).contains("\u{1B}") == false)
        #expect(LogFormat.auto.renderer(service: "s", isTerminal: false).line(entry).hasPrefix("{"))
    }

    @Test func `a huge value is cut`() throws {
        let sink = Sink()
        sink.logger(.json, label: "s").info("m", metadata: ["x": "\(String(repeating: "y", count: 1_000_000))"])
        #expect(try #require(sink.lines.first).utf8.count < LogField.maximumValueCharacters + 200)
    }

    @Test func `the trace id of the running task is added`() throws {
        let sink = Sink()
        let context = TraceContext()
        TraceContext.$current.withValue(context) { sink.logger(.json, label: "s").info("m") }
        sink.logger(.json, label: "s").info("m")
        #expect(sink.lines.first?.contains(context.traceID) == true)
        #expect(sink.lines.last?.contains("trace") == false)
    }

    @Test(arguments: [
        (0, 5, "1970-01-01T00:00:00.005Z"), (951_782_400, 0, "2000-02-29T00:00:00.000Z"),
        (1_769_850_481, 999, "2026-01-31T09:08:01.999Z"),
    ]) func `times are RFC 3339 in UTC`(seconds: Int, milliseconds: Int, text: String) {
        #expect(LogTimestamp(secondsSince1970: seconds, milliseconds: milliseconds).rfc3339 == text)
    }
}

/// Collects what a logger writes.
private final class Sink: Sendable {
    private let collected = Mutex<[String]>([])
    var lines: [String] { collected.withLock { $0 } }

    func logger(_ format: LogFormat, label: String) -> Logger {
        let output = LogOutput(isTerminal: false) { line in self.collected.withLock { $0.append(line) } }
        return Logger(label: label) { label in
            RenderingLogHandler(
                label: label, renderer: format.renderer(service: label == "http" ? "svc" : label, isTerminal: false),
                output: output, logLevel: .trace, metadataProvider: .traceContext)
        }
    }
}
