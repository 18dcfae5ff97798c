import Glibc

/// Free ports on the loopback interface.
///
/// They come from below the kernel's ephemeral range (32768 and up on Linux): between the choice here and the server's
/// own bind, some other program's outgoing connection would otherwise be given the same port.
enum FreePorts {
    private static let range = 20_000..<32_768

    /// One port for each name: the one in `remembered` or `preferred` when it is free, any free one otherwise.
    static func take(
        _ names: [String], remembered: [String: Int], preferred: [String: Int] = [:]
    ) throws -> [String: Int] {
        var held: [Int32] = []
        defer { for descriptor in held { close(descriptor) } }
        var ports: [String: Int] = [:]
        // Remembered ports first, so that a new name does not take one of them.
        for name in names.sorted(by: { (remembered[$0] == nil ? 1 : 0, $0) < (remembered[$1] == nil ? 1 : 0, $1) }) {
            let wishes = [remembered[name], preferred[name]].compactMap { $0 }.filter { !ports.values.contains($0) }
            let taken = wishes.lazy.compactMap { bound($0) }.first ?? anyPort()
            guard let taken else { throw CommandFailure(.failure, "no free port: \(systemError())") }
            held.append(taken.descriptor)
            ports[name] = taken.port
        }
        return ports
    }

    /// Random tries, then whatever the kernel gives.
    private static func anyPort() -> (descriptor: Int32, port: Int)? {
        for _ in 0..<100 {
            if let taken = bound(Int.random(in: range)) { return taken }
        }
        return bound(0)
    }

    private static func bound(_ port: Int) -> (descriptor: Int32, port: Int)? {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        var reuse: Int32 = 1
        // Connections of a run before, in TIME_WAIT, are no obstacle; a listener is.
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &reuse, socklen_t(MemoryLayout<Int32>.size))
        var address = Self.loopback(port)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(descriptor, pointer, length) == 0 && getsockname(descriptor, pointer, &length) == 0
            }
        }
        guard isBound else {
            close(descriptor)
            return nil
        }
        return (descriptor, Int(UInt16(bigEndian: address.sin_port)))
    }

    static func loopback(_ port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(clamping: port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }
}
