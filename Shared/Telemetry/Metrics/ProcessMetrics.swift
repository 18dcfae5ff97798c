import FoundationEssentials
import Glibc

/// What every Prometheus client says of its process, read from `/proc` at each scrape.
enum ProcessMetrics {
    static func exposition() -> String {
        var text = ""
        var usage = rusage()
        // Swift imports the constant as a type of its own, not as the argument type.
        if getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 {
            append(
                "process_cpu_seconds_total", "counter", "User and system CPU time spent in seconds.",
                seconds(usage.ru_utime) + seconds(usage.ru_stime), to: &text)
        }
        if let resident = residentBytes() {
            append(
                "process_resident_memory_bytes", "gauge", "Resident memory size in bytes.", Double(resident), to: &text)
        }
        if let descriptors = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd") {
            append(
                "process_open_fds", "gauge", "Number of open file descriptors.", Double(descriptors.count), to: &text)
        }
        append(
            "process_start_time_seconds", "gauge", "Start time of the process since unix epoch in seconds.",
            startTime, to: &text)
        return text
    }

    /// When this was first asked for, which ``Telemetry`` does as the process starts to serve.
    private static let startTime = Double(LogTimestamp.now.secondsSince1970)

    private static func append(
        _ name: String, _ type: String, _ help: String, _ value: Double, to text: inout String
    ) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n\(name) \(MetricText.number(value))\n"
    }

    private static func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }

    /// The second field of `/proc/self/statm` is in pages (proc(5)).
    private static func residentBytes() -> Int? {
        guard let data = FileManager.default.contents(atPath: "/proc/self/statm") else { return nil }
        let fields = String(decoding: data, as: UTF8.self).split(separator: " ")
        guard fields.count > 1, let pages = Int(fields[1]) else { return nil }
        return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
    }
}
