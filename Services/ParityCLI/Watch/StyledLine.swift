/// A line made of pieces, each with a colour or none; cut to the terminal's width without counting the colours.
struct StyledLine: Sendable, Equatable {
    private var pieces: [Piece] = []

    private struct Piece: Sendable, Equatable {
        var text: String
        var colour: Terminal.Colour?
    }

    init(_ text: String = "", _ colour: Terminal.Colour? = nil) { add(text, colour) }

    mutating func add(_ text: String, _ colour: Terminal.Colour? = nil) {
        guard !text.isEmpty else { return }
        // A line stays one: what came from elsewhere could otherwise look like a line of ours.
        pieces.append(Piece(text: Console.oneLine(text), colour: colour))
    }

    /// `text` filled up to `width` with spaces.
    mutating func column(_ text: String, _ width: Int, _ colour: Terminal.Colour? = nil) {
        add(text, colour)
        add(String(repeating: " ", count: max(1, width - text.count)))
    }

    func render(_ terminal: Terminal) -> String {
        var room = terminal.isInteractive ? terminal.columns - 1 : Int.max
        var line = ""
        for piece in pieces where room > 0 {
            let text = piece.text.count > room ? String(piece.text.prefix(room - 1)) + "…" : piece.text
            room -= text.count
            line += piece.colour.map { terminal.paint(text, $0) } ?? text
        }
        return line
    }
}
