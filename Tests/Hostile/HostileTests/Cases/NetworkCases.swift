import ParityProtocol
import Testing

@testable import Sandbox

extension HostileCase {
    /// Reaching anything by a network, or by a socket that knows no network.
    static let network: [HostileCase] = [
        HostileCase("reach a server on the host's loopback", "/probe tcp 127.0.0.1:$LOOPBACK_PORT"),
        HostileCase(
            "reach a server on any address of the host",
            "for a in $ADDRESSES 172.17.0.1 0.0.0.0; do /probe tcp $a:$OPEN_PORT; done"),
        HostileCase(
            "reach the internet, the cloud's metadata or a name server",
            """
            for a in 1.1.1.1:53 8.8.8.8:443 169.254.169.254:80 10.0.0.1:80 172.17.0.2:80; do /probe tcp $a; done
            timeout 5 nslookup example.org && echo reached; timeout 5 wget -q -O - http://example.org && echo reached
            """),
        HostileCase("reach an abstract Unix socket of the host", "/probe abstract $ABSTRACT"),
        HostileCase(
            "find the engine's socket, or its port",
            """
            for s in /var/run/docker.sock /run/docker.sock /run/containerd/containerd.sock /proc/1/root/run/docker.sock; do
              test -e $s && echo reached $s; done
            for p in 2375 2376 4243; do for a in 127.0.0.1 172.17.0.1; do /probe tcp $a:$p; done; done
            """),
        HostileCase(
            "make interfaces, addresses and routes",
            """
            ip link add d0 type dummy && echo reached; ip link add v0 type veth peer name v1 && echo reached
            ip addr add 10.0.0.1/8 dev lo && echo reached; ip route add default dev lo && echo reached
            ip link set lo mtu 1000 && echo reached; ip link | grep -E '(eth|en|docker|veth|wl)[^:]*:' && echo reached
            """),
        HostileCase(
            "learn the host's name servers",
            "grep nameserver /etc/resolv.conf | grep -v '127.0.0.1$' && echo reached; cat /etc/resolv.conf"
        ) { run in #expect(run.lines.filter { $0.hasPrefix("nameserver") } == ["nameserver 127.0.0.1"]) },
        HostileCase(
            "use the network of its own that it has", "ping -c 1 -W 1 127.0.0.1 >/dev/null; hostname -i"
        ) { run in #expect(run.lines == ["127.0.0.1"], "its own name is its own loopback") },
    ]
}
