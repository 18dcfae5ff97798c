import ParityProtocol
import Testing

@testable import Sandbox

extension HostileCase {
    /// Writing where nothing may be written, and becoming somebody who may.
    static let places: [HostileCase] = [
        HostileCase(
            "write anywhere but where it may",
            """
            for d in / /bin /etc /root /run /home /usr /usr/lib /var /var/run /var/tmp /lib /boot /srv /opt /mnt /data /dev \\
              /proc /sys /sys/fs /sys/fs/cgroup /sys/kernel /input /sbin /suid /dev/pts /dev/mqueue /proc/self /proc/1 \\
              /sys/devices /sys/devices/system/cpu; do
              { echo x > $d/mine; } 2>/dev/null && echo reached $d; mkdir $d/folder 2>/dev/null && echo reached $d; done
            find / -xdev -type f -perm -0002 2>/dev/null | grep . && echo reached
            """),
        HostileCase(
            "write where it may, and run programs there",
            """
            for d in /tmp /output /dev/shm; do echo x > $d/f && cat $d/f; done
            for d in /tmp /output; do printf '#!/bin/sh\necho ran\n' > $d/b; chmod 755 $d/b; $d/b; done
            """
        ) { run in #expect(run.lines == ["x", "x", "x", "ran", "ran"]) },
        HostileCase(
            "change its input",
            """
            { echo x > /input/data; } 2>/dev/null && echo reached; rm -f /input/data 2>/dev/null && echo reached
            mv /input/data /input/x 2>/dev/null && echo reached; chmod 777 /input/data 2>/dev/null && echo reached
            ln /input/data /output/x 2>/dev/null && echo reached; touch /input/data 2>/dev/null && echo reached
            cat /input/data
            """
        ) { run in #expect(run.lines == ["input"]) },
        HostileCase(
            "mount, unmount and remount",
            """
            mount -o remount,rw / && echo reached; mount -o remount,rw /input && echo reached
            mount -t tmpfs none /mnt && echo reached; mount -t proc none /mnt && echo reached
            mount -t sysfs none /mnt && echo reached; mount -o bind / /mnt && echo reached
            mount -o remount,size=1g /output && echo reached; mount -o remount,size=1g /tmp && echo reached
            umount /dev/urandom && echo reached; umount -l /proc/kcore && echo reached; umount /output && echo reached
            mount /nodes/vda /mnt && echo reached; swapon /nodes/vda && echo reached; true
            """),
        HostileCase(
            "become root by the setuid bit",
            "/suid/probe root; cp /suid/probe /tmp/p; chmod 6755 /tmp/p; /tmp/p root; su -c id"
        ) { run in #expect(run.lines == ["nobody", "nobody"]) },
        HostileCase(
            "have places that honour setuid bits and devices",
            "for p in /tmp /output /dev/shm; do grep \" $p \" /proc/mounts | grep nosuid | grep -q nodev || echo reached $p; done"
        ),
        HostileCase(
            "use devices that the image brought along",
            """
            for n in /nodes/*; do { head -c 1 $n > /dev/null; } 2>/dev/null && echo reached read $n
              { echo > $n; } 2>/dev/null && echo reached write $n; done; ls /nodes | wc -l
            """
        ) { run in #expect(run.lines == ["10"], "the nodes are there") },
        HostileCase(
            "make devices",
            """
            mknod /tmp/m c 1 1 && echo reached; mknod /output/m c 1 1 && echo reached; mknod /tmp/d b 8 0 && echo reached
            mknod /dev/shm/u c 1 9 && echo reached; mknod /tmp/p c 5 2 && echo reached; true
            """),
        HostileCase(
            "find other devices than null, zero and full",
            """
            find /dev ! -type d ! -type l ! -type f | while read f; do
              case $(stat -c %t:%T $f) in 1:3|1:5|1:7) ;; *) echo reached $f $(stat -c %t:%T $f) ;; esac; done
            for f in /dev/ptmx /dev/pts/ptmx /dev/console /dev/tty0 /dev/kmsg /dev/mem /dev/fuse /dev/kvm /dev/net/tun; do
              { true < $f; } 2>/dev/null && [ "$(stat -Lc %t:%T $f)" != 1:3 ] && echo reached $f; done
            ls /dev/pts /dev/mqueue | grep -v : | grep . && echo reached; head -c 3 /dev/zero | wc -c; head -c 3 /dev/full | wc -c
            { echo x > /dev/full; } 2>/dev/null || echo full
            """
        ) { run in #expect(run.lines == ["3", "3", "full"]) },
        HostileCase(
            "change the kernel's settings",
            """
            for f in /proc/sys/kernel/core_pattern /proc/sys/kernel/hostname /proc/sys/kernel/panic /proc/sys/vm/drop_caches \\
              /proc/sys/kernel/modprobe /proc/sys/fs/binfmt_misc/register /proc/sys/net/ipv4/ip_forward \\
              /proc/sysrq-trigger /proc/irq/default_smp_affinity /proc/self/uid_map /proc/self/setgroups \\
              /proc/sys/kernel/ns_last_pid /sys/kernel/mm/ksm/run /sys/power/state \\
              /sys/kernel/uevent_helper /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/pids/pids.max \\
              /sys/fs/cgroup/memory/release_agent /sys/fs/cgroup/memory.max /sys/fs/cgroup/cgroup.procs; do
              { echo 1 > $f; } 2>/dev/null && [ $(stat -Lc %t:%T $f) != 1:3 ] && echo reached $f; done; true
            """),
        HostileCase(
            "escape the limits by a control group of its own",
            """
            for d in /sys/fs/cgroup /sys/fs/cgroup/*; do mkdir $d/mine 2>/dev/null && echo reached $d; done
            echo -1000 > /proc/self/oom_score_adj 2>/dev/null && echo reached
            grep -E 'docker|parity' /proc/self/cgroup && echo reached; true
            """),
        HostileCase(
            "end the init process, or whatever else it can name",
            "kill -9 1; kill -STOP 1; sleep 0.2; kill -9 2 3 4 5 2>/dev/null; echo still here"
        ) { run in #expect(run.lines == ["still here"]) },
        HostileCase(
            "see another process than its own",
            "ls -d /proc/[0-9]* | wc -l; ls /proc/1/root/var/lib/docker /proc/1/cwd/input 2>/dev/null && echo reached; true"
        ) { run in #expect(run.lines.compactMap { Int($0) }.first.map { $0 <= 5 } == true) },
        HostileCase(
            "inherit an open file of the engine",
            """
            for p in self 1; do for f in /proc/$p/fd/*; do case $(readlink $f) in pipe:*|/dev/null|socket:*|"") ;;
              /proc/*/fd|anon_inode:*) ;; *) echo reached $f $(readlink $f) ;; esac; done; done
            """),
    ]
}
