# ./dev run: a database of its own, the three daemons, a receiver and a recommendations service, and two conversations.
# shellcheck shell=bash

readonly kDemoDatabase=sluice_demo
readonly kDaemons=(listener worker notifier)
cluster_was_running=false
keep_running=false

run_demo() {
  case "${1:-}" in
    '') ;;
    --keep) keep_running=true ;;
    --stop)
      stop_processes
      stop_cluster
      return
      ;;
    *) fail_usage "run knows --keep and --stop, not '$1'" ;;
  esac
  local started=$SECONDS
  run_build
  take_demo_lock
  prepare_demo
  start_demo_services
  start_daemons
  play_demo
  show_memory
  if $keep_running; then
    say_how_to_look
  else
    finish_demo
    good "everything stopped; $((SECONDS - started)) s in all"
  fi
}

take_demo_lock() {
  mkdir -p "$RUN"
  exec 9>"$RUN/lock"
  flock --nonblock 9 || fail "another ./dev run is at work in this checkout"
  stop_processes # what a run that was killed left behind
  if cluster_runs; then cluster_was_running=true; fi
  trap finish_demo EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
}

finish_demo() {
  trap - EXIT
  trap '' INT TERM
  stop_processes
  $cluster_was_running || stop_cluster
}

prepare_demo() {
  heading "starting PostgreSQL"
  start_cluster
  drop_database "$kDemoDatabase"
  create_database "$kDemoDatabase"
  heading "migrating $kDemoDatabase"
  DEMO_DSN=$(dsn_of "$kDemoDatabase")
  build/bin/sluice migrate --dsn "$DEMO_DSN"
  write_demo_config
}

# The demonstration's receiver stands on the loopback network, which the address guard refuses unless it is named.
write_demo_config() {
  BOOKS_TOKEN=$(openssl rand -hex 16)
  WEBHOOK_SECRET=whsec_$(openssl rand -base64 32)
  export BOOKS_TOKEN WEBHOOK_SECRET
  rm -rf "$RUN/secrets"
  (
    umask 077
    mkdir -p "$RUN/secrets"
    printf '%s' "$BOOKS_TOKEN" >"$RUN/secrets/books_token"
    cat >"$RUN/sluice.toml" <<TOML
[database]
dsn = "$DEMO_DSN"

[http]
allow_networks = ["127.0.0.0/8"]

[secrets]
directory = "$RUN/secrets"
TOML
  )
}

start_demo_services() {
  RECEIVER=http://127.0.0.1:$(free_port 8000 8499)
  RECOMMENDATIONS=http://127.0.0.1:$(free_port 8500 9000)
  rm -f "$RUN/webhooks.jsonl"
  start_process receiver node examples/receiver.mjs --port "${RECEIVER##*:}" --json-log "$RUN/webhooks.jsonl" --fail-first 1
  start_process recommendations node examples/recommendations.mjs --port "${RECOMMENDATIONS##*:}"
  wait_until_ready receiver "$RECEIVER/received"
  wait_until_ready recommendations "$RECOMMENDATIONS/requests"
}

start_daemons() {
  heading "starting ${kDaemons[*]}"
  local daemon first=20000
  declare -gA METRICS=()
  for daemon in "${kDaemons[@]}"; do
    METRICS[$daemon]=127.0.0.1:$(free_port $first $((first + 3999))) # ranges apart: none is bound yet
    first=$((first + 4000))
    SLUICE_METRICS_LISTEN=${METRICS[$daemon]} start_process "$daemon" build/bin/sluice "$daemon" --config "$RUN/sluice.toml"
  done
  for daemon in "${kDaemons[@]}"; do
    wait_until_ready "$daemon" "http://${METRICS[$daemon]}/readyz"
  done
}

# In the background and waited for, because bash runs its traps only between foreground commands.
play_demo() {
  node examples/play.mjs --dsn "$DEMO_DSN" --sluice build/bin/sluice --receiver "$RECEIVER" \
    --recommendations "$RECOMMENDATIONS" --flows ../shared/flows 9>&- &
  local player=$!
  wait "$player" && return
  show_daemon_logs
  fail "the demonstration did not end as it should" "whole logs: ${RUN#"$ROOT"/}/*.log"
}

show_daemon_logs() {
  local name
  for name in "${kDaemons[@]}" receiver recommendations; do
    heading_on_stderr "$name"
    tail -n 12 "$RUN/$name.log" >&2
  done
}

show_memory() {
  local daemon line=''
  for daemon in "${kDaemons[@]}"; do
    process_runs "$daemon" || fail "$daemon ended during the demonstration" "its log is ${RUN#"$ROOT"/}/$daemon.log"
    line+="$daemon $(peak_memory_mib "$daemon"), "
  done
  note "peak memory: ${line%, }"
}

say_how_to_look() {
  trap - EXIT
  heading "still running"
  printf '    %-10s %s\n' database "psql '$DEMO_DSN'" receiver "$RECEIVER/received"
  local daemon
  for daemon in "${kDaemons[@]}"; do printf '    %-10s %s\n' "$daemon" "http://${METRICS[$daemon]}/metrics"; done
  printf '    %-10s %s\n' logs "${RUN#"$ROOT"/}/*.log" stop "./dev run --stop"
}
