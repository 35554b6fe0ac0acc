#!/usr/bin/env bash
# Concurrent writers against two consumers and a checker: late commits, rollbacks, savepoints, prepared transactions, all isolation
# levels. A consumer must see exactly what was committed, each event once, and the revisions of a session in order.
set -euo pipefail
q() { psql -XAtq -v ON_ERROR_STOP=1 "$@"; }
work="$(mktemp -d)"
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true; wait; rm -rf "$work"' EXIT

q >/dev/null <<'SQL'
CREATE TABLE test.seen (consumer text, place bigint GENERATED ALWAYS AS IDENTITY, id bigint, session_id uuid, revision int);
CREATE FUNCTION test.see_a(events jsonb) RETURNS void LANGUAGE sql AS
  'INSERT INTO test.seen (consumer, id, session_id, revision) SELECT ''a'', (e ->> ''id'')::bigint, (e ->> ''session_id'')::uuid, (e #>> ''{data,revision}'')::int FROM jsonb_array_elements(events) WITH ORDINALITY AS w (e, n) ORDER BY n';
CREATE FUNCTION test.see_b(events jsonb) RETURNS void LANGUAGE sql AS
  'INSERT INTO test.seen (consumer, id, session_id, revision) SELECT ''b'', (e ->> ''id'')::bigint, (e ->> ''session_id'')::uuid, (e #>> ''{data,revision}'')::int FROM jsonb_array_elements(events) WITH ORDINALITY AS w (e, n) ORDER BY n';
INSERT INTO sluice.conversation_sessions (id, flow_id, flow_version_id, session_token)
SELECT ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid, gen_random_uuid(), 1, 'c' || n FROM generate_series(1, 40) AS n;
SELECT sluice.on_event('a', '{*}', 'test.see_a(jsonb)'), sluice.on_event('b', '{*}', 'test.see_b(jsonb)');
SQL

# One script per kind of writer. Serialization failures and deadlocks are part of the game and end that transaction only.
step() { echo "UPDATE sluice.conversation_sessions SET revision = revision + 1 WHERE session_token = 'c' || :$1;"; }
{ echo '\set s random(1, 40)'; step s; } >"$work/short.sql"
{ printf '\\set s random(1, 40)\n\\set t random(1, 40)\n\\set pause random(1, 60)\nBEGIN;\n'; step s; printf '\\sleep :pause ms\n'; step t; echo 'COMMIT;'; } >"$work/late.sql"
{ printf '\\set s random(1, 40)\n\\set t random(1, 40)\nBEGIN;\n'; step s; echo 'SAVEPOINT x;'; step t; echo 'ROLLBACK TO x;'; step s; echo 'COMMIT;'; } >"$work/savepoint.sql"
{ printf '\\set s random(1, 40)\nBEGIN;\n'; step s; echo 'ROLLBACK;'; } >"$work/rollback.sql"
for level in 'REPEATABLE READ' SERIALIZABLE; do
  { printf '\\set s random(1, 40)\n\\set t random(1, 40)\nBEGIN ISOLATION LEVEL %s;\n' "$level"; step s; step t; echo 'COMMIT;'; } >"$work/${level%% *}.sql"
done
{ printf '\\set s random(1, 40)\nBEGIN;\n'; step s; printf "PREPARE TRANSACTION 'p:client_id';\nCOMMIT PREPARED 'p:client_id';\n"; } >"$work/prepared.sql"
scripts=(short late savepoint rollback REPEATABLE SERIALIZABLE)
# Prepared transactions need the server's leave, and a flag that is down: PREPARE refuses a transaction that notified.
[ "$(q -c 'SHOW max_prepared_transactions')" -gt 8 ] && scripts+=(prepared)
q -c "SELECT sluice_private.lower_flag('events')" >/dev/null

seconds="${SLUICE_TEST_SECONDS:-8}"
files=()
for script in "${scripts[@]}"; do files+=(-f "$work/$script.sql"); done
pgbench -n -c 8 -j 1 -T "$seconds" --max-tries=100 "${files[@]}" >"$work/pgbench.log" 2>&1 &
writers=$!
pids+=("$writers")

# Each consumer's limit is small enough that gaps are read in pages again and again. Two processes per consumer: one of them always loses.
for consumer in a b a; do
  limit=$([ "$consumer" = a ] && echo 7 || echo 1000)
  while [ ! -e "$work/stop" ]; do
    echo "SELECT (sluice_private.run_sql_handler((SELECT id FROM sluice.event_consumers WHERE name = '$consumer'), $limit)).events;"
  done | psql -XAtq >/dev/null 2>>"$work/consumer.log" &
  pids+=("$!")
done
wait "$writers" || true
touch "$work/stop"
wait "${pids[@]:1}" || true
for consumer in a b; do
  for _ in $(seq 1 5000); do
    more="$(q -c "SELECT more FROM sluice_private.run_sql_handler((SELECT id FROM sluice.event_consumers WHERE name = '$consumer'), 1000)")"
    [ "$more" = t ] || break
  done
done

q <<'SQL'
SELECT no_plan();
SELECT cmp_ok((SELECT count(*) FROM sluice.flow_events), '>', 200::bigint, 'there was something to see');
SELECT is_empty($$
  SELECT c.name, e.id FROM (VALUES ('a'), ('b')) AS c (name) CROSS JOIN sluice.flow_events e
   WHERE e.event_type = 'session_updated' AND NOT EXISTS (SELECT FROM test.seen s WHERE s.consumer = c.name AND s.id = e.id)$$, 'nothing is lost');
SELECT is_empty('SELECT consumer, id FROM test.seen GROUP BY consumer, id HAVING count(*) > 1', 'nothing comes twice');
SELECT is_empty('SELECT id FROM test.seen EXCEPT SELECT id FROM sluice.flow_events', 'nothing that was rolled back is seen');
SELECT is_empty($$
  SELECT * FROM (SELECT consumer, session_id, revision, lag(revision) OVER (PARTITION BY consumer, session_id ORDER BY place) AS before FROM test.seen) AS w
   WHERE revision <> before + 1$$, 'the revisions of a session come in order, without a hole');
SELECT is((SELECT count(*) FROM test.seen WHERE consumer = 'a'), (SELECT sum(revision - 1) FROM sluice.conversation_sessions)::bigint, 'as many as the sessions say');
SELECT * FROM finish();
SQL
grep -v '40001\|is at\|was moved\|another listener\|CONTEXT\|^ *PL/pgSQL\|^SQL\|HINT' "$work/consumer.log" | sed 's/^/# /' | head -5 || true
