-- What the pgTAP files share: a small flow, and verbs that act as a worker does, on the daemons' own statements.
CREATE EXTENSION pgtap;
CREATE SCHEMA test;

\set claim_tasks `awk '/^-- name: /{on = ($3 == "claim_tasks"); next} on' :'queries'/workers.sql`
SELECT format($f$
  CREATE FUNCTION test.claim(process bigint, most int DEFAULT 100, watermark timestamptz DEFAULT '-infinity')
  RETURNS TABLE (id bigint, claim_token bigint, kind text, queue text, priority int, order_key timestamptz, run_at timestamptz, attempt int,
                 max_attempts int, session_id uuid, node_id text, key text, task_revision int, payload text, correlation_id text, flow_id uuid,
                 flow_version_id bigint, user_id uuid, started_at timestamptz, last_activity_at timestamptz, current_node_id text, status text,
                 revision int, state text, stack text, wait text, info text)
  LANGUAGE sql AS $body$ %s $body$ $f$, :'claim_tasks') \gexec

-- What the console shows of a flow and of a session.
\set console_flow `awk '/^-- name: /{on = ($3 == "console_flow"); next} on' :'queries'/console/flows.sql`
\set console_session `awk '/^-- name: /{on = ($3 == "console_session"); next} on' :'queries'/console/session.sql`
SELECT format('CREATE FUNCTION test.console_flow(flow text, version text DEFAULT NULL) RETURNS text LANGUAGE sql AS %L', :'console_flow') \gexec
SELECT format('CREATE FUNCTION test.console_session(session uuid) RETURNS text LANGUAGE sql AS %L', :'console_session') \gexec

-- ask → work (webhook) → bye
CREATE FUNCTION test.flow(name text DEFAULT 'small') RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
  flow uuid;
BEGIN
  flow := sluice.import_flow(jsonb_build_object(
    'name', name, 'entry_node_id', 'ask', 'settings', '{"session_timeout": 3600}'::jsonb,
    'nodes', '[{"node_id": "ask", "node_type": "question", "content": {"question": "What?", "variable": "answer"}},
               {"node_id": "work", "node_type": "webhook", "content": {"url": "https://example.org/", "headers": {"Authorization": "{{secret:token}}"}}},
               {"node_id": "bye", "node_type": "message", "content": {"messages": [{"type": "text", "text": "Bye."}]}}]'::jsonb,
    'connections', '[{"source_node_id": "ask", "target_node_id": "work"}, {"source_node_id": "work", "target_node_id": "bye", "connection_type": "success"},
                     {"source_node_id": "work", "target_node_id": "bye", "connection_type": "failure"}]'::jsonb));
  PERFORM sluice.publish_flow(flow);
  RETURN flow;
END
$$;

CREATE FUNCTION test.process() RETURNS bigint LANGUAGE sql AS $$ SELECT sluice_private.register_process('worker', 'test', 1) $$;
CREATE FUNCTION test.kill(process bigint) RETURNS void LANGUAGE sql AS $$
  UPDATE sluice_private.processes SET heartbeat_at = clock_timestamp() - interval '5 seconds' WHERE id = process
$$;

\set load_claimed_session `awk '/^-- name: /{on = ($3 == "load_claimed_session"); next} on' :'queries'/sessions.sql`
SELECT format($f$ CREATE FUNCTION test.load_claimed_session(task bigint, token bigint) RETURNS TABLE (node_id text, key text, task_revision int) LANGUAGE sql AS
                  $body$ SELECT node_id, key, task_revision FROM (%s) AS l $body$ $f$, rtrim(:'load_claimed_session', E';\n ')) \gexec

-- Commits one claimed task, made from what its session waits for by then. `step` is {"node", "state", "wait", "status", "next", "deadline",
-- "history": [texts], "revision", "error", "wait_key": another key than the task's}.
CREATE FUNCTION test.commit(process bigint, task bigint, token bigint, outcome text, step jsonb DEFAULT '{}', take_on int DEFAULT 0)
RETURNS TABLE (result text, reason text) LANGUAGE sql AS $$
  SELECT coalesce(c.outcome, 'applied'), c.reason
    FROM (SELECT 1) AS always LEFT JOIN sluice_private.commit_steps(
      process, ARRAY[task], ARRAY[token], ARRAY[outcome],
      ARRAY[coalesce(step ->> 'wait_key', (SELECT o.idempotency_key FROM sluice.task_overview o WHERE o.task_id = task))],
      ARRAY[(SELECT o.node_id FROM sluice.task_overview o WHERE o.task_id = task)], ARRAY[(step ->> 'revision')::int],
      ARRAY[step -> 'state'], ARRAY[sluice.state_hash(step -> 'state')], ARRAY[step ->> 'node'], '{1}',
      ARRAY[nullif(step -> 'wait', 'null')], '{2}', ARRAY[coalesce(step ->> 'status', 'active')],
      ARRAY[step ->> 'next'], ARRAY[step ->> 'node'], ARRAY[(step ->> 'deadline')::timestamptz],
      '{3}', ARRAY[step ->> 'error'],
      ARRAY(SELECT 1 FROM jsonb_array_elements(coalesce(step -> 'history', '[]'))),
      ARRAY(SELECT step ->> 'node' FROM jsonb_array_elements(coalesce(step -> 'history', '[]'))),
      ARRAY(SELECT 'message' FROM jsonb_array_elements(coalesce(step -> 'history', '[]'))),
      ARRAY(SELECT 3 + h FROM generate_series(1, jsonb_array_length(coalesce(step -> 'history', '[]'))) AS h),
      ARRAY[step -> 'stack', step -> 'info', step -> 'result']
        || ARRAY(SELECT jsonb_build_object('text', h) FROM jsonb_array_elements(coalesce(step -> 'history', '[]')) AS h), take_on) AS c ON true
$$;

-- A claim sees what was due when its statement began, so tasks made in the same statement are dated back.
-- A session that has reached a place: 'ask' (waiting for input at revision 2) or 'work' (waiting for its webhook at revision 3).
CREATE FUNCTION test.session_at(place text) RETURNS sluice.conversation_sessions LANGUAGE plpgsql AS $$
DECLARE
  started record;
  claimed record;
  session sluice.conversation_sessions;
  process bigint := test.process();
BEGIN
  SELECT * INTO started FROM sluice.start_session('small');
  UPDATE sluice_private.tasks SET order_key = now() WHERE session_id = started.session_id AND kind <> 'timer';
  SELECT * INTO STRICT claimed FROM test.claim(process) c WHERE c.session_id = started.session_id;
  PERFORM test.commit(process, claimed.id, claimed.claim_token, 'step', jsonb_build_object(
    'revision', 1, 'node', 'ask', 'wait', jsonb_build_object('for', 'input', 'key', started.session_id || ':ask:2')));
  IF place = 'work' THEN
    PERFORM sluice.send_input(started.session_token, '"x"');
    UPDATE sluice_private.tasks SET order_key = now() WHERE session_id = started.session_id AND kind <> 'timer';
    SELECT * INTO STRICT claimed FROM test.claim(process) c WHERE c.session_id = started.session_id;
    PERFORM test.commit(process, claimed.id, claimed.claim_token, 'step', jsonb_build_object(
      'revision', 2, 'node', 'work', 'next', 'webhook', 'state', jsonb_build_object('answer', 'x'),
      'wait', jsonb_build_object('for', 'task', 'key', started.session_id || ':work:3')));
  END IF;
  UPDATE sluice_private.tasks SET claimed_by = NULL WHERE claimed_by = process;
  SELECT * INTO session FROM sluice.conversation_sessions s WHERE s.id = started.session_id;
  RETURN session;
END
$$;

SELECT test.flow();
