-- Sessions: start, speak, patch, end, look.

-- Version 7 of RFC 9562 (5.7): 48 bits of milliseconds, then random ones. docs/decisions/0046 says what for.
CREATE OR REPLACE FUNCTION sluice_private.new_session_id() RETURNS uuid
LANGUAGE sql VOLATILE
RETURN encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
                                      PLACING substring(int8send(floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3) FROM 1 FOR 6),
                              52, 1), 53, 1), 'hex')::uuid;
COMMENT ON FUNCTION sluice_private.new_session_id() IS 'an id for a session, in the order of time';
SELECT sluice_private.hide('sluice_private.new_session_id()');

CREATE OR REPLACE FUNCTION sluice.start_session(flow text, user_id uuid DEFAULT NULL, initial_state jsonb DEFAULT '{}', idempotency_key text DEFAULT NULL,
                                                OUT session_id uuid, OUT session_token text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  version sluice.flow_versions;
  wait_key text;
BEGIN
  IF idempotency_key IS NOT NULL THEN
    PERFORM sluice_private.check_key('idempotency_key', idempotency_key);
    session_id := sluice_private.new_session_id();
    INSERT INTO sluice_private.session_keys AS k (key, session_id) VALUES (idempotency_key, start_session.session_id) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
      SELECT s.id, s.session_token INTO session_id, session_token
        FROM sluice_private.session_keys k JOIN sluice.conversation_sessions s ON s.id = k.session_id WHERE k.key = idempotency_key;
      RETURN;
    END IF;
  END IF;

  version := sluice_private.current_version(flow);
  IF initial_state IS NULL OR jsonb_typeof(initial_state) <> 'object' THEN
    PERFORM sluice_private.fail('SL005', format('initial_state is not a JSON object but %s', coalesce(jsonb_typeof(initial_state), 'null')),
                                NULL, 'give the scopes to start with, for example {"user": {"name": "Ada"}}');
  END IF;
  PERFORM sluice_private.check_state_size(initial_state);

  session_id := coalesce(session_id, sluice_private.new_session_id());
  session_token := replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '');
  wait_key := format('%s:%s:1', session_id, version.entry_node_id);
  INSERT INTO sluice.conversation_sessions
         (id, user_id, flow_id, flow_version_id, session_token, current_node_id, state, state_hash, wait, correlation_id)
  VALUES (session_id, start_session.user_id, version.flow_id, version.id, session_token, version.entry_node_id, initial_state,
          sluice.state_hash(initial_state), jsonb_build_object('for', 'task', 'key', wait_key),
          coalesce(sluice_private.ambient_correlation(), session_id::text));
  INSERT INTO sluice_private.tasks (session_id, kind, node_id, key, revision)
  VALUES (session_id, 'start', version.entry_node_id, wait_key, 1);
  INSERT INTO sluice_private.tasks (session_id, kind, key, revision, run_at, order_key)
  VALUES (session_id, 'timer', 'session', 1, clock_timestamp() + version.session_timeout, clock_timestamp() + version.session_timeout);
  PERFORM sluice_private.ring_tasks();
END
$$;
COMMENT ON FUNCTION sluice.start_session(text, uuid, jsonb, text) IS
  'starts a session of a published flow (id or name) at revision 1; a worker then runs the entry node. The same idempotency key gives the same '
  'session again. SET sluice.correlation_id names the conversation in events, logs and requests. Errors: SL001, SL005, SL006';

-- Some of what is done with JSON recurses (sorted_json), and would end at the server's stack depth.
CREATE OR REPLACE FUNCTION sluice_private.is_deep(value jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
RETURN jsonb_path_exists(value, '$.**{129}');
COMMENT ON FUNCTION sluice_private.is_deep(jsonb) IS 'whether a value is nested deeper than 128 levels';

CREATE OR REPLACE FUNCTION sluice_private.check_state_size(state jsonb) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF octet_length(state::text) > 1048576 THEN
    PERFORM sluice_private.fail('SL006', format('the state has %s bytes, the limit is 1048576 (1 MiB)', octet_length(state::text)), NULL,
                                'keep large things elsewhere and a reference to them in the state');
  END IF;
  IF sluice_private.is_deep(state) THEN
    PERFORM sluice_private.fail('SL006', 'the state is nested deeper than 128 levels', NULL, 'flatten it, or keep it as a text');
  END IF;
END
$$;
COMMENT ON FUNCTION sluice_private.check_state_size(jsonb) IS 'SL006 for a state over 1 MiB or 128 levels';

CREATE OR REPLACE FUNCTION sluice_private.check_json(what text, value jsonb, most int DEFAULT 1048576) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF octet_length(value::text) > most THEN
    PERFORM sluice_private.fail('SL005', format('%s has %s bytes', what, octet_length(value::text)), format('at most %s bytes are taken', most),
                                'keep large things elsewhere and give a reference to them');
  END IF;
  IF sluice_private.is_deep(value) THEN
    PERFORM sluice_private.fail('SL005', format('%s is nested deeper than 128 levels', what), NULL, 'flatten it, or give it as a text');
  END IF;
END
$$;
COMMENT ON FUNCTION sluice_private.check_json(text, jsonb, int) IS 'SL005 for a value of more bytes than `most`, or of more than 128 levels';

-- Takes the session's row, so that what follows is ordered against commits of steps.
CREATE OR REPLACE FUNCTION sluice_private.lock_session(token text) RETURNS sluice.conversation_sessions
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  session sluice.conversation_sessions;
BEGIN
  SELECT * INTO session FROM sluice.conversation_sessions s WHERE s.session_token = token FOR NO KEY UPDATE;
  IF session.id IS NULL THEN
    PERFORM sluice_private.fail('SL002', 'the session token is unknown', NULL, 'start_session returns the token; it is not the session''s id');
  END IF;
  RETURN session;
END
$$;
COMMENT ON FUNCTION sluice_private.lock_session(text) IS 'the session of a token, its row locked; SL002 when there is none';

CREATE OR REPLACE FUNCTION sluice_private.refuse_ended(session sluice.conversation_sessions) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF session.status <> 'active' THEN
    PERFORM sluice_private.fail('SL003', format('session %s is %s', session.id, session.status), format('it ended at %s', session.ended_at),
                                'start a new session');
  END IF;
END
$$;
COMMENT ON FUNCTION sluice_private.refuse_ended(sluice.conversation_sessions) IS 'SL003 unless the session is active';

CREATE OR REPLACE FUNCTION sluice.send_input(session_token text, input jsonb, idempotency_key text DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  session sluice.conversation_sessions;
  new_id bigint;
BEGIN
  session := sluice_private.lock_session(session_token);
  IF idempotency_key IS NOT NULL THEN
    new_id := sluice_private.known_key(session.id::text, idempotency_key);
    IF new_id IS NOT NULL THEN
      RETURN new_id;
    END IF;
  END IF;
  PERFORM sluice_private.refuse_ended(session);
  IF input IS NULL OR jsonb_typeof(input) NOT IN ('object', 'string', 'number', 'boolean') THEN
    PERFORM sluice_private.fail('SL005', format('input is %s', coalesce(jsonb_typeof(input), 'null')), NULL,
                                'give {"text": …}, {"value": …}, {"payload": "$0"}, a JSON string or a number');
  END IF;
  PERFORM sluice_private.check_json('input', input);

  new_id := nextval('sluice_private.task_ids');
  -- A session that waits for a task takes inputs after it, also while that task is a dead letter.
  IF session.wait ->> 'for' IS DISTINCT FROM 'task'
     AND NOT EXISTS (SELECT 1 FROM sluice_private.tasks t WHERE t.session_id = session.id AND t.kind <> 'timer') THEN
    INSERT INTO sluice_private.tasks (id, session_id, kind, node_id, revision, payload)
    VALUES (new_id, session.id, 'input', session.current_node_id, session.revision, input);
    PERFORM sluice_private.ring_tasks();
  ELSE
    INSERT INTO sluice_private.session_inputs (id, session_id, input) VALUES (new_id, session.id, input);
  END IF;
  IF idempotency_key IS NOT NULL THEN
    INSERT INTO sluice_private.idempotency_keys (scope, key, target_id) VALUES (session.id::text, idempotency_key, new_id);
  END IF;
  RETURN new_id;
END
$$;
COMMENT ON FUNCTION sluice.send_input(text, jsonb, text) IS
  'accepts an input and returns its task''s id; while a task of the session is pending the input queues behind it. The step that takes it '
  'raises the revision, not this call. A key used before in this session within 24 h returns the first id. Errors: SL002, SL003, SL005';

CREATE OR REPLACE FUNCTION sluice.patch_state(session_token text, updates jsonb, expected_revision int DEFAULT NULL) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  session sluice.conversation_sessions;
  merged jsonb;
  own jsonb;  -- the session's own scopes while the state holds those of a composite
BEGIN
  session := sluice_private.lock_session(session_token);
  PERFORM sluice_private.refuse_ended(session);
  IF updates IS NULL OR jsonb_typeof(updates) <> 'object' THEN
    PERFORM sluice_private.fail('SL005', format('updates is not a JSON object but %s', coalesce(jsonb_typeof(updates), 'null')), NULL,
                                'give what changes, for example {"user": {"age": 15}}');
  END IF;
  IF expected_revision IS NOT NULL AND expected_revision <> session.revision THEN
    PERFORM sluice_private.fail('40001', format('session %s is at revision %s, not %s', session.id, session.revision, expected_revision), NULL,
                                'read the session again and decide anew');
  END IF;
  merged := sluice_private.deep_merge(session.state, updates);
  PERFORM sluice_private.check_state_size(merged);
  -- Inside a composite the caller's scopes are put by (core/flow/run_composite.cpp). The patch is of the session, so it is
  -- seen by the composite and still there when that has ended.
  IF session.stack #> '{0,saved}' IS NOT NULL THEN
    own := sluice_private.deep_merge(session.stack #> '{0,saved}', updates - '{user,context}'::text[]);
    PERFORM sluice_private.check_state_size(own);
  END IF;
  UPDATE sluice.conversation_sessions s
     SET state = merged, state_hash = sluice.state_hash(merged), revision = s.revision + 1, last_activity_at = now(),
         stack = CASE WHEN own IS NULL THEN s.stack ELSE jsonb_set(s.stack, '{0,saved}', own) END
   WHERE s.id = session.id;
  -- The pending task stays good: its key names the revision it was made at, its stamp the one it must find. A row that follows has none.
  UPDATE sluice_private.tasks t SET revision = session.revision + 1 WHERE t.session_id = session.id AND t.kind <> 'timer' AND t.revision IS NOT NULL;
  RETURN session.revision + 1;
END
$$;
COMMENT ON FUNCTION sluice.patch_state(text, jsonb, int) IS
  'deep-merges updates into the state, raises the revision and returns it; pending work goes on. Errors: SL002, SL003, SL005, SL006, and 40001 '
  'when expected_revision is given and is not the session''s';

CREATE OR REPLACE FUNCTION sluice.end_session(session_token text, status text DEFAULT 'completed') RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  session sluice.conversation_sessions;
BEGIN
  session := sluice_private.lock_session(session_token);
  PERFORM sluice_private.refuse_ended(session);
  IF status IS NULL OR status NOT IN ('completed', 'abandoned') THEN
    PERFORM sluice_private.fail('SL005', format('a session cannot end as %s', coalesce(quote_literal(status), 'null')), NULL,
                                'status is completed or abandoned');
  END IF;
  UPDATE sluice.conversation_sessions s
     SET status = end_session.status, ended_at = now(), last_activity_at = now(), wait = NULL, revision = s.revision + 1
   WHERE s.id = session.id;
  -- A pending task ends as discarded when its worker comes to commit: a row that follows the session keeps the words of what that waited for.
  -- Inputs and timers have nothing left to do.
  UPDATE sluice_private.tasks t SET node_id = session.current_node_id, key = session.wait ->> 'key', revision = session.revision
   WHERE t.session_id = session.id AND t.kind <> 'timer' AND t.revision IS NULL;
  DELETE FROM sluice_private.session_inputs i WHERE i.session_id = session.id;
  DELETE FROM sluice_private.tasks t WHERE t.session_id = session.id AND t.kind = 'timer';
  RETURN session.revision + 1;
END
$$;
COMMENT ON FUNCTION sluice.end_session(text, text) IS
  'ends a session as completed or abandoned, raises the revision and returns it; a task under way changes nothing any more. '
  'Errors: SL002, SL003, SL005';

CREATE OR REPLACE FUNCTION sluice.session(session_token text) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  found_session jsonb;
BEGIN
  SELECT jsonb_build_object(
           'session_id', s.id, 'flow_id', s.flow_id, 'flow', f.name, 'flow_version', v.version, 'user_id', s.user_id, 'status', s.status,
           'current_node_id', s.current_node_id, 'revision', s.revision, 'state', s.state, 'state_hash', s.state_hash, 'wait', s.wait,
           'info', s.info, 'correlation_id', s.correlation_id, 'started_at', s.started_at, 'last_activity_at', s.last_activity_at,
           'ended_at', s.ended_at,
           'queued_inputs', (SELECT count(*) FROM sluice_private.session_inputs i WHERE i.session_id = s.id))
    INTO found_session
    FROM sluice.conversation_sessions s
    LEFT JOIN sluice.flow_definitions f ON f.id = s.flow_id
    LEFT JOIN sluice.flow_versions v ON v.id = s.flow_version_id
   WHERE s.session_token = session.session_token;
  IF found_session IS NULL THEN
    PERFORM sluice_private.fail('SL002', 'the session token is unknown', NULL, 'start_session returns the token; it is not the session''s id');
  END IF;
  RETURN found_session;
END
$$;
COMMENT ON FUNCTION sluice.session(text) IS 'everything about a session as one object: status, node, revision, state, wait and more. Error: SL002';

CREATE OR REPLACE FUNCTION sluice.history(session_token text, after bigint DEFAULT 0)
RETURNS TABLE (id bigint, node_id text, interaction_type text, content jsonb, created_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  asked uuid;
BEGIN
  SELECT s.id INTO asked FROM sluice.conversation_sessions s WHERE s.session_token = history.session_token;
  IF asked IS NULL THEN
    PERFORM sluice_private.fail('SL002', 'the session token is unknown', NULL, 'start_session returns the token; it is not the session''s id');
  END IF;
  RETURN QUERY
    SELECT h.id, h.node_id, h.interaction_type, h.content, h.created_at
      FROM sluice.conversation_history h WHERE h.session_id = asked AND h.id > after ORDER BY h.id;
END
$$;
COMMENT ON FUNCTION sluice.history(text, bigint) IS 'what was said, asked and done in a session after a history id, in order. Error: SL002';

SELECT sluice_private.publish_api('sluice.start_session(text, uuid, jsonb, text)');
SELECT sluice_private.publish_api('sluice.send_input(text, jsonb, text)');
SELECT sluice_private.publish_api('sluice.patch_state(text, jsonb, int)');
SELECT sluice_private.publish_api('sluice.end_session(text, text)');
SELECT sluice_private.publish_api('sluice.session(text)');
SELECT sluice_private.publish_api('sluice.history(text, bigint)');
SELECT sluice_private.hide('sluice_private.check_state_size(jsonb)');
SELECT sluice_private.hide('sluice_private.is_deep(jsonb)');
SELECT sluice_private.hide('sluice_private.check_json(text, jsonb, int)');
SELECT sluice_private.hide('sluice_private.lock_session(text)');
SELECT sluice_private.hide('sluice_private.refuse_ended(sluice.conversation_sessions)');
