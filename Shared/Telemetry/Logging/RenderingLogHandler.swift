import Logging

/// Parity's log handler: gathers the metadata of logger, provider and call, renders one line, writes it.
struct RenderingLogHandler: LogHandler {
    let label: String
    let renderer: any LogRenderer
    let output: LogOutput
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?

    init(
        label: String, renderer: any LogRenderer, output: LogOutput, logLevel: Logger.Level,
        metadataProvider: Logger.MetadataProvider?
    ) {
        self.label = label
        self.renderer = renderer
        self.output = output
        self.logLevel = logLevel
        self.metadataProvider = metadataProvider
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var merged = metadata
        if let provided = metadataProvider?.get() { merged.merge(provided) { _, new in new } }
        if let given = event.metadata { merged.merge(given) { _, new in new } }
        if let error = event.error, merged["error"] == nil { merged["error"] = "\(error)" }
        output.write(
            renderer.line(
                LogEntry(
                    time: .now, level: event.level, label: label, message: event.message.description,
                    fields: LogField.flatten(merged))))
    }
}
