/*
 * A hostile program, for HostileTests.
 *
 *   probe calls              tries every call of the table below, each in a process of its own, and prints a line for each:
 *                            NAME ok | NAME errno NUMBER | NAME signal NUMBER
 *   probe VERB [ARGUMENT]    does one of the things at the end of this file
 *
 * Calls that would change the machine if they were let through get arguments that fail otherwise: what counts is whether
 * the kernel, or its filter, looks at them at all.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Numbers that older headers lack; the same on all architectures. */
enum {
  NR_pidfd_open = 434, NR_clone3 = 435, NR_pidfd_getfd = 438, NR_io_uring_setup = 425, NR_io_uring_enter = 426,
  NR_io_uring_register = 427, NR_open_tree = 428, NR_move_mount = 429, NR_fsopen = 430, NR_fsconfig = 431,
  NR_fsmount = 432, NR_fspick = 433, NR_process_madvise = 440, NR_mount_setattr = 442, NR_quotactl_fd = 443,
  NR_memfd_secret = 447,
};

/* ---- Calls ---- */

static long two_pages[1024];

static long try_io_uring_setup(void) { return syscall(NR_io_uring_setup, 4, two_pages); }
static long try_io_uring_enter(void) { return syscall(NR_io_uring_enter, -1, 0, 0, 0, 0, 0); }
static long try_io_uring_register(void) { return syscall(NR_io_uring_register, -1, 0, 0, 0); }
static long try_add_key(void) { return syscall(SYS_add_key, "user", "parity", "x", 1, -2); }
static long try_request_key(void) { return syscall(SYS_request_key, "user", "parity", 0, -2); }
static long try_keyctl(void) { return syscall(SYS_keyctl, 0, -3, 1); }
static long try_userfaultfd(void) { return syscall(SYS_userfaultfd, 1); }
static long try_bpf(void) { return syscall(SYS_bpf, 0, two_pages, 72); }
static long try_perf_event_open(void) {
  char attributes[120] = {0};
  *(uint32_t *)attributes = 1;                           /* software */
  *(uint32_t *)(attributes + 4) = sizeof attributes;
  return syscall(SYS_perf_event_open, attributes, 0, -1, -1, 0);
}
static long try_ptrace_init(void) { return ptrace(PTRACE_SEIZE, 1, 0, 0); }
static long try_ptrace_parent(void) { return ptrace(PTRACE_SEIZE, getppid(), 0, 0); }
static long try_ptrace_traceme(void) { return ptrace(PTRACE_TRACEME, 0, 0, 0); }
static long vm_call(long number) {
  struct { void *base; size_t length; } mine = {two_pages, 8}, theirs = {two_pages, 8};
  return syscall(number, getppid(), &mine, 1, &theirs, 1, 0);
}
static long try_process_vm_readv(void) { return vm_call(SYS_process_vm_readv); }
static long try_process_vm_writev(void) { return vm_call(SYS_process_vm_writev); }
static long try_kcmp(void) { return syscall(SYS_kcmp, getpid(), getppid(), 0, 0, 0); }
static long try_pidfd_getfd(void) {
  long parent = syscall(NR_pidfd_open, getppid(), 0);
  return parent < 0 ? parent : syscall(NR_pidfd_getfd, parent, 1, 0);
}
static long try_process_madvise(void) { return syscall(NR_process_madvise, -1, 0, 0, 0, 0); }

static long try_mount_tmpfs(void) { return mount("none", "/mnt", "tmpfs", 0, 0); }
static long try_mount_proc(void) { return mount("proc", "/mnt", "proc", 0, 0); }
static long try_mount_root_writable(void) { return mount(0, "/", 0, MS_REMOUNT | MS_BIND, 0); }
static long try_mount_bind(void) { return mount("/proc/1", "/mnt", 0, MS_BIND, 0); }
static long try_umount(void) { return umount2("/proc/kcore", MNT_DETACH); }
static long try_pivot_root(void) { return syscall(SYS_pivot_root, "/tmp", "/tmp"); }
static long try_chroot(void) { return chroot("/tmp"); }
static long try_open_tree(void) { return syscall(NR_open_tree, AT_FDCWD, "/", 1); }
static long try_move_mount(void) { return syscall(NR_move_mount, -1, "", AT_FDCWD, "/mnt", 4); }
static long try_fsopen(void) { return syscall(NR_fsopen, "tmpfs", 0); }
static long try_fsconfig(void) { return syscall(NR_fsconfig, -1, 0, 0, 0, 0); }
static long try_fsmount(void) { return syscall(NR_fsmount, -1, 0, 0); }
static long try_fspick(void) { return syscall(NR_fspick, AT_FDCWD, "/", 0); }
static long try_mount_setattr(void) { return syscall(NR_mount_setattr, AT_FDCWD, "/", 0, 0, 0); }
static long try_open_by_handle(void) { return syscall(SYS_open_by_handle_at, AT_FDCWD, 0, 0); }
static long try_name_to_handle(void) { return syscall(SYS_name_to_handle_at, AT_FDCWD, "/", 0, 0, 0); }
static long try_fanotify(void) { return syscall(SYS_fanotify_init, 0x200, 0); }

static long try_unshare_user(void) { return unshare(CLONE_NEWUSER); }
static long try_unshare_mount(void) { return unshare(CLONE_NEWNS); }
static long try_unshare_network(void) { return unshare(CLONE_NEWNET); }
static long try_setns(void) { return setns(open("/proc/1/ns/uts", O_RDONLY), 0); }
static long clone_with(unsigned long flags) {
  long child = syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);
  if (child == 0) _exit(0);
  return child;
}
static long try_clone_user(void) { return clone_with(CLONE_NEWUSER); }
static long try_clone_mount(void) { return clone_with(CLONE_NEWNS); }
static long try_clone_pid(void) { return clone_with(CLONE_NEWPID); }
static long try_clone_network(void) { return clone_with(CLONE_NEWNET); }
static long try_clone_ipc(void) { return clone_with(CLONE_NEWIPC); }
static long try_clone_uts(void) { return clone_with(CLONE_NEWUTS); }
static long try_clone_cgroup(void) { return clone_with(0x02000000); }
static long try_clone3_user(void) {
  uint64_t arguments[11] = {CLONE_NEWUSER, 0, 0, 0, SIGCHLD};
  long child = syscall(NR_clone3, arguments, sizeof arguments);
  if (child == 0) _exit(0);
  return child;
}

static long try_reboot(void) { return syscall(SYS_reboot, 0, 0, 0, 0); }
static long try_swapon(void) { return syscall(SYS_swapon, 0, 0); }
static long try_swapoff(void) { return syscall(SYS_swapoff, 0); }
static long try_kexec_load(void) { return syscall(SYS_kexec_load, 0, 99, 0, 0); }
static long try_init_module(void) { return syscall(SYS_init_module, 0, 0, ""); }
static long try_finit_module(void) { return syscall(SYS_finit_module, -1, "", 0); }
static long try_delete_module(void) { return syscall(SYS_delete_module, "parity_none", O_NONBLOCK); }
static long try_acct(void) { return syscall(SYS_acct, "/none/there"); }
static long try_quotactl(void) { return syscall(SYS_quotactl, 0x800001 << 8, 0, 0, 0); }
static long try_sethostname(void) { return sethostname("mine", 4); }
static long try_setdomainname(void) { return setdomainname("mine", 4); }
static long try_clock_settime(void) { return syscall(SYS_clock_settime, CLOCK_REALTIME, 0); }
static long try_settimeofday(void) { return syscall(SYS_settimeofday, 8, 0); }
static long try_adjtimex(void) { return syscall(SYS_adjtimex, 0); }
static long try_clock_adjtime(void) { return syscall(SYS_clock_adjtime, CLOCK_REALTIME, 0); }
static long try_syslog(void) { return syscall(SYS_syslog, 10, 0, 0); }
static long try_vhangup(void) { return vhangup(); }
static long try_mbind(void) { return syscall(SYS_mbind, 0, 0, 0, 0, 0, 0); }
static long try_set_mempolicy(void) { return syscall(SYS_set_mempolicy, 0, 0, 0); }
static long try_get_mempolicy(void) { return syscall(SYS_get_mempolicy, 0, 0, 0, 0, 0); }
static long try_memfd_secret(void) { return syscall(NR_memfd_secret, 0); }
static long try_lookup_dcookie(void) { return syscall(SYS_lookup_dcookie, 0, 0, 0); }
static long try_no_randomization(void) { return syscall(SYS_personality, 0x0040000); }
static long try_linux32(void) { return syscall(SYS_personality, 8); }

/* Budgets that all containers of a machine share. */
static long try_io_setup(void) { long context = 0; return syscall(SYS_io_setup, 8, &context); }
static long try_mq_open(void) { return syscall(SYS_mq_open, "parity", O_RDWR | O_CREAT, 0600, 0); }

static long try_setuid(void) { return syscall(SYS_setresuid, 0, 0, 0); }
static long try_setgid(void) { return syscall(SYS_setresgid, 0, 0, 0); }
static long try_setgroups(void) { gid_t root = 0; return syscall(SYS_setgroups, 1, &root); }
static long try_capset(void) {
  uint32_t header[2] = {0x20080522, 0}, all[6] = {~0u, ~0u, ~0u, ~0u, ~0u, ~0u};
  return syscall(SYS_capset, header, all);
}
static long try_ambient(void) { return prctl(47, 2, 21, 0, 0); }
static long try_new_privileges(void) { return prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0); }
static long try_priority(void) { return setpriority(PRIO_PROCESS, 0, -10); }
static long try_realtime(void) {
  struct sched_param parameter = {.sched_priority = 10};
  return sched_setscheduler(0, SCHED_FIFO, &parameter);
}
static long raise_limit(int resource) {
  struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
  return setrlimit(resource, &limit);
}
static long try_raise_files(void) { return raise_limit(RLIMIT_NOFILE); }
static long try_raise_core(void) { return raise_limit(RLIMIT_CORE); }
static long try_raise_file_size(void) { return raise_limit(RLIMIT_FSIZE); }
static long try_raise_memory_lock(void) { return raise_limit(RLIMIT_MEMLOCK); }

static long try_mknod_memory(void) { return mknod("/tmp/memory", S_IFCHR | 0666, 0x101); }
static long try_mknod_disk(void) { return mknod("/tmp/disk", S_IFBLK | 0666, 0x800); }

static long try_socket_raw(void) { return socket(AF_INET, SOCK_RAW, IPPROTO_ICMP); }
static long try_socket_raw6(void) { return socket(AF_INET6, SOCK_RAW, 58); }
static long try_socket_packet(void) { return socket(17, SOCK_RAW, htons(3)); }
static long try_socket_vsock(void) { return socket(40, SOCK_STREAM, 0); }
static long try_socket_alg(void) { return socket(38, SOCK_SEQPACKET, 0); }
static long try_socket_netfilter(void) { return socket(AF_NETLINK, SOCK_RAW, 12); }
static long try_socket_audit(void) { return socket(AF_NETLINK, SOCK_RAW, 9); }
static long try_socket_uevent(void) { return socket(AF_NETLINK, SOCK_DGRAM, 15); }
static long try_socket_key(void) { return socket(15, SOCK_RAW, 2); }
static long try_socket_bluetooth(void) { return socket(31, SOCK_RAW, 1); }
static long try_socket_xdp(void) { return socket(44, SOCK_RAW, 0); }
static long try_socketpair_tipc(void) { int pair[2]; return socketpair(30, SOCK_STREAM, 0, pair); }
static long try_interface(void) {
  struct ifreq request = {0};
  strcpy(request.ifr_name, "lo");
  request.ifr_flags = 0;
  return ioctl(socket(AF_INET, SOCK_DGRAM, 0), 0x8914, &request); /* SIOCSIFFLAGS: down */
}

#if defined(__x86_64__)
static long try_iopl(void) { return syscall(SYS_iopl, 3); }
static long try_ioperm(void) { return syscall(SYS_ioperm, 0, 1, 1); }
static long try_modify_ldt(void) { return syscall(SYS_modify_ldt, 0, two_pages, 16); }
/* getpid by the 32-bit gate, and by the x32 numbering: ways around a filter that knows 64-bit numbers alone. */
static long try_call32(void) { long result; __asm__ volatile("int $0x80" : "=a"(result) : "a"(20L) : "memory"); return result; }
static long try_x32(void) { return syscall(0x40000000 + SYS_getpid); }
#endif

#define CALL(name) {#name, try_##name}
static const struct { const char *name; long (*attempt)(void); } calls[] = {
  CALL(io_uring_setup), CALL(io_uring_enter), CALL(io_uring_register), CALL(add_key), CALL(request_key), CALL(keyctl),
  CALL(userfaultfd), CALL(bpf), CALL(perf_event_open), CALL(ptrace_init), CALL(ptrace_parent), CALL(ptrace_traceme),
  CALL(process_vm_readv), CALL(process_vm_writev), CALL(kcmp), CALL(pidfd_getfd), CALL(process_madvise),
  CALL(mount_tmpfs), CALL(mount_proc), CALL(mount_root_writable), CALL(mount_bind), CALL(umount), CALL(pivot_root),
  CALL(chroot), CALL(open_tree), CALL(move_mount), CALL(fsopen), CALL(fsconfig), CALL(fsmount), CALL(fspick),
  CALL(mount_setattr), CALL(open_by_handle), CALL(name_to_handle), CALL(fanotify), CALL(unshare_user),
  CALL(unshare_mount), CALL(unshare_network), CALL(setns), CALL(clone_user), CALL(clone_mount), CALL(clone_pid),
  CALL(clone_network), CALL(clone_ipc), CALL(clone_uts), CALL(clone_cgroup), CALL(clone3_user), CALL(reboot),
  CALL(swapon), CALL(swapoff), CALL(kexec_load), CALL(init_module), CALL(finit_module), CALL(delete_module), CALL(acct),
  CALL(quotactl), CALL(sethostname), CALL(setdomainname), CALL(clock_settime), CALL(settimeofday), CALL(adjtimex),
  CALL(clock_adjtime), CALL(syslog), CALL(vhangup), CALL(mbind), CALL(set_mempolicy), CALL(get_mempolicy),
  CALL(memfd_secret), CALL(lookup_dcookie), CALL(no_randomization), CALL(linux32), CALL(io_setup), CALL(mq_open),
  CALL(setuid), CALL(setgid), CALL(setgroups), CALL(capset), CALL(ambient), CALL(new_privileges), CALL(priority),
  CALL(realtime), CALL(raise_files), CALL(raise_core), CALL(raise_file_size), CALL(raise_memory_lock),
  CALL(mknod_memory), CALL(mknod_disk), CALL(socket_raw), CALL(socket_raw6), CALL(socket_packet), CALL(socket_vsock),
  CALL(socket_alg), CALL(socket_netfilter), CALL(socket_audit), CALL(socket_uevent), CALL(socket_key),
  CALL(socket_bluetooth), CALL(socket_xdp), CALL(socketpair_tipc), CALL(interface),
#if defined(__x86_64__)
  CALL(iopl), CALL(ioperm), CALL(modify_ldt), CALL(call32), CALL(x32),
#endif
};

static int try_calls(void) {
  for (size_t index = 0; index < sizeof calls / sizeof *calls; index++) {
    int result[2];
    if (pipe(result)) return 1;
    pid_t child = fork();
    if (child < 0) return 1;
    if (child == 0) {
      errno = 0;
      int32_t answer = calls[index].attempt() < 0 ? errno : 0;
      if (write(result[1], &answer, sizeof answer) < 0) _exit(1);
      _exit(0);
    }
    close(result[1]);
    int32_t answer = -1;
    int status = 0, isAnswered = read(result[0], &answer, sizeof answer) == sizeof answer;
    close(result[0]);
    waitpid(child, &status, 0);
    if (!isAnswered) printf("%s signal %d\n", calls[index].name, WIFSIGNALED(status) ? WTERMSIG(status) : 0);
    else if (answer) printf("%s errno %d\n", calls[index].name, answer);
    else printf("%s ok\n", calls[index].name);
    fflush(stdout);
  }
  return 0;
}

/* ---- Verbs ---- */

static int fail(const char *what) { fprintf(stderr, "%s: %s\n", what, strerror(errno)); return 1; }

/* Writes to `megabytes` of memory, page by page. */
static int memory(const char *megabytes) {
  size_t size = strtoul(megabytes, 0, 10) << 20;
  char *bytes = mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (bytes == MAP_FAILED) return fail("mmap");
  for (size_t at = 0; at < size; at += 4096) bytes[at] = 1;
  puts("reached");
  return 0;
}

/* As `memory`, in System V shared memory, which outlives its process. */
static int shared(const char *megabytes) {
  size_t size = strtoul(megabytes, 0, 10) << 20;
  int segment = shmget(0x5041, size, IPC_CREAT | 0600);
  if (segment < 0) return fail("shmget");
  char *bytes = shmat(segment, 0, 0);
  for (size_t at = 0; at < size; at += 4096) bytes[at] = 1;
  puts("reached");
  return 0;
}

/* Whether an earlier container's shared memory is there. */
static int shared_left(const char *none) {
  (void)none;
  puts(shmget(0x5041, 0, 0600) < 0 ? "none" : "reached");
  return 0;
}

/* Starts threads until there are no more, and says how many there were. */
static void *sleeper(void *none) { pause(); return none; }
static int threads(const char *most) {
  pthread_attr_t small;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, 65536);
  int count = 0, limit = atoi(most);
  pthread_t thread;
  while (count < limit && pthread_create(&thread, &small, sleeper, 0) == 0) count++;
  printf("%d\n", count);
  return 0;
}

/* Opens files until there are no more, and says how many there were. */
static int files(const char *most) {
  int count = 0, limit = atoi(most);
  while (count < limit && open("/dev/null", O_RDONLY) >= 0) count++;
  printf("%d\n", count);
  return 0;
}

/* Fills pipes with as much as they take. */
static int pipes(const char *most) {
  static char block[65536];
  int limit = atoi(most);
  for (int count = 0; count < limit; count++) {
    int both[2];
    if (pipe2(both, O_NONBLOCK)) break;
    while (write(both[1], block, sizeof block) > 0) {}
  }
  puts("filled");
  return 0;
}

/* Makes `count` empty files in the folder where it stands, as far as it gets, and says how far. */
static int inodes(const char *count) {
  long limit = atol(count), made = 0;
  for (; made < limit; made++) {
    char name[32];
    snprintf(name, sizeof name, "%07ld", made);
    int file = open(name, O_CREAT | O_WRONLY, 0600);
    if (file < 0) break;
    close(file);
  }
  printf("%ld %d\n", made, made < limit ? errno : 0);
  return 0;
}

/* Folders within folders, from where it stands, far deeper than a path can say. */
static int depth(const char *count) {
  char name[201];
  memset(name, 'd', 200);
  name[200] = 0;
  for (long left = atol(count); left > 0; left--)
    if (mkdir(name, 0755) || chdir(name)) return fail("mkdir");
  int file = open("bottom", O_CREAT | O_WRONLY, 0600);
  return file < 0 ? fail("open") : 0;
}

/* Files whose names are no text, and one name of each awkward kind. */
static int names(const char *none) {
  (void)none;
  static const char *awkward[] = {
    "new\nline", "\xff\xfe", " ", "-rf", "...", "tab\t", "quote\"\\", "\x01\x7f", ".wh.gone", ".wh..wh..opq",
    "caf\xc3\xa9", "@LongLink", "pax_global_header", "a=b",
  };
  for (size_t index = 0; index < sizeof awkward / sizeof *awkward; index++)
    if (open(awkward[index], O_CREAT | O_WRONLY, 0600) < 0) return fail("open");
  char longest[256];
  memset(longest, 'n', 255);
  longest[255] = 0;
  return open(longest, O_CREAT | O_WRONLY, 0600) < 0 ? fail("open") : 0;
}

static int socket_file(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  return bind(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&address, sizeof address) ? fail("bind") : 0;
}

static int hardlink_of_symlink(const char *none) {
  (void)none;
  if (symlink("/etc/passwd", "soft") || linkat(AT_FDCWD, "soft", AT_FDCWD, "hard", 0)) return fail("link");
  return 0;
}

/* Whether a TCP connection to ADDRESS:PORT comes about within a second. */
static int tcp(const char *place) {
  char host[64] = {0};
  int port = 0;
  sscanf(place, "%63[^:]:%d", host, &port);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  inet_pton(AF_INET, host, &address.sin_addr);
  alarm(2);
  if (connect(socket(AF_INET, SOCK_STREAM, 0), (void *)&address, sizeof address)) return fail("connect");
  puts("reached");
  return 0;
}

/* Whether the abstract Unix socket NAME of the host can be reached. */
static int abstract(const char *name) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  memcpy(address.sun_path + 1, name, strlen(name));
  socklen_t length = offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name);
  if (connect(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&address, length)) return fail("connect");
  puts("reached");
  return 0;
}

/* Says how many random bytes the kernel gives. */
static int chance(const char *none) {
  (void)none;
  char bytes[16];
  long got = syscall(SYS_getrandom, bytes, sizeof bytes, 1);
  printf("%ld\n", got < 0 ? -(long)errno : got);
  return 0;
}

/* Leaves a process of its own session behind that writes for ever. */
static int daemonize(const char *path) {
  if (fork()) { usleep(300000); return 0; }
  setsid();
  if (fork()) _exit(0);
  int file = open(path, O_CREAT | O_WRONLY | O_APPEND, 0644);
  for (;;) usleep(write(file, "x", 1) < 1 ? 1000 : 100);
}

/* Whether it runs as root; it may have the bit that would make it so. */
static int root(const char *none) { (void)none; puts(geteuid() ? "nobody" : "reached"); return 0; }

/* What each way to ask for the date says, and whether time goes on all the same. */
static int clocks(const char *none) {
  (void)none;
  struct timespec real, coarse, base, before, after;
  struct timeval day;
  struct timezone zone = {7, 7};
  clock_gettime(CLOCK_REALTIME, &real);
  clock_gettime(CLOCK_REALTIME_COARSE, &coarse);
  gettimeofday(&day, &zone);
  timespec_get(&base, TIME_UTC);
  time_t stored, returned = time(&stored);
  printf("%ld %ld %ld %ld %ld %ld\n", (long)real.tv_sec, (long)coarse.tv_sec, (long)day.tv_sec, (long)base.tv_sec,
         (long)stored, (long)returned);
  printf("%ld %ld %d\n", real.tv_nsec, (long)day.tv_usec, zone.tz_minuteswest);
  clock_gettime(CLOCK_MONOTONIC, &before);
  usleep(2000);
  clock_gettime(CLOCK_MONOTONIC, &after);
  long passed = (after.tv_sec - before.tv_sec) * 1000000000L + after.tv_nsec - before.tv_nsec;
  printf("%d %d\n", passed > 1000000, clock_gettime(99, &before));
  return 0;
}

static int crash(const char *none) { (void)none; *(volatile int *)8 = 1; return 0; }

/* Children that end and are not waited for. */
static int zombies(const char *count) {
  for (int left = atoi(count); left > 0; left--) {
    pid_t child = fork();
    if (child == 0) _exit(0);
    if (child < 0) return fail("fork");
    if (left % 20 == 0) usleep(20000);
  }
  return 0;
}

/* Locks as many bytes of a file as it is let, one by one. */
static int locks(const char *count) {
  int file = open("/tmp/locked", O_CREAT | O_RDWR, 0600);
  long made = 0, limit = atol(count);
  for (; made < limit; made++) {
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = made * 2, .l_len = 1};
    if (fcntl(file, F_SETLK, &lock)) break;
  }
  puts("locked");
  return 0;
}

static const struct { const char *name; int (*act)(const char *); } verbs[] = {
  {"memory", memory}, {"shared", shared}, {"shared-left", shared_left}, {"threads", threads}, {"files", files},
  {"pipes", pipes}, {"inodes", inodes}, {"depth", depth}, {"names", names}, {"socket-file", socket_file},
  {"hardlink-of-symlink", hardlink_of_symlink}, {"tcp", tcp}, {"abstract", abstract}, {"chance", chance},
  {"daemonize", daemonize}, {"crash", crash}, {"root", root}, {"zombies", zombies}, {"locks", locks}, {"clocks", clocks},
};

int main(int count, char **words) {
  if (count < 2) return 2;
  if (!strcmp(words[1], "calls")) return try_calls();
  for (size_t index = 0; index < sizeof verbs / sizeof *verbs; index++)
    if (!strcmp(words[1], verbs[index].name)) return verbs[index].act(count > 2 ? words[2] : "");
  return 2;
}
