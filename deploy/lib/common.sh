# Shared by the scripts of this folder: messages, packages, Docker, Swift. Sourced, not run.

say() { printf '\n\033[1m==> %s\033[0m\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# install_packages NAME…: says which Debian packages are missing, then installs them. Services of packages are not
# started: everything here runs its own.
install_packages() {
  local missing=() name
  for name in "$@"; do
    dpkg-query -W -f='${Status}' "$name" 2>/dev/null | grep -q 'ok installed' || missing+=("$name")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  command -v apt-get >/dev/null || die "these packages are missing, and only Debian and Ubuntu are known here: ${missing[*]}"
  say "Installing packages: ${missing[*]}"
  local policy=/usr/sbin/policy-rc.d made=no
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
    made=yes
  fi
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
  if [ "$made" = yes ]; then as_root rm -f "$policy"; fi
}

# need_swift: a toolchain that can build this package.
need_swift() {
  command -v swift >/dev/null || die "Swift 6.2 or newer is needed: see https://www.swift.org/install/linux/"
  local version
  version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9]*\.[0-9]*\).*/\1/p' | head -n 1)
  case $version in
    6.[2-9]* | 6.[1-9][0-9]* | [7-9].*) ;;
    *) die "Swift $version is too old; 6.2 or newer is needed: see https://www.swift.org/install/linux/" ;;
  esac
}

started_dockerd=
# need_docker: uses the engine that answers, or starts one that stop_docker ends.
need_docker() {
  if docker info >/dev/null 2>&1; then return 0; fi
  command -v dockerd >/dev/null || install_packages docker.io
  say "No Docker Engine answers: starting one until this script ends"
  as_root sh -c "nohup dockerd >'$1/dockerd.log' 2>&1 & echo \$! >'$1/dockerd.pid'"
  started_dockerd=$1/dockerd.pid
  local try
  for try in $(seq 360); do
    if docker info >/dev/null 2>&1; then return 0; fi
    sleep 0.5
  done
  tail -n 5 "$1/dockerd.log" >&2
  die "the Docker Engine did not start"
}

stop_docker() {
  [ -n "$started_dockerd" ] || return 0
  local pid
  pid=$(cat "$started_dockerd" 2>/dev/null) || return 0
  as_root kill "$pid" 2>/dev/null || true
  while as_root kill -0 "$pid" 2>/dev/null; do sleep 0.2; done
  started_dockerd=
}

# make_busybox_image NAME: an image of Debian's static busybox alone, the same bytes each time.
make_busybox_image() {
  local root
  root=$(mktemp -d)
  mkdir -p "$root/bin" "$root/tmp" "$root/etc" "$root/mnt"
  cp /bin/busybox "$root/bin/busybox"
  local applet
  for applet in $(/bin/busybox --list); do
    [ "$applet" = busybox ] || ln -sf busybox "$root/bin/$applet"
  done
  printf 'root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n' >"$root/etc/passwd"
  tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -C "$root" -c . |
    docker import -c 'CMD ["sh"]' - "$1" >/dev/null
  rm -rf "$root"
}

# free_port: a free loopback port below the kernel's ephemeral range, so that no outgoing connection takes it before the
# server that it is meant for does.
free_port() { free_ports 1; }

# free_ports COUNT: so many different ones, a line each.
free_ports() {
  python3 - "$1" <<'PYTHON'
import random, socket, sys
held = []
while len(held) < int(sys.argv[1]):
    probe = socket.socket()
    try:
        probe.bind(("127.0.0.1", random.randrange(20000, 32768)))
    except OSError:
        continue
    held.append(probe)
    print(probe.getsockname()[1])
PYTHON
}

# make_certificates FOLDER: an authority (ca.pem) and a server certificate of its for this machine, valid for a day.
make_certificates() {
  mkdir -p "$1"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj '/CN=test authority' \
    -keyout "$1/ca.key" -out "$1/ca.pem" 2>/dev/null
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj '/CN=localhost' \
    -keyout "$1/server.key" -out "$1/server.csr" 2>/dev/null
  openssl x509 -req -in "$1/server.csr" -CA "$1/ca.pem" -CAkey "$1/ca.key" -CAcreateserial -days 1 \
    -extfile <(printf 'subjectAltName=DNS:localhost,IP:127.0.0.1') -out "$1/server.pem" 2>/dev/null
  chmod 600 "$1/server.key"
}

# close_files: keeps the standard three alone. A server that kept another open, such as the pipe by which a parent learns
# that its child has ended, would keep that parent waiting.
close_files() {
  local file number
  for file in /proc/self/fd/*; do
    number=${file##*/}
    if [ "$number" -gt 2 ]; then eval "exec $number>&-"; fi
  done
}

# need_python_image NAME: Debian with Python, Perl and GNU's tools: the official image, or, where no registry answers, what
# PARITY_TEST_IMAGES makes under this name.
need_python_image() {
  docker image inspect "$1" >/dev/null 2>&1 && return 0
  if timeout 300 docker pull -q python:3.13-slim-bookworm >/dev/null 2>&1; then
    docker tag python:3.13-slim-bookworm "$1"
    return 0
  fi
  [ -x "${PARITY_TEST_IMAGES:-}" ] && "$PARITY_TEST_IMAGES" "${1#*/}"
}
