#!/usr/bin/env bash
# The console's questions look at no more when more has piled up: at ROWS (default 50,000) sessions, tasks, events and attempts each reads no table from
# end to end and touches few pages, whatever the planner believes: with the statistics of empty tables and of full ones, with custom and generic plans.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
queries="$here/../../sql/queries/console"
rows=${ROWS:-50000}
export PGOPTIONS="${PGOPTIONS:-} -c client_min_messages=warning -c statement_timeout=300s"

psql -Xq -v ON_ERROR_STOP=1 -v rows="$rows" <<'SQL'
SET session_replication_role = replica;
SET synchronous_commit = off;
SELECT format('ALTER TABLE %s SET (autovacuum_enabled = false)', c.oid::regclass) FROM pg_class c
 WHERE c.relkind = 'r' AND c.relnamespace IN ('sluice'::regnamespace, 'sluice_private'::regnamespace) \gexec
INSERT INTO sluice.conversation_sessions (id, flow_id, flow_version_id, session_token, current_node_id, status, started_at, correlation_id)
SELECT md5(n::text)::uuid, f.flow_id, f.id, 't' || n, 'work', CASE WHEN n % 3 = 0 THEN 'completed' ELSE 'active' END, now() - n * interval '1 s', 'c' || n
  FROM (SELECT id, flow_id FROM sluice.flow_versions LIMIT 1) AS f, generate_series(1, :rows) AS n;
INSERT INTO sluice.conversation_history (session_id, node_id, interaction_type, content, created_at)
SELECT md5((1 + n / 4)::text)::uuid, 'ask', 'message', '{"text": "What?"}', now() FROM generate_series(1, :rows) AS n;
INSERT INTO sluice_private.tasks (session_id, kind, node_id, key, revision, order_key, run_at)
SELECT md5(n::text)::uuid, 'webhook', 'work', n, 1, now() - interval '1 hour' + n * interval '1 ms', now() - interval '1 hour' FROM generate_series(1, :rows) AS n;
INSERT INTO sluice.task_failures (task_id, kind, queue, priority, reason, attempts, max_attempts, retryable, created_at)
SELECT nextval('sluice_private.task_ids'), 'http', 'default', 0, 'refused', 3, 3, true, now() FROM generate_series(1, :rows) AS n;
INSERT INTO sluice.webhook_endpoints (id, url, created_at) SELECT md5('e' || n)::uuid, 'https://example.org/' || n, now() - n * interval '1 s' FROM generate_series(1, 1000) AS n;
INSERT INTO sluice_private.lanes (endpoint_id) SELECT id FROM sluice.webhook_endpoints;
INSERT INTO sluice.flow_events (id, slot, event_type, session_id, body)
SELECT n, 0, 'order.paid', md5(n::text)::uuid, '{"data": {}}' FROM generate_series(1, :rows) AS n;
INSERT INTO sluice.webhook_messages (no, created_at, event_id, session_id, id, event_type, body)
SELECT n * 4 + 2, now(), n, md5(n::text)::uuid, 'msg_' || n, 'order.paid', '{}' FROM generate_series(1, :rows) AS n;
INSERT INTO sluice.webhook_deliveries (id, message_no, message_at, due_at, endpoint_id)
SELECT n * 2, n * 4 + 2, now(), now() - interval '1 minute', md5('e' || 1 + n % 1000)::uuid
  FROM generate_series(1, :rows / 10) AS n;
INSERT INTO sluice.webhook_attempts (delivery_id, message_no, message_at, started_at, endpoint_id, duration_ms, attempt, status, outcome)
SELECT n * 2 + 1, n * 4 + 2, now(), now(), md5('e' || 1 + n % 1000)::uuid, 5, 1, 200,
       CASE WHEN n % 10 = 0 THEN 'dead' ELSE 'delivered' END
  FROM generate_series(1, :rows) AS n;
INSERT INTO sluice.audit_log (actor, program, action, target, outcome) SELECT 'x', 'x', 'x', 'x', 'x' FROM generate_series(1, :rows);
SQL

# What each statement is asked with, and the most pages that it may touch: "name | arguments | pages".
questions() {
  cat <<TABLE
console_sample | now() | 30000
console_flows | 50, NULL | 2000
console_flow | 'small', NULL | 9000
console_sessions | 50, NULL, NULL, NULL, NULL, NULL | 1000
console_sessions | 50, NULL, NULL, NULL, 'abandoned', NULL | 4000
console_sessions | 50, now() - interval '1 hour', NULL, 'small', NULL, 'nobody' | 4000
console_sessions_of | 50, md5('7')::uuid | 100
console_session | md5('7')::uuid | 1500
console_tasks | 50, NULL, NULL, NULL, NULL | 4000
console_tasks | 50, NULL, 'running', NULL, NULL | 25000
console_tasks | 50, NULL, NULL, 'nowhere', NULL | 25000
console_tasks | 50, NULL, 'failed', NULL, NULL | 25000
console_tasks_of | 50, md5('7')::uuid | 100
console_task | 7 | 100
console_deliveries | 50, NULL, NULL, NULL, NULL | 6000
console_deliveries | 50, NULL, 'held', NULL, NULL | 6000
console_deliveries | 50, NULL, NULL, md5('e1')::uuid, NULL | 6000
console_deliveries | 50, NULL, NULL, NULL, 'order.sent' | 6000
console_delivery | 7 | 100
console_endpoints | 100, NULL, NULL, NULL, NULL | 20000
console_endpoints | 100, NULL, NULL, 'nowhere', NULL | 20000
console_endpoint | md5('e1')::uuid | 15000
console_events | 50, NULL, NULL, NULL | 1000
console_events | 50, NULL, 'order.sent', NULL | 2000
console_audit | 50, NULL | 200
console_live | pg_current_snapshot()::text | 100
console_live_after | $((rows - 1)), pg_current_snapshot()::text | 100
TABLE
}

statements() {
  local file
  for file in "$queries"/{overview,flows,lists,details,session,live}.sql; do
    awk '/^-- name: /{ if (name) print ";"; name = $3; print "PREPARE " name " AS"; next } name' "$file"
    echo ";"
  done
}

# judge WHAT MODE: a line of TAP for each question.
judge() {
  {
    cat <<'SQL'
SET ROLE sluice_reader;
SET default_transaction_read_only = on; SET jit = off; SET enable_seqscan = off; SET enable_bitmapscan = off;
BEGIN READ WRITE;
CREATE FUNCTION pg_temp.parts(plan jsonb) RETURNS SETOF jsonb LANGUAGE sql AS $$ SELECT p FROM jsonb_path_query(plan, '$.**{1 to last} ? (exists(@."Node Type"))') AS p $$;
CREATE FUNCTION pg_temp.judged(what text, statement text, most bigint) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  plan jsonb;
  pages bigint;
  scanned text;
BEGIN
  EXECUTE 'EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE ' || statement INTO plan;
  pages := (plan #>> '{0,Plan,Shared Hit Blocks}')::bigint + (plan #>> '{0,Plan,Shared Read Blocks}')::bigint;
  SELECT string_agg(DISTINCT p ->> 'Relation Name', ', ') INTO scanned FROM pg_temp.parts(plan) AS p
   WHERE p ->> 'Node Type' = 'Seq Scan' AND p ->> 'Relation Name' ~ '^(conversation_|tasks|session_inputs|task_failures|flow_events|webhook_(messages|deliveries|attempts)|audit_log)';
  RETURN CASE WHEN pages <= most AND scanned IS NULL THEN 'ok' ELSE 'not ok' END || format(' - %s: %s touches %s pages of %s', what, statement, pages, most) || coalesce(' and reads all of ' || scanned, '');
END $$;
SQL
    statements
    echo "SET plan_cache_mode = $2;"
    questions | while IFS='|' read -r name arguments pages; do
      echo "SELECT pg_temp.judged('$1, $2', '${name// /}(' || \$q\$$arguments\$q\$ || ')', $pages);"
    done
  } | psql -XAtq -v ON_ERROR_STOP=1
}

echo "1..$((3 * $(questions | wc -l)))"
judge 'statistics of empty tables' force_custom_plan
psql -Xqc ANALYZE
judge 'statistics of full tables' force_custom_plan
judge 'statistics of full tables' force_generic_plan
