-- Sessions that wait for an action each, and two ways to move 64 of them by one step: as a worker does, and as set-based SQL that knows
-- beforehand which rows they are. Both write the same rows: claim, session, history (-v history_rows=N, by default two), record, event, task
-- gone, next task.
CREATE SCHEMA bench;
\if :{?history_rows}
\else
  \set history_rows 2
\endif
CREATE FUNCTION bench.history_rows() RETURNS int IMMUTABLE RETURN :history_rows;

SELECT sluice.publish_flow(sluice.import_flow('{"name": "bench", "entry_node_id": "a",
  "nodes": [{"node_id": "a", "node_type": "action", "content": {"actions": [{"type": "increment", "variable": "n"}]}}], "connections": []}'));

CREATE TABLE bench.numbered (n int PRIMARY KEY, session_id uuid NOT NULL);
INSERT INTO bench.numbered SELECT n, sluice_private.new_session_id() FROM generate_series(0, :sessions - 1) AS n;
INSERT INTO sluice.conversation_sessions (id, flow_id, flow_version_id, session_token, current_node_id, state, wait)
SELECT b.session_id, v.flow_id, v.id, 't' || b.n, 'a',
       jsonb_build_object('user', '{"name": "Ada Lovelace", "age": 36}'::jsonb, 'variables', jsonb_build_object('n', 1, 'text', repeat('words ', 60)), 'temp', '{}'::jsonb),
       jsonb_build_object('for', 'task', 'key', b.session_id || ':a:1')
  FROM bench.numbered b, sluice.flow_versions v WHERE v.flow_id = (SELECT id FROM sluice.flow_definitions WHERE name = 'bench') ORDER BY b.n;
INSERT INTO sluice_private.tasks (session_id, kind, node_id, key, revision) SELECT b.session_id, 'action', 'a', b.session_id || ':a:1', 1 FROM bench.numbered b ORDER BY b.n;
VACUUM ANALYZE sluice.conversation_sessions, sluice_private.tasks, bench.numbered;

\set claim_tasks `awk '/^-- name: /{on = ($3 == "claim_tasks"); next} on' sql/queries/workers.sql`
SELECT format($f$
  CREATE FUNCTION bench.claim(process bigint, most int, watermark timestamptz)
  RETURNS TABLE (id bigint, claim_token bigint, kind text, queue text, priority int, order_key timestamptz, run_at timestamptz, attempt int,
                 max_attempts int, session_id uuid, node_id text, key text, task_revision int, payload text, correlation_id text, flow_id uuid,
                 flow_version_id bigint, user_id uuid, started_at timestamptz, last_activity_at timestamptz, current_node_id text, status text,
                 revision int, state text, stack text, wait text, info text)
  LANGUAGE plpgsql SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_bitmapscan = off SET jit = off AS $body$
  #variable_conflict use_column
  BEGIN RETURN QUERY %s; END $body$ $f$,
  replace(replace(replace(rtrim(:'claim_tasks', E';\n '), '$1', 'process'), '$2', 'most'), '$3', 'watermark')) \gexec

-- One batch of a worker. The hash is computed by the worker, outside of the database, so a text that changes stands for it here. `arrays` is what
-- the worker would have in memory; building it is not the database's work but costs it here.
CREATE FUNCTION bench.work(process bigint, batch int, watermark float8, take_on int DEFAULT 0) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
  a record;
  others int;
BEGIN
  PERFORM sluice_private.heartbeat(process);
  SELECT array_agg(c.id) AS ids, array_agg(c.claim_token) AS tokens, array_agg('step'::text) AS outcomes, array_agg(c.wait::jsonb ->> 'key') AS wait_keys, array_agg(c.revision) AS revisions,
         array_agg(jsonb_set(c.state::jsonb, '{variables,n}', to_jsonb(c.revision))) AS states, array_agg(repeat('h', 43) || c.revision % 10) AS hashes, array_agg('a'::text) AS nodes,
         array_agg(NULL::int) AS nulls, array_agg(jsonb_build_object('for', 'task', 'key', c.session_id || ':a:' || (c.revision + 1))) AS waits,
         array_agg('active'::text) AS statuses, array_agg('action'::text) AS kinds, array_agg(NULL::timestamptz) AS times, array_agg(NULL::text) AS texts,
         max(c.order_key) AS last
    INTO a FROM bench.claim(process, batch, to_timestamp(watermark)) c;
  IF a.ids IS NULL THEN
    RETURN 0;
  END IF;
  SELECT count(*) INTO others
    FROM sluice_private.commit_steps(process, a.ids, a.tokens, a.outcomes, a.wait_keys, a.nodes, a.revisions, a.states, a.hashes, a.nodes, a.nulls, a.waits, a.nulls, a.statuses,
           a.kinds, a.nodes, a.times, a.nulls, a.texts,
           ARRAY(SELECT 1 + (n - 1) / bench.history_rows() FROM generate_series(1, bench.history_rows() * cardinality(a.ids)) AS n),
           array_fill('a'::text, ARRAY[bench.history_rows() * cardinality(a.ids)]),
           array_fill('action'::text, ARRAY[bench.history_rows() * cardinality(a.ids)]),
           array_fill(1, ARRAY[bench.history_rows() * cardinality(a.ids)]), '{"{\"done\": [\"increment\"]}"}', take_on) AS r;
  IF others > 0 THEN
    RAISE EXCEPTION '% of % steps were not applied', others, cardinality(a.ids);
  END IF;
  RETURN extract(epoch FROM a.last) - 0.1;
END
$$;

-- The limit: no look at queue, claim, revision or wait; a range of sessions that no other client touches.
CREATE FUNCTION bench.limit(first int, batch int) RETURNS void LANGUAGE plpgsql SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $$
DECLARE
  ids uuid[] := ARRAY(SELECT b.session_id FROM bench.numbered b WHERE b.n >= first AND b.n < first + batch);
BEGIN
  UPDATE sluice_private.tasks t SET claimed_by = 1, claim_token = 1 WHERE t.session_id = ANY (ids) AND t.kind <> 'timer' AND t.session_id IS NOT NULL;
  UPDATE sluice.conversation_sessions s
     SET state = jsonb_set(s.state, '{variables,n}', to_jsonb(s.revision)), state_hash = repeat('h', 43) || s.revision % 10, current_node_id = 'a',
         wait = jsonb_build_object('for', 'task', 'key', s.id || ':a:' || (s.revision + 1)), revision = s.revision + 1, last_activity_at = now()
   WHERE s.id = ANY (ids);
  INSERT INTO sluice.conversation_history (session_id, node_id, interaction_type, content)
  SELECT i, 'a', 'action', '{"done": ["increment"]}' FROM unnest(ids) AS i, generate_series(1, bench.history_rows());
  INSERT INTO sluice.task_idempotency_records (idempotency_key, status, session_id, node_id, session_revision, task_id, kind)
  SELECT i || ':a:1', 'completed', i, 'a', 1, 1, 'action' FROM unnest(ids) AS i;
  DELETE FROM sluice_private.tasks t WHERE t.session_id = ANY (ids) AND t.kind <> 'timer' AND t.session_id IS NOT NULL;
  INSERT INTO sluice_private.tasks (session_id, kind, node_id, key, revision) SELECT i, 'action', 'a', i || ':a:2', 2 FROM unnest(ids) AS i;
END
$$;
