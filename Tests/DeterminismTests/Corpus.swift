import ParityProtocol

/// One small program of the corpus: what it does, and what is known of it.
struct CorpusProgram: Sendable {
    enum Image: String, Sendable {
        /// Busybox alone.
        case busybox = "parity-test/busybox"
        /// Debian with Python and Perl.
        case python = "parity-test/python"
    }

    enum Code: Sendable {
        case shell(String)
        case python(String)
        case perl(String)
        /// Compiled by the test, statically.
        case c(String)
    }

    let name: String
    let image: Image
    let code: Code
    /// Why its runs differ; nil for one that is clean.
    let cause: DivergenceCause?
    /// Whether it needs more than one CPU to be what it is.
    var isParallel = false

    static func shell(_ name: String, _ cause: DivergenceCause?, _ code: String, isParallel: Bool = false) -> Self {
        CorpusProgram(name: name, image: .busybox, code: .shell(code), cause: cause, isParallel: isParallel)
    }

    /// A shell script for the image that has GNU's tools.
    static func debian(_ name: String, _ cause: DivergenceCause?, _ code: String) -> Self {
        CorpusProgram(name: name, image: .python, code: .shell(code), cause: cause)
    }

    static func python(_ name: String, _ cause: DivergenceCause?, _ code: String, isParallel: Bool = false) -> Self {
        CorpusProgram(name: name, image: .python, code: .python(code), cause: cause, isParallel: isParallel)
    }

    static func perl(_ name: String, _ cause: DivergenceCause?, _ code: String) -> Self {
        CorpusProgram(name: name, image: .python, code: .perl(code), cause: cause)
    }

    static func c(_ name: String, _ cause: DivergenceCause?, _ code: String, isParallel: Bool = false) -> Self {
        CorpusProgram(name: name, image: .busybox, code: .c(code), cause: cause, isParallel: isParallel)
    }
}

enum Corpus {
    /// What every program finds under `/input`, beside its own code.
    static let inputs = [
        "data/alpha.txt": "3 pears\n1 apple\n2 figs\n", "data/Beta.csv": "id,price\n2,9.50\n1,3.25\n",
        "data/gamma.log": "ok\nok\nwarn\n", "data/delta.txt": "delta\n", "data/epsilon.txt": "epsilon\n",
        "data/zeta.txt": "zeta\n", "data/eta.txt": "eta\n", "data/theta.txt": "theta\n",
    ]

    static let nondeterministic = shell + python + perl + c

    // MARK: - Each nondeterministic in one known way

    private static let shell: [CorpusProgram] = [
        .shell("prints the date", .timeStamp, "echo report of; date"),
        .shell("stamps a file with seconds", .timeStamp, "echo \"built_at=$(date +%s)\" > /output/build.properties"),
        .shell("prints today's date only", .timeStamp, "date +%Y-%m-%d"),
        .shell("lists times of new files", .timeStamp, "touch /output/a; ls -l --full-time /output > /output/listing"),
        .shell("awk's srand()", .random, "awk 'BEGIN { srand(); print \"sample\", rand() }'"),
        .shell("$RANDOM", .random, "echo $RANDOM $RANDOM"),
        .shell("names a file by mktemp", .temporaryPath, "f=$(mktemp); echo \"working in $f\""),
        .shell("prints the host name", .hostName, "echo \"built on $(hostname)\""),
        .shell("prints its user", .userID, "id"),
        .shell("splits by the number of CPUs", .cpuCount, "seq 100 | awk -v n=$(nproc) '{ print NR % n, $1 }' | sort"),
        .shell(
            "sizes a buffer by memory", .memorySize, "awk '/MemTotal/ { print \"buffer\", int($2 / 4) }' /proc/meminfo"),
        .shell("dumps the environment", .environment, "env | sort > /output/env.txt"),
        .shell("lists a folder unsorted", .directoryOrder, "find /input/data -type f"),
        .shell("archives a folder unsorted", .directoryOrder, "cd /input && tar -cf /output/data.tar data"),
        .shell("archives a new file", .archiveTime, "echo x > /tmp/x; tar -C /tmp -cf /output/x.tar x"),
        .shell("formats a time in local time", .timeZone, "date -d @86400"),
        .shell("prints its mounts", .fileIdentity, "cat /proc/self/mountinfo > /output/mounts"),
        .shell("lists inodes", .fileIdentity, "ls -i /input/data"),
        .shell("prints the kernel", .machine, "uname -sr"),
        .shell("prints free memory", .machineState, "free"),
        .shell(
            "echoes from workers as they end", .threadOrder,
            """
            for i in $(seq 12); do (sha256sum /bin/busybox /bin/busybox >/dev/null; echo "worker $i done") & done; wait
            """, isParallel: true),
        .debian("counts characters in the locale", .locale, "printf 'caf\\303\\251' | wc -m"),
        .debian(
            "compresses with gzip's header", .archiveTime, "echo x > /tmp/x && gzip /tmp/x && cp /tmp/x.gz /output"),
    ]

    private static let python: [CorpusProgram] = [
        .python(
            "a report with its time", .timeStamp,
            """
            import json, datetime
            print(json.dumps({"rows": 3, "generated": datetime.datetime.now().isoformat()}))
            """),
        .python(
            "log lines", .timeStamp,
            """
            import logging, sys
            logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
            logging.info("start"); logging.info("end")
            """),
        .python(
            "a time in binary", .timeStamp,
            """
            import struct, time
            open("/output/state.bin", "wb").write(b"STATE" + bytes(27) + struct.pack("<d", time.time()) + bytes(24))
            """),
        .python(
            "a database row with its time", .timeStamp,
            """
            import sqlite3
            db = sqlite3.connect("/output/rows.db")
            db.execute("create table t (name text, at text default current_timestamp)")
            db.execute("insert into t (name) values ('a')"); db.commit()
            """),
        .python(
            "says how long it took", .elapsedTime,
            """
            import time
            t = time.perf_counter(); sum(range(100000)); print(f"done in {time.perf_counter() - t:.6f} seconds")
            """),
        .python("a UUID", .uuid, "import uuid; print({'id': str(uuid.uuid4())})"),
        .python("unseeded sampling", .random, "import random; print([random.random() for _ in range(3)])"),
        .python("a secret token", .random, "import secrets; print('token', secrets.token_hex(16))"),
        .python("random bytes", .random, "import os; open('/output/key', 'wb').write(os.urandom(64))"),
        .python(
            "a temporary folder in its messages", .temporaryPath,
            "import tempfile; print('unpacked to', tempfile.mkdtemp())"),
        .python("an object's default description", .memoryAddress, "print({'model': object()})"),
        .python("an object's id()", .memoryAddress, "print('node', id(object()))"),
        .python("a set of strings", .hashOrder, "print({'pear', 'apple', 'fig', 'plum', 'quince', 'grape'})"),
        .python(
            "a set of objects", .hashOrder,
            """
            class Node:
                def __init__(self, name): self.name = name; self.pad = [0] * len(name) * 50
            print([n.name for n in {Node(w) for w in "pear apple fig plum quince grape lemon lime".split()}])
            """),
        .python("os.listdir()", .directoryOrder, "import os; print(os.listdir('/input/data'))"),
        .python(
            "results as threads end", .threadOrder,
            """
            import hashlib, threading
            done = []
            def work(n):
                hashlib.sha256(b"x" * 3000000).hexdigest(); done.append(f"job {n}")
            threads = [threading.Thread(target=work, args=(n,)) for n in range(12)]
            for t in threads: t.start()
            for t in threads: t.join()
            print("\\n".join(done))
            """, isParallel: true),
        .python(
            "sums in as many parts as there are CPUs", .cpuCount,
            """
            import os
            parts = os.cpu_count(); data = [1 / n for n in range(1, 20001)]
            step = len(data) // parts
            print(repr(sum(sum(data[i:i + step]) for i in range(0, len(data), step))))
            """),
        .python(
            "a zip archive", .archiveTime,
            "import zipfile; zipfile.ZipFile('/output/a.zip', 'w').writestr('a.txt', 'content')"),
    ]

    private static let perl: [CorpusProgram] = [
        .perl(
            "keys of a hash", .hashOrder,
            "my %h = map { $_ => 1 } qw(pear apple fig plum quince grape); print join(\",\", keys %h), \"\\n\";"),
        .perl("time()", .timeStamp, "print \"generated=\", time, \"\\n\";"),
        .perl("a printed reference", .memoryAddress, "print \"cache is \", {}, \"\\n\";"),
    ]

    private static let c: [CorpusProgram] = [
        .c(
            "prints a pointer", .memoryAddress,
            """
            #include <stdio.h>
            #include <stdlib.h>
            int main(void) { int x; printf("buffer at %p\\n", (void *)&x); return 0; }
            """),
        .c(
            "writes memory that was never initialised", .memoryAddress,
            """
            #include <stdio.h>
            #include <string.h>
            struct record { char kind; void *next; char name[40]; };
            static void noise(void) { void *volatile a[16]; for (int i = 0; i < 16; i++) a[i] = (void *)&a[i]; }
            static void save(FILE *f) { struct record r; r.kind = 'R'; strcpy(r.name, "a"); fwrite(&r, sizeof r, 1, f); }
            int main(void) { FILE *f = fopen("/output/record.bin", "wb"); noise(); save(f); return fclose(f); }
            """),
        .c(
            "counts without a lock", .threadOrder,
            """
            #include <pthread.h>
            #include <stdio.h>
            static volatile long counter;
            static void *add(void *p) { for (long i = 0; i < 3000000; i++) counter++; return p; }
            int main(void) {
              pthread_t t[4];
              for (int i = 0; i < 4; i++) pthread_create(&t[i], 0, add, 0);
              for (int i = 0; i < 4; i++) pthread_join(t[i], 0);
              printf("counter %ld\\n", counter); return 0;
            }
            """, isParallel: true),
        .c(
            "adds floats as threads bring them", .floatRounding,
            """
            #include <pthread.h>
            #include <stdio.h>
            static double sum; static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
            static void *add(void *p) {
              for (long i = (long)p; i < 400000; i += 4) {
                double x = 1.0 / (1.0 + i); pthread_mutex_lock(&lock); sum += x; pthread_mutex_unlock(&lock);
              }
              return 0;
            }
            int main(void) {
              pthread_t t[4];
              for (long i = 0; i < 4; i++) pthread_create(&t[i], 0, add, (void *)i);
              for (int i = 0; i < 4; i++) pthread_join(t[i], 0);
              printf("sum %.17g\\n", sum); return 0;
            }
            """, isParallel: true),
        .c(
            "prints a clock that counts from the boot", .elapsedTime,
            """
            #include <stdio.h>
            #include <time.h>
            int main(void) {
              struct timespec t; clock_gettime(CLOCK_BOOTTIME, &t);
              printf("%lld.%09ld\\n", (long long)t.tv_sec, t.tv_nsec); return 0;
            }
            """),
    ]

    // MARK: - Clean

    static let clean: [CorpusProgram] = [
        .shell("sorts", nil, "sort /input/data/alpha.txt"),
        .shell("hashes all files, by name", nil, "find /input/data -type f | sort | xargs sha256sum > /output/sums"),
        .shell("computes", nil, "awk 'BEGIN { for (i = 1; i < 1000; i++) s += 1 / i; printf \"%.12f\\n\", s }'"),
        .shell("tells the time on stderr", nil, "date >&2; echo done"),
        .shell("takes the time that it is given", nil, "date -u -d @$SOURCE_DATE_EPOCH +%Y"),
        .shell("uses a temporary file silently", nil, "f=$(mktemp); sort /input/data/alpha.txt > $f; cat $f"),
        .shell("fails, always the same way", nil, "echo no >&2; exit 3"),
        .debian(
            "archives with fixed times and order", nil,
            """
            mkdir /tmp/a; echo x > /tmp/a/x; echo y > /tmp/a/y
            tar -C /tmp --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf - a | gzip -n > /output/a.tar.gz
            """),
        .python(
            "sorted keys", nil, "import json; print(json.dumps({w: len(w) for w in {'b', 'aa', 'c'}}, sort_keys=True))"),
        .python(
            "a .pyc file, which Python dates by SOURCE_DATE_EPOCH", nil,
            """
            import py_compile
            open("/tmp/m.py", "w").write("x = 1\\n"); py_compile.compile("/tmp/m.py", cfile="/output/m.pyc")
            """),
        .python("seeded sampling", nil, "import random; random.seed(7); print([random.random() for _ in range(5)])"),
        .python(
            "a UUID of the content", nil, "import uuid; print(uuid.uuid5(uuid.NAMESPACE_URL, 'https://example.org/'))"),
        .python(
            "results in the order of the work", nil,
            """
            import concurrent.futures, hashlib
            with concurrent.futures.ThreadPoolExecutor(4) as pool:
                for digest in pool.map(lambda n: hashlib.sha256(bytes([n]) * 500000).hexdigest(), range(8)): print(digest)
            """, isParallel: true),
        .perl(
            "sorted keys of a hash", nil,
            "my %h = map { $_ => 1 } qw(pear apple fig); print join(\",\", sort keys %h), \"\\n\";"),
        .c(
            "primes", nil,
            """
            #include <stdio.h>
            int main(void) {
              for (int n = 2; n < 2000; n++) { int d = 2; while (d * d <= n && n % d) d++; if (d * d > n) printf("%d\\n", n); }
              return 0;
            }
            """),
    ]
}
