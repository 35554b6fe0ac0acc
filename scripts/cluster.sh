# The private PostgreSQL cluster: made once, started and stopped at will, in nobody's way. PostgreSQL refuses to run as root,
# so root runs it as user postgres, and the files stand where that user can reach them.
# shellcheck shell=bash

readonly kPostgres=/usr/lib/postgresql/15/bin
CLUSTER=$(realpath -m "$STATE/pg") # where .sluice/pg leads: it may be a link
# CLUSTER/data       the cluster; appears complete or not at all
# CLUSTER/port, CLUSTER/password, CLUSTER/server.log

# Runs a command as the user who owns the cluster, in a folder that every user can enter.
as_server_user() {
  if [[ $EUID -eq 0 ]]; then
    (cd / && runuser -u postgres -- "$@")
  else
    "$@"
  fi
}

# A socket's path may have 107 bytes, and each folder above the cluster must be open to the server's user.
can_hold_cluster() {
  [[ ${#1} -le 80 ]] && as_server_user test -x "$1"
}

make_cluster_folder() {
  [[ -d $CLUSTER ]] && return
  mkdir -p "$STATE"
  rm -f "$STATE/pg" # a link whose folder went away
  if can_hold_cluster "$STATE"; then
    CLUSTER=$STATE/pg
    mkdir "$CLUSTER"
  else
    CLUSTER=$(mktemp -d /var/tmp/sluice-pg.XXXXXX)
    ln -s "$CLUSTER" "$STATE/pg"
  fi
  [[ $EUID -eq 0 ]] && chown postgres: "$CLUSTER"
  chmod 700 "$CLUSTER"
}

port_is_free() { ! (: <>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# free_port FIRST LAST; stay below 32768, where the kernel's ports for outgoing connections begin.
free_port() {
  local port
  for _ in {1..50}; do
    port=$(($1 + RANDOM % ($2 - $1 + 1)))
    if port_is_free "$port"; then
      echo "$port"
      return
    fi
  done
  fail "no free port found between $1 and $2 on 127.0.0.1"
}

# Made under another name and renamed when whole, so that a crash half-way leaves nothing that looks like a cluster.
init_cluster() {
  local data=$CLUSTER/data new=$CLUSTER/data.new password=$CLUSTER/password
  [[ -d $data ]] && return
  heading "making a PostgreSQL cluster in ${CLUSTER#"$ROOT"/}"
  rm -rf "$new"
  openssl rand -hex 16 | as_server_user tee "$password" >/dev/null
  as_server_user chmod 600 "$password"
  as_server_user "$kPostgres/initdb" --pgdata="$new" --username=postgres --encoding=UTF8 --locale=C.UTF-8 \
    --auth=scram-sha-256 --pwfile="$password" >/dev/null
  as_server_user tee -a "$new/postgresql.conf" >/dev/null <<CONF
# appended by ./dev pg
listen_addresses = '127.0.0.1'
unix_socket_directories = '$CLUSTER'
max_connections = 200
max_prepared_transactions = 10
shared_buffers = 256MB
max_wal_size = 4GB
cluster_name = 'sluice'
log_line_prefix = '%m [%p] %a '
CONF
  mv "$new" "$data"
}

# After a crash postmaster.pid, and the socket's lock, may name a process that is something else by now or not yet reaped, and the server
# would refuse to start.
remove_stale_pid_file() {
  local file=$CLUSTER/data/postmaster.pid pid
  [[ -e $file ]] || return 0
  read -r pid <"$file" || true
  [[ "$(readlink "/proc/${pid:-none}/cwd" 2>/dev/null)" == "$CLUSTER/data" ]] ||
    rm -f "$file" "$CLUSTER"/.s.PGSQL.*.lock
}

cluster_runs() {
  [[ -d $CLUSTER/data ]] || return 1
  remove_stale_pid_file
  as_server_user "$kPostgres/pg_ctl" status --pgdata="$CLUSTER/data" >/dev/null
}

start_cluster() {
  if cluster_runs; then
    return
  fi
  make_cluster_folder
  init_cluster
  local port
  port=$(cat "$CLUSTER/port" 2>/dev/null || true)
  if [[ ! $port =~ ^[0-9]+$ ]] || ! port_is_free "$port"; then
    port=$(free_port 20000 32000)
    echo "$port" | as_server_user tee "$CLUSTER/port" >/dev/null
  fi
  as_server_user "$kPostgres/pg_ctl" start --pgdata="$CLUSTER/data" --log="$CLUSTER/server.log" --wait --timeout=120 \
    --silent --options="-p $port" || {
    tail -n 15 "$CLUSTER/server.log" >&2
    fail "PostgreSQL did not start" "its log is ${CLUSTER#"$ROOT"/}/server.log"
  }
  create_database sluice
}

stop_cluster() {
  cluster_runs || return 0
  as_server_user "$kPostgres/pg_ctl" stop --pgdata="$CLUSTER/data" --mode=fast --wait --timeout=120 --silent
}

# dsn_of DATABASE: a libpq URI; asks nothing of the server.
dsn_of() {
  [[ -r $CLUSTER/port && -d $CLUSTER/data ]] || fail "there is no private cluster yet" "./dev pg start makes one"
  printf 'postgresql://postgres:%s@127.0.0.1:%s/%s\n' "$(cat "$CLUSTER/password")" "$(cat "$CLUSTER/port")" "$1"
}

run_sql() { psql --dbname="$(dsn_of "$1")" --no-psqlrc --quiet --no-align --tuples-only --set=ON_ERROR_STOP=1 --command="$2"; }

create_database() {
  [[ -n $(run_sql postgres "select 1 from pg_database where datname = '$1'") ]] || run_sql postgres "create database \"$1\""
}

drop_database() { run_sql postgres "drop database if exists \"$1\" with (force)" 2>/dev/null; }

cluster_command() {
  local action=${1:-}
  [[ $# -gt 0 ]] && shift
  case "$action" in
    start)
      install_debian_packages
      start_cluster
      good "PostgreSQL runs on port $(cat "$CLUSTER/port"); ./dev pg psql talks to it"
      ;;
    stop) stop_cluster ;;
    dsn) dsn_of sluice ;;
    psql) exec psql "$(dsn_of sluice)" "$@" ;;
    *) fail_usage "pg wants start, stop, dsn or psql, not '$action'" ;;
  esac
}
