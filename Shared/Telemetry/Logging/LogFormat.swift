/// How log lines are written.
package enum LogFormat: String, CaseIterable, Sendable {
    /// Text on a terminal, JSON otherwise.
    case auto
    case text
    case json

    /// The renderer for this format; `isTerminal` decides `auto`, and whether text is coloured.
    func renderer(service: String, isTerminal: Bool) -> any LogRenderer {
        switch self {
        case .json: JSONLogRenderer(service: service)
        case .text: TextLogRenderer(service: service, isColoured: isTerminal)
        case .auto:
            isTerminal
                ? TextLogRenderer(service: service, isColoured: true) : JSONLogRenderer(service: service)
        }
    }
}
