# The compose stack, brought up for real and checked. Sourced by deploy/test, not run.

# stack ARGUMENT…: Compose on the test's own project.
stack() { "${compose[@]}" -p "$stack_name" --env-file "$stack_folder/env" -f docker-compose.yml "$@"; }

# find_compose: Compose v2 where the client has it, docker-compose 1.29 otherwise.
find_compose() {
  if docker compose version >/dev/null 2>&1; then
    compose=(docker compose)
  else
    install_packages docker-compose
    compose=(docker-compose)
  fi
  # The classic builder is there everywhere; a client without buildx fails otherwise.
  docker buildx version >/dev/null 2>&1 || export DOCKER_BUILDKIT=0 COMPOSE_DOCKER_CLI_BUILD=0
}

# need_images: pulls the official images, or, where no registry answers, has PARITY_TEST_IMAGES make stand-ins.
need_images() {
  [ -z "${POSTGRES_IMAGE:-}${RABBITMQ_IMAGE:-}${RUNTIME_IMAGE:-}" ] || return 0
  local image reached=yes
  for image in postgres:18-bookworm rabbitmq:4.2-management debian:bookworm-slim; do
    docker image inspect "$image" >/dev/null 2>&1 && continue
    timeout 300 docker pull -q "$image" >/dev/null 2>&1 || { reached=no; break; }
  done
  [ "$reached" = no ] || return 0
  [ -x "${PARITY_TEST_IMAGES:-}" ] || return 1
  say "No registry answers: making stand-ins for its images"
  "$PARITY_TEST_IMAGES" debian postgres rabbitmq || return 1
  export POSTGRES_IMAGE=parity-test/postgres RABBITMQ_IMAGE=parity-test/rabbitmq RUNTIME_IMAGE=parity-test/debian
}

# stage_binaries BIN FOLDER: what the image's target `prebuilt` copies: the programs, stripped, and the Swift runtime
# that they were linked to, which they look for beside themselves.
stage_binaries() {
  local bin=$1 folder=$2 program library
  rm -rf "$folder"
  mkdir -p "$folder"
  for program in gateway scheduler runner-agent verifier payout parity; do
    strip --strip-debug -o "$folder/$program" "$bin/$program"
    for library in $(ldd "$bin/$program" | awk '$3 ~ /\/swift\// {print $3}'); do
      cp -n "$library" "$folder/"
    done
  done
}

# sql QUERY: one value out of the stack's database.
sql() { stack exec -T postgres psql -X -U parity -d parity -tA -v ON_ERROR_STOP=1 -c "$1" | tr -d '\r'; }

# expect WHAT QUERY VALUE
expect() {
  local value
  value=$(sql "$2")
  [ "$value" = "$3" ] || die "$1: $value, not $3 ($2)"
  printf '  ok  %s: %s\n' "$1" "$value"
}

# wait_for WHAT SECONDS QUERY VALUE: until the query gives the value.
wait_for() {
  local deadline=$((SECONDS + $2)) value
  while :; do
    value=$(sql "$3" 2>/dev/null) || value=
    if [ "$value" = "$4" ]; then return 0; fi
    [ $SECONDS -lt $deadline ] || die "$1: still $value after $2 s, not $4 ($3)"
    sleep 0.5
  done
}

down_stack() {
  [ -n "${stack_name:-}" ] || return 0
  stack down -v --remove-orphans -t 40 >/dev/null 2>&1 || true
  rm -rf deploy/.prebuilt
  docker image rm -f "$PARITY_IMAGE" >/dev/null 2>&1 || true
}

# test_compose BIN FOLDER: builds the image from the binaries in BIN, brings the stack up with three agents, scales to
# five while tasks run, restarts the broker, and checks the books.
test_compose() {
  local bin=$1 count=60 started live="SELECT count(*) FROM runners WHERE NOT is_builder AND last_seen_at > now() - interval '15 s'"
  stack_folder=$2
  stack_name=parity-test-$$
  find_compose
  export PARITY_IMAGE=parity-test-$$:prebuilt PARITY_BUILD_TARGET=prebuilt
  deploy/new-env "$stack_folder/env"
  {
    echo "PARITY_PORT=$(free_port)"
    echo "PARITY_LEASE=20s"
    # No image stays longer than it is used, so that the engine is left as it was.
    echo "PARITY_IMAGE_CACHE_BYTES=0"
  } >>"$stack_folder/env"
  local setting
  setting() { sed -n "s/^$1=//p" "$stack_folder/env" | tail -n 1; }

  say "Building the stack's image from the binaries at hand"
  started=$SECONDS
  stage_binaries "$bin" deploy/.prebuilt
  stack build gateway >"$stack_folder/build.log" 2>&1 || { tail -n 20 "$stack_folder/build.log" >&2; die "the image was not built"; }
  printf '  ok  image: %s MB, %s s\n' "$(($(docker image inspect -f '{{.Size}}' "$PARITY_IMAGE") / 1000000))" $((SECONDS - started))

  say "Bringing the stack up with three runner agents"
  started=$SECONDS
  stack up -d --no-build --scale runner-agent=3 >"$stack_folder/up.log" 2>&1 || {
    tail -n 20 "$stack_folder/up.log" >&2
    stack ps >&2
    stack logs --tail 20 >&2
    die "the stack did not come up"
  }
  wait_for "live runners" 240 "$live" 3
  printf '  ok  up with three runners: %s s\n' $((SECONDS - started))

  export PARITY_GATEWAY_URL=http://127.0.0.1:$(setting PARITY_PORT) HOME=$stack_folder
  local account key image identity
  account=$(PARITY_ADMIN_KEY=$(setting PARITY_ADMIN_KEY) "$bin/parity" account create submitter --json)
  key=$(python3 -c 'import json, sys; print(json.load(sys.stdin)["api_key"])' <<<"$account")
  identity=$(python3 -c 'import json, sys; print(json.load(sys.stdin)["id"])' <<<"$account")
  export PARITY_API_KEY=$key
  PARITY_ADMIN_KEY=$(setting PARITY_ADMIN_KEY) "$bin/parity" deposit 1000 --account "$identity" >/dev/null
  image=$(docker image inspect -f '{{.Id}}' parity-test/busybox)

  say "Submitting $count tasks through the gateway; scaling from three to five while they run"
  started=$SECONDS
  submit() {
    "$bin/parity" submit --image "$image" --reward 1 --env "N=$1" -- \
      sh -c 'sleep 0.5; echo "$N" | sha256sum | tee /output/digest' >/dev/null
  }
  submit_range() {
    local number
    for number in $(seq "$1" "$2"); do submit "$number" || return 1; done
  }
  submit_range 1 $((count / 2))
  submit_range $((count / 2 + 1)) $((count * 3 / 4)) &
  local submitting=$!
  stack up -d --no-build --no-recreate --scale runner-agent=5 >>"$stack_folder/up.log" 2>&1 || { tail -n 20 "$stack_folder/up.log" >&2; die "the stack did not scale"; }
  wait_for "live runners" 240 "$live" 5
  local open
  open=$(sql "SELECT count(*) FROM tasks WHERE settled_at IS NULL")
  stack restart -t 30 rabbitmq >>"$stack_folder/up.log" 2>&1 || die "the broker did not restart"
  printf '  ok  broker restarted while %s tasks were open\n' "$open"
  wait $submitting || die "a submission was refused"
  submit_range $((count * 3 / 4 + 1)) $count
  wait_for "settled tasks" 400 "SELECT count(*) FROM tasks WHERE settled_at IS NOT NULL" $count
  printf '  ok  all settled %s s after the first was submitted\n' $((SECONDS - started))

  say "Looking at verdicts and payouts in the database"
  expect "verified tasks" "SELECT count(*) FROM tasks WHERE state = 'verified'" $count
  expect "verdicts that a quorum of equal digests stands behind" "SELECT count(*) FROM verdicts v WHERE 2 <= (
    SELECT count(*) FROM replicas r WHERE r.task_id = v.task_id AND r.output_digest = v.output_digest)" $count
  expect "digests, one for each task's own output" "SELECT count(DISTINCT output_digest) FROM verdicts" $count
  expect "tokens paid to runners, in millionths" "SELECT sum(amount) FROM payouts" $((count * 1000000))
  expect "runners that were paid" "SELECT count(DISTINCT runner_id) FROM payouts" 5
  local violations
  violations=$(stack exec -T postgres psql -X -U parity -d parity -tA -v ON_ERROR_STOP=1 <deploy/audit.sql)
  [ -z "$violations" ] || die "deploy/audit.sql found: $violations"
  printf '  ok  deploy/audit.sql finds nothing\n'

  say "Scaling down to two: who leaves hands back what it holds"
  stack up -d --no-build --no-recreate --scale runner-agent=2 >>"$stack_folder/up.log" 2>&1 || die "the stack did not scale down"
  submit last
  wait_for "the last task" 240 "SELECT count(*) FROM tasks WHERE state = 'verified' AND settled_at IS NOT NULL" $((count + 1))
  printf '  ok  a task was settled by those that stayed\n'

  say "Submitting a Dockerfile: the builder makes its image, the runners run it"
  mkdir "$stack_folder/context"
  printf 'FROM parity-test/busybox\nCOPY run /run.sh\nCMD ["sh", "/run.sh"]\n' >"$stack_folder/context/Dockerfile"
  echo 'echo built > /output/answer' >"$stack_folder/context/run"
  "$bin/parity" submit --dockerfile "$stack_folder/context" --reward 1 --watch --timeout 300s >"$stack_folder/built.log" ||
    { cat "$stack_folder/built.log" >&2; die "the Dockerfile task did not end verified"; }
  wait_for "the Dockerfile task" 240 "SELECT count(*) FROM tasks WHERE state = 'verified' AND settled_at IS NOT NULL" $((count + 2))
  expect "builds" "SELECT count(*) FROM builds WHERE state = 'built'" 1
  local deadline=$((SECONDS + 240))
  while stack ps | grep -qiE 'unhealthy|starting'; do
    [ $SECONDS -lt $deadline ] || { stack ps >&2; die "not all containers are healthy"; }
    sleep 1
  done
  printf '  ok  every container is healthy\n'
  stack ps
}
