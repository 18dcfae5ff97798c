import Foundation
import Glibc
import TestSupport

/// What a container must not reach on its host: real servers of the test's own, which accept any connection.
final class HostTargets: Sendable {
    /// Of a server on 127.0.0.1.
    let loopbackPort: UInt16
    /// Of a server on every address of this machine.
    let openPort: UInt16
    /// Of an abstract Unix socket.
    let abstractName: String
    /// The addresses of this machine, IPv4.
    let addresses: [String]
    private let descriptors: [Int32]

    init() throws {
        abstractName = TestEnvironment.uniqueName()
        let (loopback, loopbackPort) = try Self.listen(on: INADDR_LOOPBACK)
        let (open, openPort) = try Self.listen(on: INADDR_ANY)
        descriptors = [loopback, open, try Self.listen(abstract: abstractName)]
        self.loopbackPort = loopbackPort
        self.openPort = openPort
        addresses = Self.ownAddresses()
    }

    deinit { for descriptor in descriptors { close(descriptor) } }

    private static func failure(_ what: String) -> TestEnvironment.Missing {
        .init(description: "\(what): \(String(cString: strerror(errno)))")
    }

    private static func listen(on host: in_addr_t) throws -> (Int32, UInt16) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = host.bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && Glibc.listen(descriptor, 64) == 0
                    && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard isBound else { throw failure("listen") }
        return (descriptor, UInt16(bigEndian: address.sin_port))
    }

    private static func listen(abstract name: String) throws -> Int32 {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0[1..<1 + name.utf8.count].copyBytes(from: name.utf8) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + 1 + name.utf8.count)
        let isBound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && Glibc.listen(descriptor, 64) == 0
            }
        }
        guard isBound else { throw failure("listen") }
        return descriptor
    }

    private static func ownAddresses() -> [String] {
        var first: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&first) == 0 else { return [] }
        defer { freeifaddrs(first) }
        return sequence(first: first) { $0?.pointee.ifa_next }.compactMap { entry in
            guard let address = entry?.pointee.ifa_addr, address.pointee.sa_family == sa_family_t(AF_INET) else {
                return nil
            }
            var text = [CChar](repeating: 0, count: 64)
            getnameinfo(
                address, socklen_t(MemoryLayout<sockaddr_in>.size), &text, socklen_t(text.count), nil, 0,
                NI_NUMERICHOST)
            return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
    }
}
