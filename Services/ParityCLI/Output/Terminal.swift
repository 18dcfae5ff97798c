import FoundationEssentials
import Glibc

/// What standard output can show.
struct Terminal: Sendable, Equatable {
    var isInteractive: Bool
    var isColoured: Bool
    var columns: Int

    /// Colours stay out where `NO_COLOR` is set (no-color.org) and on a dumb terminal.
    static var standardOutput: Terminal {
        let environment = ProcessInfo.processInfo.environment
        let isTerminal = isatty(STDOUT_FILENO) == 1 && environment["TERM"] != "dumb"
        var size = winsize()
        let isKnown = ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
        return Terminal(
            isInteractive: isTerminal, isColoured: isTerminal && environment["NO_COLOR"]?.isEmpty != false,
            columns: isKnown ? Int(size.ws_col) : 80)
    }

    func paint(_ text: String, _ colour: Colour) -> String {
        isColoured ? "\u{1B}[\(colour.rawValue)m\(text)\u{1B}[0m" : text
    }

    /// SGR codes (ECMA-48 8.3.117).
    enum Colour: Int, Sendable {
        case bold = 1
        case dim = 2
        case red = 31
        case green = 32
        case yellow = 33
        case blue = 34
        case magenta = 35
        case cyan = 36
    }
}
