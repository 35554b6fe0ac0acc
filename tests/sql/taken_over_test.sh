#!/usr/bin/env bash
# A claim that is taken over while its step is being committed: after the commit looked at the claim and before it has the session's row, its
# worker is taken for dead and another claims the task. A row that would be written to fails the commit; one that follows its session
# already does not, and then the other's outcome is late, changes nothing, and the task that follows is still there for somebody.
set -euo pipefail
sql() { psql -XAtq -v ON_ERROR_STOP=1 "$@"; }
echo "1..10"
check() { if [ "$2" = "$3" ]; then echo "ok - $1"; else echo "not ok - $1: got $2, expected $3"; fi; }
session() { sql -c "SELECT revision || ' ' || (wait ->> 'key') FROM sluice.conversation_sessions WHERE id = '$id'"; }
records() { sql -c "SELECT string_agg(idempotency_key || ' ' || status, ', ' ORDER BY idempotency_key) FROM sluice.task_idempotency_records WHERE session_id = '$id'"; }

answer=$(mktemp)
trap 'rm -f "$answer"' EXIT
sql <<'SQL'
CREATE PROCEDURE test.wait_for(condition text) LANGUAGE plpgsql AS $$
DECLARE
  holds boolean := false;
BEGIN
  FOR tries IN 1 .. 3000 LOOP
    EXECUTE 'SELECT ' || condition INTO holds;
    EXIT WHEN holds;
    PERFORM pg_sleep(0.01);
  END LOOP;
END $$;
CREATE FUNCTION test.step_to(session text, revision int, node text) RETURNS jsonb LANGUAGE sql
RETURN jsonb_build_object('revision', revision, 'node', node, 'next', 'webhook', 'wait', jsonb_build_object('for', 'task', 'key', format('%s:%s:%s', session, node, revision + 1)));
SQL
id=$(sql -c "SELECT (test.session_at('work')).id")
one=$(sql -c "SELECT test.process()")
read -r task claim <<<"$(sql -F ' ' -c "SELECT id, claim_token FROM test.claim($one) WHERE session_id = '$id'")"

# The commit of $1 under claim $2 from revision $3 waits for the session until $4 has claimed the task; prints what each is told.
overtake() {
  sql >"$answer" 2>&1 <<SQL &
\set VERBOSITY sqlstate
CALL test.wait_for(\$\$EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))\$\$);
SELECT c.result FROM test.commit($1, $task, $2, 'step', test.step_to('$id', $3, 'work'), 1) AS c;
SQL
  sql <<SQL
BEGIN;
SELECT FROM sluice.conversation_sessions WHERE id = '$id' FOR NO KEY UPDATE;
SELECT pg_advisory_xact_lock(1);
CALL test.wait_for('EXISTS (SELECT FROM pg_locks l WHERE NOT l.granted AND pg_backend_pid() = ANY (pg_blocking_pids(l.pid)))');
SELECT test.kill($1);
SELECT claim_token FROM test.claim_now($4) WHERE id = $task;
COMMIT;
SQL
  wait "$!" || true
  tail -1 "$answer"
}
sql -c "$(sql -c "SELECT replace(replace(pg_get_functiondef('test.claim'::regproc), 'test.claim(', 'test.claim_now('), 'statement_timestamp()', '(SELECT clock_timestamp())')")"

two=$(sql -c "SELECT test.process()")
{ read -r theirs; read -r told; } <<<"$(overtake "$one" "$claim" 3 "$two" | sed '/^$/d')"
check "a row that is to be written fails the commit" "$told" "ERROR:  40001"
check "of which nothing stands" "$(session)" "3 $id:work:3"
check "the other commits" "$(sql -c "SELECT result FROM test.commit($two, $task, $theirs, 'step', test.step_to('$id', 3, 'work'), 1)")" applied

three=$(sql -c "SELECT test.process()")
{ read -r late; read -r told; } <<<"$(overtake "$two" "$theirs" 4 "$three" | sed '/^$/d')"
check "a row that follows its session is not looked at again" "$told" applied
check "and the step stands" "$(session)" "5 $id:work:5"
check "what the other has made of the same step is lost" \
  "$(sql -c "SELECT result FROM test.commit($three, $task, $late, 'step', test.step_to('$id', 4, 'elsewhere') || '{\"wait_key\": \"$id:work:4\"}', 1)")" lost
check "and changes nothing" "$(session)" "5 $id:work:5"
check "nor does the first go on" "$(sql -c "SELECT result FROM test.commit($two, $task, $theirs, 'step', test.step_to('$id', 5, 'work'), 1)")" lost
four=$(sql -c "SELECT test.process()")
again=$(sql -c "SELECT claim_token FROM test.claim($four) WHERE id = $task")
check "whoever claims it next goes on from there" "$(sql -c "SELECT result FROM test.commit($four, $task, $again, 'step', test.step_to('$id', 5, 'work'), 1)") $(session)" "applied 6 $id:work:6"
check "each step has its one record" "$(records)" "$id:work:3 completed, $id:work:4 completed, $id:work:5 completed"
