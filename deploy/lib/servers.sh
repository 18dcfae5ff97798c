# Private Postgres and RabbitMQ for tests, in a folder of their own on free loopback ports. Sourced, not run.

# start_servers FOLDER: starts both and exports PARITY_TEST_*.
start_servers() {
  local folder=$1 postgres_bin rabbit_bin port
  say "Starting a private Postgres and a private RabbitMQ"
  postgres_bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
  rabbit_bin=$(ls -d /usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin | sort -V | tail -n 1)
  chmod 755 "$folder"
  mkdir -p "$folder/pg" "$folder/mq"
  port=$(free_port)
  # The server refuses to run as root.
  if [ "$(id -u)" = 0 ]; then
    chown postgres "$folder/pg"
    run_postgres() { setpriv --reuid=postgres --regid=postgres --init-groups "$@"; }
  else
    run_postgres() { "$@"; }
  fi
  (cd "$folder/pg" && run_postgres "$postgres_bin/initdb" -D "$folder/pg/data" -U parity --auth=trust >/dev/null)
  (cd "$folder/pg" && run_postgres "$postgres_bin/pg_ctl" -D "$folder/pg/data" -l "$folder/pg/log" -w start \
    -o "-p $port -k $folder/pg -c listen_addresses=127.0.0.1 -c max_connections=300" >/dev/null)
  postgres_stop=("$postgres_bin/pg_ctl" -D "$folder/pg/data" -m immediate -w stop)
  export PARITY_TEST_POSTGRES=postgres://parity@127.0.0.1:$port/postgres

  local amqp api
  amqp=$(free_port)
  api=$(free_port)
  printf 'listeners.tcp.1 = 127.0.0.1:%s\nmanagement.tcp.port = %s\nmanagement.tcp.ip = 127.0.0.1\nlog.console = false\nlog.file.level = warning\n' \
    "$amqp" "$api" >"$folder/mq/rabbitmq.conf"
  echo '[rabbitmq_management].' >"$folder/mq/enabled_plugins"
  epmd_port=$(free_port)
  env RABBITMQ_NODENAME="test-$amqp@localhost" RABBITMQ_MNESIA_BASE="$folder/mq/db" \
    RABBITMQ_LOG_BASE="$folder/mq/log" RABBITMQ_CONFIG_FILE="$folder/mq/rabbitmq.conf" \
    RABBITMQ_ENABLED_PLUGINS_FILE="$folder/mq/enabled_plugins" RABBITMQ_DIST_PORT="$(free_port)" \
    ERL_EPMD_PORT="$epmd_port" HOME="$folder/mq" setsid "$rabbit_bin/rabbitmq-server" >"$folder/mq/out" 2>&1 &
  rabbit_pid=$!
  export PARITY_TEST_AMQP=amqp://guest:guest@127.0.0.1:$amqp
  export PARITY_TEST_RABBITMQ_API=http://guest:guest@127.0.0.1:$api
  local try
  for try in $(seq 120); do
    if curl -sf "$PARITY_TEST_RABBITMQ_API/api/overview" >/dev/null; then return 0; fi
    sleep 0.5
  done
  tail -n 20 "$folder/mq/out" >&2
  die "RabbitMQ did not start"
}

stop_servers() {
  if [ -n "${postgres_stop:-}" ]; then run_postgres "${postgres_stop[@]}" >/dev/null 2>&1 || true; fi
  if [ -n "${rabbit_pid:-}" ]; then
    # Its own session: the shell, the Erlang machine and their helpers.
    pkill -KILL -s "$rabbit_pid" 2>/dev/null || true
    wait "$rabbit_pid" 2>/dev/null || true
    # The port mapper refuses to end until it has noticed that its node is gone.
    local try
    for try in $(seq 50); do
      if env ERL_EPMD_PORT="$epmd_port" epmd -kill 2>&1 | grep -qE 'Killed|Cannot connect|connect'; then break; fi
      sleep 0.1
    done
  fi
}
