# Private Postgres and RabbitMQ for tests, in a folder of their own on free loopback ports. Sourced, not run.

# start_servers FOLDER [OPTION=VALUE…]: starts both, Postgres with these options, and exports PARITY_TEST_*.
start_servers() {
  say "Starting a private Postgres and a private RabbitMQ"
  servers_folder=$1
  shift
  chmod 755 "$servers_folder"
  local url api
  eval "$(deploy/lib/postgres-cluster start "$servers_folder/pg" "$@")"
  export PARITY_TEST_POSTGRES=$url
  eval "$(deploy/lib/rabbitmq-node start "$servers_folder/mq")"
  export PARITY_TEST_AMQP=$url PARITY_TEST_RABBITMQ_API=$api
}

stop_servers() {
  [ -n "${servers_folder:-}" ] || return 0
  deploy/lib/postgres-cluster stop "$servers_folder/pg" || true
  [ ! -e "$servers_folder/mq/ports" ] || deploy/lib/rabbitmq-node stop "$servers_folder/mq" || true
}
