-- Processes and claims: who is alive, what becomes of a claim that does not end in a commit.

CREATE OR REPLACE FUNCTION sluice_private.register_process(kind text, host text, pid int) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT set_config('synchronous_commit', 'on', true);  -- whatever the server's default: see new_claim_token
  INSERT INTO sluice_private.processes (kind, host, pid) VALUES (kind, host, pid) RETURNING id
$$;
COMMENT ON FUNCTION sluice_private.register_process(text, text, int) IS 'makes the caller a live process and returns its id';

CREATE OR REPLACE FUNCTION sluice_private.heartbeat(process_id bigint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  UPDATE sluice_private.processes SET heartbeat_at = clock_timestamp() WHERE id = process_id;
  RETURN FOUND;
END
$$;
COMMENT ON FUNCTION sluice_private.heartbeat(bigint) IS
  'call every second; false: the process was declared dead and its row removed, so it must drop all claims and register anew';

CREATE OR REPLACE FUNCTION sluice_private.unregister_process(process_id bigint) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  DELETE FROM sluice_private.processes WHERE id = process_id
$$;
COMMENT ON FUNCTION sluice_private.unregister_process(bigint) IS 'a clean end: claims that are left are free at once';

CREATE OR REPLACE FUNCTION sluice_private.reap_processes() RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  reaped int;
BEGIN
  DELETE FROM sluice_private.processes WHERE heartbeat_at < clock_timestamp() - interval '30 seconds';
  GET DIAGNOSTICS reaped = ROW_COUNT;
  RETURN reaped;
END
$$;
COMMENT ON FUNCTION sluice_private.reap_processes() IS
  'removes processes not heard of for 30 s (their claims were free after 4 s); call now and then from any daemon';

-- A claim is committed without waiting for its flush, so a crash of the server may undo it, and with it what the sequence has given out. The
-- process's id tells the tokens of before and after apart: it was flushed before its first use, and whoever loses its connection claims under
-- a new one. 32 bits of the sequence do not come round while a claim is held.
CREATE OR REPLACE FUNCTION sluice_private.new_claim_token(process_id bigint) RETURNS bigint
LANGUAGE sql VOLATILE
RETURN (process_id << 32) | (nextval('sluice_private.claim_tokens'::regclass) & 4294967295);
COMMENT ON FUNCTION sluice_private.new_claim_token(bigint) IS 'a fencing token for a claim of that process, never given before';

-- Rows are locked in the order of their ids, so two of these calls never wait for each other in a circle. Arrays of one: docs/decisions/0048.
CREATE OR REPLACE FUNCTION sluice_private.retry_tasks(task_ids bigint[], claim_tokens bigint[], delays interval[], error_texts text[])
RETURNS SETOF bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $$
BEGIN
  RETURN QUERY
    WITH given AS MATERIALIZED (
      SELECT g.*, clock_timestamp() + g.delay AS due
        FROM unnest(task_ids, claim_tokens, delays, error_texts) AS g (id, token, delay, error) ORDER BY g.id
    )
    UPDATE sluice_private.tasks t
       SET attempt = t.attempt + 1, run_at = g.due, order_key = g.due - t.priority * interval '10 seconds',
           claimed_by = NULL, claim_token = NULL,
           errors = coalesce(t.errors, '[]') || jsonb_build_object('attempt', t.attempt, 'at', clock_timestamp(), 'error', g.error)
      FROM given g WHERE t.id = ANY (ARRAY[g.id]) AND t.claim_token = g.token
    RETURNING t.id;
  -- Sleepers look once a second by themselves.
  IF FOUND AND interval '1 second' > ANY (delays) THEN
    PERFORM sluice_private.ring_tasks();
  END IF;
END
$$;
COMMENT ON FUNCTION sluice_private.retry_tasks(bigint[], bigint[], interval[], text[]) IS
  'gives claimed tasks back to run again after a delay, counting the attempt; returns those that were still the caller''s';

CREATE OR REPLACE FUNCTION sluice_private.release_tasks(task_ids bigint[], claim_tokens bigint[], delays interval[] DEFAULT NULL)
RETURNS SETOF bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $$
BEGIN
  RETURN QUERY
    WITH given AS MATERIALIZED (
      SELECT g.* FROM unnest(task_ids, claim_tokens, delays) AS g (id, token, delay) ORDER BY g.id
    )
    UPDATE sluice_private.tasks t
       SET claimed_by = NULL, claim_token = NULL,
           run_at = CASE WHEN g.delay IS NULL THEN t.run_at ELSE clock_timestamp() + g.delay END,
           order_key = CASE WHEN g.delay IS NULL THEN t.order_key
                            ELSE clock_timestamp() + g.delay - t.priority * interval '10 seconds' END
      FROM given g WHERE t.id = ANY (ARRAY[g.id]) AND t.claim_token = g.token
    RETURNING t.id;
  IF FOUND AND (delays IS NULL OR interval '1 second' > ANY (delays)) THEN
    PERFORM sluice_private.ring_tasks();
  END IF;
END
$$;
COMMENT ON FUNCTION sluice_private.release_tasks(bigint[], bigint[], interval[]) IS
  'gives claimed tasks back without counting an attempt: at shutdown (no delay), for an open circuit breaker or a timer that is not due yet (a delay)';

SELECT sluice_private.hide('sluice_private.register_process(text, text, int)');
SELECT sluice_private.hide('sluice_private.heartbeat(bigint)');
SELECT sluice_private.hide('sluice_private.unregister_process(bigint)');
SELECT sluice_private.hide('sluice_private.reap_processes()');
SELECT sluice_private.hide('sluice_private.new_claim_token(bigint)');
SELECT sluice_private.hide('sluice_private.retry_tasks(bigint[], bigint[], interval[], text[])');
SELECT sluice_private.hide('sluice_private.release_tasks(bigint[], bigint[], interval[])');
