#!/usr/bin/env bash
# An upgrade as an operator does it. A database with everything in it is brought back to the schema before the last migration, and then
# migrated: its rows are the same and its sessions go on. Then the schema of a version to come: daemons of this one work on and may be started
# again, until a migration is breaking. usage: upgrade_test.sh SLUICE   libpq's variables name the server and a superuser
set -euo pipefail
sluice=$1
work=$(mktemp -d)
before="upgrade_before_$$" after="upgrade_after_$$" pids=()
export SLUICE_LOG_LEVEL=info SLUICE_DAEMON_SHUTDOWN_TIMEOUT=5s

finish() {
  local code=$?
  trap - EXIT
  [[ ${#pids[@]} -eq 0 ]] || kill -KILL "${pids[@]}" 2>/dev/null || true
  [[ $code -eq 0 ]] || tail -n 8 "$work"/*.log >&2 || true
  for database in "$before" "$after"; do psql -Xq postgres -c "DROP DATABASE IF EXISTS $database WITH (FORCE)"; done
  rm -rf "$work"
  exit "$code"
}
trap finish EXIT

refuse() {
  echo "upgrade: $*" >&2
  exit 1
}
q() { psql -XAtq -v ON_ERROR_STOP=1 "$@"; }
dsn() { echo "postgresql://$PGUSER@$PGHOST:$PGPORT/$1"; }

until_true() { # until_true WHAT COMMAND...
  local what=$1
  shift
  for _ in {1..1200}; do
    if "$@"; then return; fi
    sleep 0.05
  done
  refuse "waited in vain: $what"
}
says() { grep -qs "$2" "$work/$1.log"; }
says_ready() { says "$1" ' ready status='; }
has_ended() { ! kill -0 "$1" 2>/dev/null; }

# run_daemon NAME DATABASE [LOG]: its id is in the last of pids. The log is emptied here and not by the child, which may be late: what the daemon
# before it said would be taken for its own word.
run_daemon() {
  local log=$work/${3:-$1}.log
  : >"$log"
  "$sluice" "$1" --dsn "$(dsn "$2")" >>"$log" 2>&1 &
  pids+=($!)
}
start_daemons() {
  for name in listener worker notifier; do
    run_daemon "$name" "$1"
    until_true "$name to be ready" says_ready "$name"
  done
}
stop_daemons() {
  kill -TERM "${pids[@]}"
  for pid in "${pids[@]}"; do wait "$pid" || true; done
  pids=()
}
session_is() { [[ $(q -d "$1" -c "SELECT sluice.session('$2') ->> '$3'") == "$4" ]]; } # DATABASE TOKEN MEMBER VALUE
no_tasks() { [[ $(q -d "$1" -c 'SELECT count(*) FROM sluice.task_overview') == 0 ]]; }

# One line a table: how many rows, and a digest of them.
contents() {
  q -d "$1" <<'SQL'
SELECT format('SELECT %L, count(*), md5(string_agg(t::text, E''\n'' ORDER BY t::text)) FROM %s AS t', c.oid::regclass, c.oid::regclass)
  FROM pg_class c WHERE c.relnamespace IN ('sluice'::regnamespace, 'sluice_private'::regnamespace) AND c.relkind IN ('r', 'p') AND NOT c.relispartition
   AND c.relname NOT IN ('schema_migrations', 'api_files', 'processes') ORDER BY c.oid::regclass::text \gexec
SQL
}

fill() {
  q -d "$1" >/dev/null <<'SQL'
SELECT sluice.publish_flow(sluice.import_flow('{"name": "upgrade", "entry_node_id": "ask", "nodes": [
  {"node_id": "ask", "node_type": "question", "content": {"question": "Who is there?", "input_type": "text", "variable": "user.name"}},
  {"node_id": "hi", "node_type": "message", "content": {"messages": [{"type": "text", "text": "Hello, {{user.name}}!"}]}}],
  "connections": [{"source_node_id": "ask", "target_node_id": "hi", "connection_type": "default"}]}'));
SELECT sluice.subscribe('http://127.0.0.1:1/hook');
SELECT sluice.define_event('upgrade.tried', '{"type": "object"}');
SELECT sluice.emit('upgrade.tried', 'key', '{"a": 1}');
SELECT sluice.enqueue('http', '{"url": "http://127.0.0.1:1/", "method": "GET"}', run_at => now() + interval '1 day', idempotency_key => 'later');
SELECT sluice.schedule('nightly', '0 3 * * *', 'http', '{"url": "http://127.0.0.1:1/", "method": "GET"}');
SELECT sluice.limit_queue('limited', max_running => 10);
SQL
}

# The rows of one database in another whose schema is older. What a later migration added is left out; partitions of a day may be missing there.
copy_rows() {
  q -d "$2" <<'SQL' >/dev/null
SELECT 'TRUNCATE ' || string_agg(oid::regclass::text, ', ') FROM pg_class
 WHERE relnamespace IN ('sluice'::regnamespace, 'sluice_private'::regnamespace) AND relkind = 'r' AND relname NOT IN ('schema_migrations', 'api_files') \gexec
SQL
  local table excluded=()
  while read -r table; do excluded+=("--exclude-table=$table*"); done < <(comm -23 <(tables "$1") <(tables "$2"))
  pg_dump --data-only --load-via-partition-root --dbname="$1" --exclude-table=sluice.schema_migrations --exclude-table=sluice_private.api_files "${excluded[@]}" 2>"$work/pg_dump.log" |
    PGOPTIONS='-c session_replication_role=replica' q -d "$2" >/dev/null
  q -d "$2" -c 'DELETE FROM sluice_private.partitioned_logs WHERE to_regclass(log) IS NULL' # what the later migration itself puts there
}
tables() { q -d "$1" -c "SELECT oid::regclass FROM pg_class WHERE relnamespace IN ('sluice'::regnamespace, 'sluice_private'::regnamespace) AND relkind IN ('r', 'p', 'S') AND NOT relispartition" | sort; }

q postgres -c "CREATE DATABASE $before TEMPLATE sluice_template" -c "CREATE DATABASE $after"
fill "$before"
start_daemons "$before"
waiting=$(q -d "$before" -c "SELECT session_token FROM sluice.start_session('upgrade')")
until_true 'the question' session_is "$before" "$waiting" current_node_id ask
stop_daemons

mapfile -t versions < <(q -d "$before" -c 'SELECT version FROM sluice.schema_migrations ORDER BY version')
"$sluice" migrate --to "${versions[-2]}" --dsn "$(dsn "$after")" >"$work/migrate.log" 2>&1
copy_rows "$before" "$after"
run_daemon worker "$after" early
wait "${pids[0]}" && refuse 'a daemon ran on a schema that is behind'
pids=()
says early 'run: sluice migrate' || refuse 'no advice when the schema is behind'

"$sluice" migrate --dsn "$(dsn "$after")" >"$work/migrate.log" 2>&1
diff <(contents "$before") <(contents "$after") || refuse 'the migration changed rows'
start_daemons "$after"
q -d "$after" -c "SELECT sluice.send_input('$waiting', '{\"text\": \"Ada\"}')" >/dev/null
until_true 'the session to go on' session_is "$after" "$waiting" status completed
echo 'a database of the version before keeps its rows, and its sessions go on'

# A version to come: every table has a column more, and its migration is recorded.
q -d "$after" >/dev/null <<'SQL'
SELECT format('ALTER TABLE %s ADD COLUMN of_the_future text', oid::regclass) FROM pg_class
 WHERE relnamespace IN ('sluice'::regnamespace, 'sluice_private'::regnamespace) AND relkind = 'r' AND relispartition = false \gexec
INSERT INTO sluice.schema_migrations (version, name, checksum) VALUES (9999, '9999_future.sql', 'x');
SQL
for _ in 1 2 3; do
  token=$(q -d "$after" -c "SELECT session_token FROM sluice.start_session('upgrade')")
  until_true 'the question of a running daemon' session_is "$after" "$token" current_node_id ask
  q -d "$after" -c "SELECT sluice.send_input('$token', '{\"text\": \"Grace\"}')" >/dev/null
  until_true 'the answer of a running daemon' session_is "$after" "$token" status completed
done
stop_daemons
start_daemons "$after"
says worker 'unknown=9999_future.sql' || refuse 'no word of a newer schema'
token=$(q -d "$after" -c "SELECT session_token FROM sluice.start_session('upgrade')")
until_true 'the question of a daemon that was started again' session_is "$after" "$token" current_node_id ask
echo 'daemons work on, and start again, on the schema of a version to come'

# That migration is breaking: whoever connects again stops with advice, as does whoever starts.
q -d "$after" -c "UPDATE sluice.schema_migrations SET breaking = true WHERE version = 9999"
q -d "$after" -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'sluice %' AND datname = '$after'" >/dev/null
for pid in "${pids[@]}"; do until_true 'a running daemon to stop' has_ended "$pid"; done
for name in listener worker notifier; do
  says "$name" 'install the sluice that made them' || refuse "no advice from the $name"
done
pids=()
run_daemon notifier "$after" late
wait "${pids[0]}" && refuse 'a daemon started in spite of a breaking migration'
pids=()
says late 'install the sluice that made them' || refuse 'no advice at the start'
"$sluice" migrate --dsn "$(dsn "$after")" >"$work/migrate.log" 2>&1 && refuse 'an older sluice migrates a newer database'
echo 'a breaking migration stops them with advice'

# A breaking migration that is committed after a daemon looked and before it is registered: it looks again.
q -d "$after" >/dev/null <<'SQL'
DELETE FROM sluice.schema_migrations WHERE version = 9999;
CREATE FUNCTION public.migrate_now() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  INSERT INTO sluice.schema_migrations (version, name, checksum, breaking) VALUES (9999, '9999_future.sql', 'x', true);
  RETURN NULL;
END $$;
CREATE TRIGGER migrate_now AFTER INSERT ON sluice_private.processes FOR EACH ROW EXECUTE FUNCTION public.migrate_now();
SQL
run_daemon worker "$after" overtaken
until_true 'the overtaken daemon to stop' has_ended "${pids[0]}"
pids=()
says overtaken 'install the sluice that made them' || refuse 'a daemon that was overtaken by a breaking migration runs'
echo 'a daemon that a breaking migration overtakes stops'
