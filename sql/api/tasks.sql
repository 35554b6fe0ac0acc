-- Tasks for SQL users: enqueue, retry, discard, pause.

-- Keys are indexed, and the server takes no long ones there.
CREATE OR REPLACE FUNCTION sluice_private.check_key(what text, key text) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF octet_length(key) > 1000 THEN
    PERFORM sluice_private.fail('SL005', format('%s has %s bytes', what, octet_length(key)), 'at most 1000 bytes are taken', 'give a hash of what it is made of');
  END IF;
END
$$;
COMMENT ON FUNCTION sluice_private.check_key(text, text) IS 'SL005 for a key of more than 1000 bytes';

-- Within 24 h a key means the same thing. The lock makes two callers with one key take turns, also across midnight.
CREATE OR REPLACE FUNCTION sluice_private.known_key(scope text, key text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  found_id bigint;
BEGIN
  PERFORM sluice_private.check_key('idempotency_key', key);
  PERFORM pg_advisory_xact_lock(hashtextextended(scope || ':' || key, 24));
  SELECT k.target_id INTO found_id
    FROM sluice_private.idempotency_keys k
   WHERE k.scope = known_key.scope AND k.key = known_key.key AND k.day >= (now() AT TIME ZONE 'UTC')::date - 1
     AND k.created_at > now() - interval '24 hours'
   LIMIT 1;
  RETURN found_id;
END
$$;
COMMENT ON FUNCTION sluice_private.known_key(text, text) IS 'what a key was used for within 24 h, or null; holds the key until the transaction ends';

CREATE OR REPLACE FUNCTION sluice_private.ensure_queue(queue text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF queue IS NULL OR queue = '' OR length(queue) > 100 THEN
    PERFORM sluice_private.fail('SL005', 'the queue''s name is empty or longer than 100 characters');
  END IF;
  IF NOT EXISTS (SELECT 1 FROM sluice_private.queues q WHERE q.name = queue) THEN
    INSERT INTO sluice_private.queues (name) VALUES (queue) ON CONFLICT DO NOTHING;
  END IF;
END
$$;
COMMENT ON FUNCTION sluice_private.ensure_queue(text) IS 'makes a queue known; workers claim from known queues only';

-- A sql task is run by the daemon, so a function without SECURITY DEFINER would have the daemon's rights, whatever those of the role that
-- enqueued it. Only roles that administer sluice may have that, and only with functions of such roles. Asked when a task is enqueued and
-- again when it runs: the function may have been replaced and the right taken away.
CREATE OR REPLACE FUNCTION sluice_private.administers(role_oid oid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce((SELECT r.rolsuper FROM pg_roles r WHERE r.oid = role_oid), false)
      OR role_oid = (SELECT n.nspowner FROM pg_namespace n WHERE n.nspname = 'sluice')
$$;
COMMENT ON FUNCTION sluice_private.administers(oid) IS 'whether a role is a superuser or owns sluice''s schema';

CREATE OR REPLACE FUNCTION sluice_private.check_sql_task(payload jsonb, role_name text) RETURNS regprocedure
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  target regprocedure := to_regprocedure(coalesce(payload ->> 'function', '') || '(jsonb)');
  f pg_proc;
  role_oid oid := to_regrole(quote_ident(role_name));
BEGIN
  SELECT p.* INTO f FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
   WHERE p.oid = target AND p.prokind = 'f' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'sluice', 'sluice_private');
  IF f.oid IS NULL THEN
    PERFORM sluice_private.fail('SL005', format('payload.function %s is no function of yours with one jsonb argument', coalesce(payload ->> 'function', 'null')),
                                NULL, 'give {"function": "schema.name", "argument": {…}} and create schema.name(jsonb)');
  END IF;
  IF role_oid IS NULL OR NOT has_function_privilege(role_oid, target, 'EXECUTE') THEN
    PERFORM sluice_private.fail('SL005', format('%s may not call %s', coalesce(role_name, 'nobody'), target), NULL, format('GRANT EXECUTE ON FUNCTION %s', target));
  END IF;
  IF NOT f.prosecdef AND NOT (sluice_private.administers(f.proowner) AND sluice_private.administers(role_oid)) THEN
    PERFORM sluice_private.fail('SL005', format('%s would run with the rights of the worker', target), NULL,
                                'make it SECURITY DEFINER with a fixed search_path, so that it runs with its owner''s rights');
  END IF;
  RETURN target;
END
$$;
COMMENT ON FUNCTION sluice_private.check_sql_task(jsonb, text) IS 'the function that a sql task of a role calls; SL005 when the role may not have it called';

-- What is stored: a sql task remembers who enqueued it.
CREATE OR REPLACE FUNCTION sluice_private.owned_payload(kind text, payload jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF payload IS NULL OR jsonb_typeof(payload) <> 'object' THEN
    PERFORM sluice_private.fail('SL005', format('payload is not a JSON object but %s', coalesce(jsonb_typeof(payload), 'null')));
  END IF;
  PERFORM sluice_private.check_json('payload', payload);
  CASE kind
  WHEN 'http' THEN
    IF coalesce(payload ->> 'url', '') !~* '^https?://[^[:space:]]+$' THEN
      PERFORM sluice_private.fail('SL005', 'payload.url is missing or no http URL', NULL,
                                  'give {"url": "https://…", "method": "POST", "headers": {…}, "body": …, "timeout": 30}');
    END IF;
    RETURN payload;
  WHEN 'sql' THEN
    PERFORM sluice_private.check_sql_task(payload, session_user);
    RETURN payload || jsonb_build_object('role', session_user);
  ELSE
    PERFORM sluice_private.fail('SL005', format('kind %s cannot be enqueued', coalesce(quote_literal(kind), 'null')), NULL, 'kind is http or sql');
  END CASE;
END
$$;
COMMENT ON FUNCTION sluice_private.owned_payload(text, jsonb) IS 'a payload as its task keeps it; SL005 for one that its kind cannot run';

CREATE OR REPLACE FUNCTION sluice_private.check_order(priority int, max_attempts int) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF priority IS NULL OR abs(priority) > 1000 THEN
    PERFORM sluice_private.fail('SL005', format('priority %s is outside -1000 to 1000', coalesce(priority::text, 'null')), NULL,
                                'each step of priority counts as 10 s of waiting');
  END IF;
  IF max_attempts IS NULL OR max_attempts NOT BETWEEN 1 AND 100 THEN
    PERFORM sluice_private.fail('SL005', format('max_attempts %s is outside 1 to 100', coalesce(max_attempts::text, 'null')));
  END IF;
END
$$;
COMMENT ON FUNCTION sluice_private.check_order(int, int) IS 'SL005 for a priority or a number of attempts that no task may have';

CREATE OR REPLACE FUNCTION sluice.enqueue(kind text, payload jsonb, queue text DEFAULT 'default', run_at timestamptz DEFAULT now(), priority int DEFAULT 0,
                                          max_attempts int DEFAULT 10, idempotency_key text DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  new_id bigint;
  due timestamptz := greatest(run_at, clock_timestamp());
BEGIN
  payload := sluice_private.owned_payload(kind, payload);
  PERFORM sluice_private.ensure_queue(queue);
  PERFORM sluice_private.check_order(priority, max_attempts);
  IF run_at IS NULL OR NOT isfinite(run_at) THEN
    PERFORM sluice_private.fail('SL005', format('run_at is %s', coalesce(run_at::text, 'null')));
  END IF;
  IF idempotency_key IS NOT NULL THEN
    new_id := sluice_private.known_key('enqueue', idempotency_key);
    IF new_id IS NOT NULL THEN
      RETURN new_id;
    END IF;
  END IF;
  INSERT INTO sluice_private.tasks (kind, payload, queue, run_at, order_key, priority, max_attempts, key, correlation_id)
  VALUES (kind, payload, queue, due, due - priority * interval '10 seconds', priority, max_attempts, idempotency_key,
          sluice_private.ambient_correlation())
  RETURNING id INTO new_id;
  IF idempotency_key IS NOT NULL THEN
    INSERT INTO sluice_private.idempotency_keys (scope, key, target_id) VALUES ('enqueue', idempotency_key, new_id);
  END IF;
  PERFORM sluice_private.ring_tasks();
  RETURN new_id;
END
$$;
COMMENT ON FUNCTION sluice.enqueue(text, jsonb, text, timestamptz, int, int, text) IS
  'queues an http task {"url", "method", "headers", "body", "timeout"} or a sql task {"function", "argument"} and returns its id; a key used '
  'before within 24 h returns the first id. Error: SL005';

CREATE OR REPLACE FUNCTION sluice_private.requeue_failures(chosen bigint[]) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  requeued int;
BEGIN
  -- Sessions first, as everywhere; whoever moves one of them waits or is waited for.
  PERFORM 1 FROM sluice.conversation_sessions s
    WHERE s.id = ANY (ARRAY(SELECT f.session_id FROM sluice.task_failures f WHERE f.task_id = ANY (chosen)))
    ORDER BY s.id FOR NO KEY UPDATE;
  WITH fitting AS (
    DELETE FROM sluice.task_failures f
     WHERE f.task_id = ANY (chosen)
       AND (f.session_id IS NULL
            OR EXISTS (SELECT 1 FROM sluice.conversation_sessions s
                        WHERE s.id = f.session_id AND s.status = 'active' AND s.wait ->> 'key' = f.idempotency_key)
               AND NOT EXISTS (SELECT 1 FROM sluice_private.tasks t WHERE t.session_id = f.session_id AND t.kind <> 'timer'))
    RETURNING f.*
  )
  INSERT INTO sluice_private.tasks (id, session_id, kind, queue, priority, order_key, node_id, key, revision, attempt, max_attempts, correlation_id, payload, errors)
  SELECT f.task_id, f.session_id, f.kind, f.queue, f.priority, clock_timestamp() - f.priority * interval '10 seconds', f.node_id,
         f.idempotency_key, s.revision, f.attempts + 1, f.attempts + f.max_attempts, f.correlation_id, f.payload, f.errors
    FROM fitting f LEFT JOIN sluice.conversation_sessions s ON s.id = ANY (ARRAY[f.session_id]);
  GET DIAGNOSTICS requeued = ROW_COUNT;
  IF requeued > 0 THEN
    PERFORM sluice_private.ring_tasks();
  END IF;
  RETURN requeued;
END
$$;
COMMENT ON FUNCTION sluice_private.requeue_failures(bigint[]) IS 'puts dead letters that still fit their sessions back into their queues; returns how many';

CREATE OR REPLACE FUNCTION sluice.retry_task(task_id bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM sluice_private.audit('retry_task', format('task %s', task_id));
  IF EXISTS (SELECT 1 FROM sluice_private.tasks t WHERE t.id = retry_task.task_id) THEN
    UPDATE sluice_private.tasks t
       SET run_at = clock_timestamp(), order_key = clock_timestamp() - t.priority * interval '10 seconds'
     WHERE t.id = retry_task.task_id AND t.run_at > clock_timestamp() AND t.kind <> 'timer';
    PERFORM sluice_private.ring_tasks();
    RETURN;
  END IF;
  IF NOT EXISTS (SELECT 1 FROM sluice.task_failures f WHERE f.task_id = retry_task.task_id) THEN
    PERFORM sluice_private.fail('SL005', format('task %s is unknown', coalesce(retry_task.task_id::text, 'null')), NULL,
                                'SELECT * FROM sluice.task_failures lists what failed; a finished task cannot be run again');
  END IF;
  IF sluice_private.requeue_failures(ARRAY[retry_task.task_id]) = 0 THEN
    PERFORM sluice_private.fail('SL005', format('task %s cannot be run again: its session no longer waits for it', retry_task.task_id), NULL,
                                'SELECT sluice.discard(…) removes the dead letter');
  END IF;
END
$$;
COMMENT ON FUNCTION sluice.retry_task(bigint) IS
  'runs a dead letter again with its key, or a task that waits for its next attempt at once. Error: SL005';

CREATE OR REPLACE FUNCTION sluice.retry_tasks(filter jsonb DEFAULT '{}') RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  stray text;
  requeued int;
BEGIN
  SELECT k INTO stray FROM jsonb_object_keys(coalesce(filter, '{}')) AS k
   WHERE k NOT IN ('kind', 'queue', 'session_id', 'node_id', 'since', 'until', 'reason') LIMIT 1;
  IF stray IS NOT NULL THEN
    PERFORM sluice_private.fail('SL005', format('filter has an unknown key %s', quote_literal(stray)), NULL,
                                'keys are kind, queue, session_id, node_id, since, until (times of failure) and reason (a part of it)');
  END IF;
  requeued := sluice_private.requeue_failures(ARRAY(
    SELECT f.task_id FROM sluice.task_failures f
     WHERE f.retryable
       AND (NOT filter ? 'kind' OR f.kind = filter ->> 'kind')
       AND (NOT filter ? 'queue' OR f.queue = filter ->> 'queue')
       AND (NOT filter ? 'session_id' OR f.session_id = (filter ->> 'session_id')::uuid)
       AND (NOT filter ? 'node_id' OR f.node_id = filter ->> 'node_id')
       AND (NOT filter ? 'since' OR f.failed_at >= (filter ->> 'since')::timestamptz)
       AND (NOT filter ? 'until' OR f.failed_at < (filter ->> 'until')::timestamptz)
       AND (NOT filter ? 'reason' OR position(filter ->> 'reason' IN f.reason) > 0)));
  PERFORM sluice_private.audit('retry_tasks', coalesce(filter, '{}')::text, format('%s tasks', requeued));
  RETURN requeued;
END
$$;
COMMENT ON FUNCTION sluice.retry_tasks(jsonb) IS
  'runs all dead letters again that match {"kind", "queue", "session_id", "node_id", "since", "until", "reason"} and still fit their sessions; '
  'returns how many. Error: SL005';

CREATE OR REPLACE FUNCTION sluice.discard(task_id bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  dropped record;
BEGIN
  PERFORM sluice_private.audit('discard', format('task %s', task_id));
  DELETE FROM sluice.task_failures f WHERE f.task_id = discard.task_id;
  IF FOUND THEN
    RETURN;
  END IF;
  DELETE FROM sluice_private.session_inputs i WHERE i.id = discard.task_id;
  IF FOUND THEN
    RETURN;
  END IF;
  DELETE FROM sluice_private.tasks t WHERE t.id = discard.task_id AND t.session_id IS NULL AND t.kind <> 'cron' RETURNING t.* INTO dropped;
  IF dropped.id IS NULL THEN
    PERFORM sluice_private.fail('SL005', format('task %s is no dead letter, queued input or free-standing task', coalesce(discard.task_id::text, 'null')), NULL,
                                'a task that a session waits for goes with its session: sluice.end_session; a schedule''s with sluice.unschedule');
  END IF;
  IF dropped.queue IN (SELECT q.name FROM sluice_private.queues q WHERE q.limited) THEN
    PERFORM sluice_private.unpark(dropped.queue);  -- others may have waited for this one's end
  END IF;
  INSERT INTO sluice.task_idempotency_records (idempotency_key, status, error_message, task_id, kind)
  VALUES (coalesce(dropped.key, 'task:' || dropped.id), 'discarded', 'discarded by hand', dropped.id, dropped.kind);
END
$$;
COMMENT ON FUNCTION sluice.discard(bigint) IS 'drops a dead letter, a queued input or a free-standing task. Error: SL005';

CREATE OR REPLACE FUNCTION sluice.pause_queue(queue text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM sluice_private.audit('pause_queue', format('queue %s', queue));
  PERFORM sluice_private.ensure_queue(queue);
  UPDATE sluice_private.queues q SET paused = true WHERE q.name = pause_queue.queue AND NOT q.paused;
END
$$;
COMMENT ON FUNCTION sluice.pause_queue(text) IS 'nothing more is claimed from the queue; what is under way ends. Error: SL005';

CREATE OR REPLACE FUNCTION sluice.resume_queue(queue text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM sluice_private.audit('resume_queue', format('queue %s', queue));
  PERFORM sluice_private.ensure_queue(queue);
  UPDATE sluice_private.queues q SET paused = false WHERE q.name = resume_queue.queue AND q.paused;
  PERFORM sluice_private.ring_tasks();
END
$$;
COMMENT ON FUNCTION sluice.resume_queue(text) IS 'ends a pause. Error: SL005';

SELECT sluice_private.hide('sluice_private.check_key(text, text)');
SELECT sluice_private.hide('sluice_private.known_key(text, text)');
SELECT sluice_private.hide('sluice_private.ensure_queue(text)');
SELECT sluice_private.hide('sluice_private.administers(oid)');
SELECT sluice_private.hide('sluice_private.check_sql_task(jsonb, text)');
SELECT sluice_private.hide('sluice_private.owned_payload(text, jsonb)');
SELECT sluice_private.hide('sluice_private.check_order(int, int)');
SELECT sluice_private.hide('sluice_private.requeue_failures(bigint[])');
SELECT sluice_private.publish_api('sluice.enqueue(text, jsonb, text, timestamptz, int, int, text)');
SELECT sluice_private.publish_api('sluice.retry_task(bigint)');
SELECT sluice_private.publish_api('sluice.retry_tasks(jsonb)');
SELECT sluice_private.publish_api('sluice.discard(bigint)');
SELECT sluice_private.publish_api('sluice.pause_queue(text)');
SELECT sluice_private.publish_api('sluice.resume_queue(text)');
