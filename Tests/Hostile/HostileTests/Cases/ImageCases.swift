import ParityProtocol
import Testing

@testable import Sandbox

extension HostileCase {
    private static let withRoot = SandboxSettings(allowsRoot: true)

    /// Traps that stand in the image.
    static let images: [HostileCase] = [
        HostileCase(
            "store without limit in a volume of the image",
            "{ echo x > /data/x; } 2>/dev/null && echo reached; rm -f /data/hello 2>/dev/null && echo reached; cat /data/hello",
            image: .volume
        ) { run in #expect(run.lines == ["hello"], "what the image has there is seen") },
        HostileCase("run a health check beside the task", "sleep 3; ls /output", image: .healthCheck) { run in
            #expect(run.files.isEmpty)
        },
        HostileCase("be root where the runner allows it", "id -u; id -g", image: .root, settings: withRoot) { run in
            #expect(run.lines == ["0", "0"])
        },
        HostileCase(
            "use root's powers where the runner allows root",
            """
            for d in / /bin /etc /input /proc /sys /sys/fs/cgroup /sys/fs/cgroup/memory /sys/devices /data; do
              { echo x > $d/mine; } 2>/dev/null && echo reached $d; mkdir $d/folder 2>/dev/null && echo reached $d; done
            grep -E 'Cap(Inh|Prm|Eff|Bnd|Amb)' /proc/self/status | grep -v 0000000000000000 && echo reached
            chown 1:1 /output 2>/dev/null && echo reached; mknod /tmp/m c 1 1 2>/dev/null && echo reached
            mount -t tmpfs none /mnt 2>/dev/null && echo reached; chroot / true 2>/dev/null && echo reached
            echo 1 2>/dev/null > /proc/sys/kernel/panic && echo reached; hostname x 2>/dev/null && echo reached
            date -s 2000-01-01 >/dev/null 2>&1; [ $(date +%Y) = 2000 ] && echo reached; cat /nodes/mem 2>/dev/null && echo reached
            dmesg 2>/dev/null | grep -q . && echo reached; echo x > /output/x
            """, image: .root, settings: withRoot
        ) { run in #expect(run.texts == ["x": "x\n"], "what it may, it can") },
    ]
}
