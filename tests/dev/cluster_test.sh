#!/usr/bin/env bash
# The private cluster comes up twice in a row, after a crash, and from a half-made state; and goes away without a trace. Works on
# a copy of ./dev in a temporary folder, so that the developer's own cluster is left alone.
set -euo pipefail

source_tree=$PWD
checkout=$(mktemp -d)
trap 'stop_all' EXIT

stop_all() {
  "$checkout/dev" pg stop || true
  [[ -L $checkout/.sluice/pg ]] && rm -rf "$(readlink "$checkout/.sluice/pg")"
  rm -rf "$checkout"
}

expect() {
  local what=$1
  shift
  "$@" || {
    echo "FAILED: $what" >&2
    exit 1
  }
  echo "ok: $what"
}

ask() { [[ $(./dev pg psql --no-psqlrc -qAt -c "$1") == "$2" ]]; }
refused() { ! "$@" >/dev/null 2>&1; }
dsn_is_one_uri() { [[ $(./dev pg dsn) =~ ^postgresql://[^[:space:]]+$ ]]; }
server_pid() { head -n 1 .sluice/pg/data/postmaster.pid; }

kill_server() {
  local pid
  pid=$(server_pid)
  kill -KILL "$pid"
  tail --pid="$pid" -f /dev/null
}

main() {
  cp -r "$source_tree/dev" "$source_tree/scripts" "$checkout"
  cd "$checkout"
  expect "dsn before there is a cluster is refused" refused ./dev pg dsn
  mkdir -p .sluice && chmod 755 "$checkout" .sluice

  ./dev pg start
  expect "the server answers" ask 'select 1' 1
  expect "dsn is one libpq URI" dsn_is_one_uri
  expect "a commit is durable" ask 'show fsync' on
  local first
  first=$(server_pid)
  ./dev pg start
  expect "a second start leaves the server alone" test "$(server_pid)" = "$first"

  ./dev pg psql -qc 'create table kept (x int)'
  kill_server
  ./dev pg start
  expect "after kill -9 the data is there" ask 'select count(*) from kept' 0

  kill_server
  local other
  if [[ $EUID -eq 0 ]]; then
    setpriv --reuid=postgres --clear-groups sleep 100 & # the server takes another user's process for none
  else
    sleep 100 &
  fi
  other=$!
  sed -i "1s/.*/$other/" .sluice/pg/data/postmaster.pid .sluice/pg/.s.PGSQL.*.lock
  ./dev pg start
  expect "pid files that name another process are no obstacle" ask 'select count(*) from kept' 0
  kill "$other"

  ./dev pg stop
  ./dev pg stop
  expect "nothing listens after stop" refused ./dev pg psql -c 'select 1'
  expect "dsn needs no server" dsn_is_one_uri

  mv .sluice/pg/data .sluice/pg/data.new
  rm .sluice/pg/data.new/PG_VERSION
  ./dev pg start
  expect "a half-made cluster is made anew" ask "select count(*) from pg_class where relname = 'kept'" 0

  [[ $EUID -eq 0 ]] || return 0
  ./dev pg stop
  rm -rf .sluice/pg
  chmod 700 .sluice
  ./dev pg start
  expect "a checkout closed to the server's user gets a link" test -L .sluice/pg
  expect "the server behind the link answers" ask 'select 1' 1
}

main
