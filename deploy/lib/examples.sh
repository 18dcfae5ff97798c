# The examples, run through a whole network of three runners and a builder. Sourced by deploy/test, not run.

network_pid=

# start_network BIN FOLDER: `parity dev` with a state of its own; the command line is pointed at it.
start_network() {
  local try
  export PARITY_CONFIG=$2/network/client.json
  # Where nothing but our own processes may write; PostgreSQL's account must be able to walk there.
  chmod 755 "$2"
  mkdir -p "$2/network"
  # No image stays longer than it is used, so that the engine is left as it was.
  HOME=$2 PARITY_IMAGE_CACHE_BYTES=0 "$1/parity" dev --runners 3 --state "$2/network" >"$2/network.log" 2>&1 &
  network_pid=$!
  for try in $(seq 480); do
    grep -q 'The network is up' "$2/network.log" && return 0
    kill -0 "$network_pid" 2>/dev/null || break
    sleep 0.5
  done
  tail -n 20 "$2/network.log" >&2
  die "the network did not start"
}

stop_network() {
  [ -n "$network_pid" ] || return 0
  kill -TERM "$network_pid" 2>/dev/null || true
  wait "$network_pid" 2>/dev/null || true
  network_pid=
}

# base_image: the argument that names a base where no registry answers.
base_image() {
  docker image inspect debian:bookworm-slim >/dev/null 2>&1 && return 0
  timeout 300 docker pull -q debian:bookworm-slim >/dev/null 2>&1 && return 0
  docker image inspect parity-test/debian >/dev/null 2>&1 ||
    { [ -x "${PARITY_TEST_IMAGES:-}" ] && "$PARITY_TEST_IMAGES" debian >&2; } || return 1
  echo BASE=parity-test/debian
}

# test_examples BIN FOLDER: every example is verified, with the output digest that its task expects.
test_examples() {
  local bin=$1 folder=$2 base example name arguments=() passed=0 failed=0 started
  base=$(base_image) || {
    [ "${tests:-no}" = yes ] || die "no registry answers; see deploy/test --help"
    say "The examples were left out: no registry answers, and nothing makes a base image in its place"
    return 0
  }
  [ -z "$base" ] || arguments=(--build-arg "$base")
  say "Starting a network of three runners and a builder"
  start_network "$bin" "$folder"
  say "Running the examples"
  for example in deploy/examples/*/; do
    name=$(basename "$example")
    started=$SECONDS
    if "$bin/parity" submit "$example/task.yaml" "${arguments[@]}" --watch --timeout 600s \
      >"$folder/$name.log" 2>&1; then
      printf '  ok  %s: %s, %s s\n' "$name" "$(grep -o 'output digest sha256:[0-9a-f]*' "$folder/$name.log" | head -n 1)" \
        $((SECONDS - started))
      passed=$((passed + 1))
    else
      tail -n 25 "$folder/$name.log" >&2
      printf '  failed  %s\n' "$name" >&2
      failed=$((failed + 1))
    fi
  done
  stop_network
  printf '%s passed, %s failed\n' "$passed" "$failed"
  [ "$failed" = 0 ] || die "not every example ended as expected"
}
