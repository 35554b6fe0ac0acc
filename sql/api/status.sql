-- Views and status: what is going on, for people and for `sluice status`.

CREATE OR REPLACE VIEW sluice.session_overview AS
  SELECT s.id AS session_id, f.name AS flow, v.version AS flow_version, s.user_id, s.status, s.current_node_id, s.revision,
         s.wait ->> 'for' AS waits_for, s.wait ->> 'key' AS wait_key, s.started_at, s.last_activity_at, s.ended_at, s.correlation_id,
         s.info ->> 'last_error' AS last_error
    FROM sluice.conversation_sessions s
    LEFT JOIN sluice.flow_definitions f ON f.id = s.flow_id
    LEFT JOIN sluice.flow_versions v ON v.id = s.flow_version_id;
COMMENT ON VIEW sluice.session_overview IS 'one row a session, without its state and token';

CREATE OR REPLACE VIEW sluice.task_overview AS
  SELECT t.id AS task_id, t.kind, t.queue, t.session_id, coalesce(t.node_id, CASE WHEN t.revision IS NULL THEN s.current_node_id END) AS node_id,
         CASE WHEN p.id IS NOT NULL THEN 'running'
              WHEN q.paused THEN 'paused'
              WHEN t.parked_key IS NOT NULL THEN 'limited'
              WHEN t.run_at > clock_timestamp() THEN CASE WHEN t.attempt > 1 THEN 'retrying' ELSE 'scheduled' END
              ELSE 'ready' END AS status,
         t.attempt, t.max_attempts, greatest(t.run_at, since.queued_at) AS run_at, t.priority,
         coalesce(t.key, CASE WHEN t.revision IS NULL THEN s.wait ->> 'key' END) AS idempotency_key,
         coalesce(t.revision, s.revision) AS session_revision, t.errors, since.queued_at AS created_at,
         p.id AS process_id, p.host, p.pid, coalesce(s.correlation_id, t.correlation_id) AS correlation_id
    FROM sluice_private.tasks t
    JOIN sluice_private.queues q ON q.name = t.queue
    LEFT JOIN sluice_private.processes p ON p.id = t.claimed_by AND p.heartbeat_at > clock_timestamp() - interval '4 seconds'
    LEFT JOIN sluice.conversation_sessions s ON s.id = t.session_id
    CROSS JOIN LATERAL (SELECT greatest(t.created_at, CASE WHEN t.revision IS NULL THEN s.last_activity_at END) AS queued_at) AS since
  UNION ALL
  SELECT i.id, 'input', 'default', i.session_id, NULL, 'queued', 1, 10, i.created_at, 0, NULL, NULL, NULL, i.created_at, NULL, NULL, NULL, s.correlation_id
    FROM sluice_private.session_inputs i LEFT JOIN sluice.conversation_sessions s ON s.id = i.session_id;
COMMENT ON VIEW sluice.task_overview IS
  'one row an unfinished task; status is running, ready, scheduled, retrying, paused, limited: its key is full, or queued: an input behind its session''s pending task';

-- The view's order and limit do not reach the tables below its joins, so the rows wanted are picked first.
CREATE OR REPLACE FUNCTION sluice.newest_tasks(before bigint, rows int) RETURNS SETOF sluice.task_overview
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
  SELECT o.*
    FROM (SELECT x.id FROM ((SELECT t.id FROM sluice_private.tasks t WHERE t.id < coalesce(before, 9223372036854775807) ORDER BY t.id DESC LIMIT rows)
                            UNION ALL
                            (SELECT i.id FROM sluice_private.session_inputs i WHERE i.id < coalesce(before, 9223372036854775807) ORDER BY i.id DESC LIMIT rows)) AS x
           ORDER BY x.id DESC LIMIT least(rows, 10000)) AS n
   CROSS JOIN LATERAL (SELECT * FROM sluice.task_overview v WHERE v.task_id = n.id OFFSET 0) AS o
$$;
COMMENT ON FUNCTION sluice.newest_tasks(bigint, int) IS 'the unfinished tasks with the greatest ids below `before` (null: of all), at most 10,000: task_overview without looking at the others';

-- A session's own, by its indexes.
CREATE OR REPLACE FUNCTION sluice.tasks_of_session(session_id uuid) RETURNS SETOF sluice.task_overview
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
  SELECT o.*
    FROM (SELECT t.id FROM sluice_private.tasks t WHERE t.session_id = tasks_of_session.session_id AND t.kind <> 'timer'
          UNION ALL SELECT t.id FROM sluice_private.tasks t WHERE t.session_id = tasks_of_session.session_id AND t.kind = 'timer'
          UNION ALL (SELECT i.id FROM sluice_private.session_inputs i WHERE i.session_id = tasks_of_session.session_id ORDER BY i.session_id, i.id LIMIT 1000)) AS n
   CROSS JOIN LATERAL (SELECT * FROM sluice.task_overview v WHERE v.task_id = n.id OFFSET 0) AS o
$$;
COMMENT ON FUNCTION sluice.tasks_of_session(uuid) IS 'a session''s unfinished tasks, its timers, and its 1,000 oldest queued inputs, as in task_overview';

-- A task that a worker took on has the run_at of the first in its row, and may follow its session: see steps.sql.
CREATE OR REPLACE FUNCTION sluice_private.due_since(task sluice_private.tasks) RETURNS timestamptz
LANGUAGE sql STABLE
RETURN greatest(task.run_at, task.created_at,
                CASE WHEN task.revision IS NULL THEN (SELECT s.last_activity_at FROM sluice.conversation_sessions s WHERE s.id = task.session_id) END);
COMMENT ON FUNCTION sluice_private.due_since(sluice_private.tasks) IS 'since when a task that is due is due';
SELECT sluice_private.hide('sluice_private.due_since(sluice_private.tasks)');

-- Counts stop at 10,000, so that asking costs the same however much has piled up.
CREATE OR REPLACE FUNCTION sluice.status() RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off AS $$
  SELECT jsonb_build_object(
    'schema_version', (SELECT max(m.version) FROM sluice.schema_migrations m),
    'time', clock_timestamp(),
    'processes', coalesce((SELECT jsonb_agg(jsonb_build_object('id', p.id, 'kind', p.kind, 'host', p.host, 'pid', p.pid, 'started_at', p.started_at,
                                                               'alive', p.heartbeat_at > clock_timestamp() - interval '4 seconds',
                                                               'heartbeat_at', p.heartbeat_at) ORDER BY p.id)
                             FROM sluice_private.processes p), '[]'),
    'queues', (SELECT jsonb_agg(jsonb_build_object('name', q.name, 'paused', q.paused, 'due', d.due, 'oldest_due_at', d.oldest,
                                              'limits', CASE WHEN q.limited THEN jsonb_strip_nulls(jsonb_build_object(
                                                'max_running', q.max_running, 'max_per_key', q.max_per_key, 'key_path', q.key_path,
                                                'rate', q.rate, 'rate_period', q.rate_period)) END) ORDER BY q.name)
                 FROM sluice_private.queues q
                 CROSS JOIN LATERAL (
                   SELECT count(*) AS due, min(x.run_at) AS oldest
                     FROM ((SELECT sluice_private.due_since(t) AS run_at FROM sluice_private.tasks t
                             WHERE t.queue = q.name AND t.priority = 0 AND t.order_key <= clock_timestamp()
                             ORDER BY t.order_key, t.id LIMIT 10000)
                           UNION ALL
                           (SELECT t.run_at FROM sluice_private.tasks t
                             WHERE t.queue = q.name AND t.priority <> 0 AND t.run_at <= clock_timestamp() ORDER BY t.run_at LIMIT 10000)
                           UNION ALL
                           (SELECT t.run_at FROM sluice_private.tasks t
                             WHERE t.queue = q.name AND t.parked_key IS NOT NULL LIMIT 10000)) AS x) AS d),
    'failed_tasks', (SELECT count(*) FROM (SELECT 1 FROM sluice.task_failures LIMIT 10000) AS x),
    'open_circuits', coalesce((SELECT jsonb_agg(b.key ORDER BY b.key) FROM sluice.circuit_breakers b WHERE b.state <> 'closed'), '[]'),
    'sessions', greatest((SELECT c.reltuples::bigint FROM pg_class c WHERE c.oid = 'sluice.conversation_sessions'::regclass), 0))
$$;
COMMENT ON FUNCTION sluice.status() IS
  'processes, queues, failures and open circuits as one object; counts stop at 10,000, sessions is the planner''s estimate';

SELECT sluice_private.publish_api('sluice.status()');
SELECT sluice_private.grant_to('sluice_reader', 'EXECUTE ON FUNCTION sluice.status()');
SELECT sluice_private.publish_api('sluice.newest_tasks(bigint, int)');
SELECT sluice_private.grant_to('sluice_reader', 'EXECUTE ON FUNCTION sluice.newest_tasks(bigint, int)');
SELECT sluice_private.publish_api('sluice.tasks_of_session(uuid)');
SELECT sluice_private.grant_to('sluice_reader', 'EXECUTE ON FUNCTION sluice.tasks_of_session(uuid)');
SELECT sluice_private.publish_api('sluice.state_hash(jsonb)');
SELECT sluice_private.publish_api('sluice.canonical_json(jsonb)');

-- A reader sees everything but what lets one speak in a session; the API's callers see the overviews.
SELECT sluice_private.grant_to('sluice_reader', 'SELECT ON sluice.session_overview, sluice.task_overview, sluice.flow_definitions, sluice.flow_nodes, '
  'sluice.flow_connections, sluice.flow_versions, sluice.conversation_history, sluice.task_idempotency_records, sluice.task_failures, '
  'sluice.circuit_breakers, sluice.secrets_used, sluice.settings');
SELECT sluice_private.grant_to('sluice_reader', 'SELECT (id, user_id, flow_id, flow_version_id, current_node_id, state, stack, wait, info, started_at, '
  'last_activity_at, ended_at, status, revision, state_hash, correlation_id) ON sluice.conversation_sessions');
SELECT sluice_private.grant_to('sluice_api', 'SELECT ON sluice.session_overview, sluice.task_overview');

-- These two are older than the roles, so no default privilege covers them. Daemons ask them whether the schema is the one that they know.
SELECT sluice_private.grant_to('sluice_daemon', format('SELECT ON %s', t.name))
  FROM unnest(ARRAY['sluice.schema_migrations', 'sluice_private.api_files']) AS t (name) WHERE to_regclass(t.name) IS NOT NULL;
