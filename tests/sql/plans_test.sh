#!/usr/bin/env bash
# The workers' and clients' statements at ROWS (default 1,000,000) tasks and sessions read by index alone, whatever the planner believes: once with the
# statistics of an empty table, once with those of a full one.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
rows=${ROWS:-1000000}
query() { awk -v name="$1" '/^-- name: /{on = ($3 == name); next} on' "$here/../../sql/queries/workers.sql"; }
export PGOPTIONS="${PGOPTIONS:-} -c client_min_messages=warning -c statement_timeout=300s"
echo "1..12"
psql -Xq -v ON_ERROR_STOP=1 <<SQL
SET session_replication_role = replica;
SET synchronous_commit = off;
ALTER TABLE sluice_private.tasks SET (autovacuum_enabled = false);
ALTER TABLE sluice.conversation_sessions SET (autovacuum_enabled = false);
CREATE FUNCTION test.twice(argument jsonb) RETURNS int LANGUAGE sql RETURN 2;
INSERT INTO sluice.conversation_sessions (id, flow_id, flow_version_id, session_token, current_node_id, wait)
SELECT md5(n::text)::uuid, f.flow_id, f.id, 't' || n, 'work', jsonb_build_object('for', 'task', 'key', n)
  FROM (SELECT id, flow_id FROM sluice.flow_versions LIMIT 1) AS f, generate_series(1, $rows) AS n;
INSERT INTO sluice_private.tasks (session_id, kind, node_id, key, revision, order_key)
SELECT md5(n::text)::uuid, 'webhook', 'work', n, 1, now() - interval '1 hour' + n * interval '1 ms' FROM generate_series(1, $rows) AS n;
SQL
plans() {
  psql -Xq -v ON_ERROR_STOP=1 2>&1 <<SQL
PREPARE settings(boolean) AS $(query prepare_worker_connection)
EXECUTE settings(false);
PREPARE claim(bigint, int, timestamptz) AS $(query claim_tasks)
PREPARE next_due AS $(query next_due_task)
SELECT test.process() AS p \gset
\echo BEGIN claim
EXPLAIN (ANALYZE, BUFFERS) EXECUTE claim(:p, 64, '-infinity');
\echo END
\echo BEGIN next
EXPLAIN (ANALYZE, BUFFERS) EXECUTE next_due;
\echo END
LOAD 'auto_explain';
SET auto_explain.log_min_duration = 0;
SET auto_explain.log_nested_statements = on;
SET auto_explain.log_analyze = on;
SET auto_explain.log_buffers = on;
SET client_min_messages = log;
\echo BEGIN commit
SELECT 'committed ' || min(cardinality(b.ids)) - count(c.outcome)
  FROM (SELECT array_agg(t.id ORDER BY t.id) AS ids, array_agg(t.claim_token ORDER BY t.id) AS tokens, array_agg('step'::text) AS outcomes,
               array_agg(t.key ORDER BY t.id) AS keys,
               array_agg(1) AS revisions, array_agg('{"a": 1}'::jsonb) AS states, array_agg(NULL::text) AS texts, array_agg('work'::text) AS nodes,
               array_agg(NULL::int) AS places, array_agg(jsonb_build_object('for', 'input', 'key', 'x' || t.id)) AS waits,
               array_agg('active'::text) AS statuses, array_agg(now() + interval '1 hour') AS deadlines, array_agg(1) AS steps
          FROM (SELECT * FROM sluice_private.tasks WHERE queue = 'default' AND priority = 0 ORDER BY order_key, id LIMIT 64) AS t) AS b
  LEFT JOIN LATERAL
       sluice_private.commit_steps(:p, b.ids, b.tokens, b.outcomes, b.keys, b.nodes, b.revisions, b.states, b.texts, b.nodes, b.places, b.waits, b.places, b.statuses,
                                   b.texts, b.nodes, b.deadlines, b.places, b.texts, b.steps, b.nodes, b.nodes, b.places, '{}') AS c ON true;
\echo END
\echo BEGIN calls
BEGIN;
SELECT session_token AS token FROM sluice.conversation_sessions WHERE id = md5('$1')::uuid \gset
SELECT sluice.patch_state(:'token', '{"b": 2}'), sluice.send_input(:'token', '"x"', 'k$1');
SELECT sluice.session(:'token');
SELECT sluice.end_session(:'token');
SELECT sluice.start_session((SELECT flow_id::text FROM sluice.flow_versions LIMIT 1));
SELECT sluice_private.retry_tasks(ARRAY[1::bigint], ARRAY[1::bigint], ARRAY[interval '0'], ARRAY['x']), sluice_private.release_tasks(ARRAY[1::bigint], ARRAY[1::bigint]);
SELECT sluice_private.take_queued_inputs(ARRAY[md5('9$1')::uuid]);
SELECT sluice.limit_queue('narrow', 3, 1, rate => 5);
SELECT sluice.enqueue('http', '{"url": "https://example.org/", "key": "a"}', 'narrow', priority => 1) FROM generate_series(1, 4);
COMMIT;
SELECT (task).id FROM sluice_private.claim_limited(:p, 10);
SELECT sluice.retry_task(max(id)), sluice.discard(max(id)) FROM sluice_private.tasks WHERE queue = 'narrow' AND parked_key IS NOT NULL;
SELECT sluice_private.requeue_failures(ARRAY[1::bigint]);
SELECT sluice.schedule('s', '@hourly', 'http', '{"url": "https://example.org/"}');
SELECT tick_id FROM sluice.cron_schedules \gset
UPDATE sluice_private.tasks SET claim_token = 5 WHERE id = :tick_id;
SELECT sluice_private.fire_schedule(:tick_id, 5, now() + interval '2 hours');
SELECT sluice.unschedule('s'), sluice.limit_queue('narrow');
SELECT max(e.id) AS call FROM (SELECT sluice.enqueue('sql', '{"function": "test.twice"}') AS id FROM generate_series(1, 2)) AS e \gset
UPDATE sluice_private.tasks SET claim_token = 6 WHERE id BETWEEN :call - 1 AND :call;
SELECT 'called ' || count(*) FROM sluice_private.run_sql_tasks(ARRAY[:call - 1, :call], ARRAY[6::bigint, 6]);
SELECT sluice.enqueue('sql', '{"function": "test.twice"}', 'aside') FROM generate_series(1, 2);
SELECT sluice_private.open_due_sql_tasks('test.twice', current_user, 128, '-infinity');
SELECT sluice.pause_queue('default'), sluice.pause_queue('narrow');
SELECT 'called due ' || count(*) FROM sluice_private.run_due_sql_tasks('test.twice', current_user, 128, '-infinity');
SELECT sluice.resume_queue('default'), sluice.resume_queue('narrow');
SELECT sluice.status() IS NOT NULL;
\echo END
SQL
}
judge() {
  local part text
  text="$(plans "$2")" || { printf '# %s\n' "${text//$'\n'/$'\n# '}" >&2; exit 1; }
  for part in claim next commit calls; do
    block="$(sed -n "/^BEGIN $part/,/^END/p" <<<"$text")"
    # queues and processes hold a handful of rows
    if bad="$(grep -E 'Seq Scan on (tasks|conversation_sessions|session_inputs|task_)' <<<"$block")"; then echo "not ok - $1: $part reads it all: $bad"; else echo "ok - $1: $part reads by index"; fi
  done
  if grep -q 'called 2' <<<"$text" && grep -q 'called due 2' <<<"$text"; then echo "ok - $1: sql tasks were run"; else echo "not ok - $1: sql tasks were not run"; fi
  if grep -q 'committed 64' <<<"$text"; then echo "ok - $1: 64 steps were committed"; else echo "not ok - $1: $(tail -5 <<<"$text")"; fi
  if [ -n "${SHOW_PLANS:-}" ]; then printf '# %s\n' "${text//$'\n'/$'\n# '}" >&2; fi
}
judge "statistics of empty tables" 500
psql -Xqc 'ANALYZE sluice_private.tasks; ANALYZE sluice.conversation_sessions'
judge "statistics of full tables" 600
