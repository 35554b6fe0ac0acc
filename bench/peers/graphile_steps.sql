-- A step of a session as a job of graphile-worker would make it, in one round trip: the session if its revision is as expected, history,
-- record, event (by the table's trigger) and the next job, in one transaction. -v last_revision=N: the step from there ends the session.
CREATE FUNCTION bench.last_revision() RETURNS int IMMUTABLE RETURN :last_revision;

CREATE FUNCTION bench.step(session uuid, revision int) RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
  node text := 'node_' || revision;
  last boolean := revision = bench.last_revision();
BEGIN
  UPDATE sluice.conversation_sessions s
     SET state = jsonb_set(s.state, '{variables,n}', to_jsonb(revision)), state_hash = repeat('h', 43) || revision % 10, current_node_id = node,
         wait = NULL, status = CASE WHEN last THEN 'completed' ELSE 'active' END, revision = s.revision + 1, last_activity_at = now()
   WHERE s.id = session AND s.revision = step.revision AND s.status = 'active';
  IF NOT FOUND THEN
    RETURN;
  END IF;
  INSERT INTO sluice.conversation_history (session_id, node_id, interaction_type, content) VALUES (session, node, 'action', '{"done": ["increment"]}');
  INSERT INTO sluice.task_idempotency_records (idempotency_key, status, session_id, node_id, session_revision, kind)
  VALUES (session || ':' || node || ':' || revision, 'completed', session, node, revision, 'action');
  IF NOT last THEN
    PERFORM graphile_worker.add_job('step', json_build_object('session', session, 'revision', revision + 1), queue_name => session::text);
  END IF;
END
$$;
