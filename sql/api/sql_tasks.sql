-- Free-standing sql tasks: a function of the user's, called with the task's argument. Tasks that call the same function for the same role can
-- be run together: one transaction, one flush. It all happens or nothing does, so whoever called splits a batch that failed and tries again.

-- What is run is removed first, which locks it, and comes back when the transaction fails. In the order of their ids, as whoever locks several does:
-- that of the index. No token is given twice, so one of the given tokens is the one given for this task. As a join this may read the whole table for
-- each batch: statistics taken while the table was empty say that it has one row.
CREATE OR REPLACE FUNCTION sluice_private.open_sql_tasks(
  task_ids bigint[], claim_tokens bigint[], OUT opened_ids bigint[], OUT keys text[], OUT arguments jsonb[], OUT function_name regproc)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off SET jit = off AS $$
DECLARE
  calls text[];
  call jsonb;
BEGIN
  WITH gone AS (
    DELETE FROM sluice_private.tasks t
     WHERE t.id = ANY (task_ids) AND t.claim_token = ANY (claim_tokens) AND t.kind = 'sql'
    RETURNING t.id, t.key, t.payload
  )
  SELECT array_agg(g.id), array_agg(g.key), array_agg(coalesce(g.payload -> 'argument', '{}')),
         array_agg(DISTINCT jsonb_build_array(g.payload -> 'function', g.payload -> 'role')::text)
    INTO opened_ids, keys, arguments, calls
    FROM gone g;
  IF cardinality(calls) > 1 THEN
    RAISE EXCEPTION 'sql tasks of different functions or roles cannot be run together' USING ERRCODE = 'SL005';
  ELSIF cardinality(calls) = 1 THEN
    call := calls[1];
    function_name := sluice_private.check_sql_task(jsonb_build_object('function', call -> 0), call ->> 1)::regproc;
  END IF;
END
$$;
COMMENT ON FUNCTION sluice_private.open_sql_tasks(bigint[], bigint[]) IS
  'removes those of the claimed sql tasks that are still the caller''s; their keys and arguments, and the function that they call';

-- The head of the queues, as claim_tasks sees it, but for claims of the dead, which it is left to. Rows that are no first attempt of this call are
-- locked and let go: whoever called sees by the count that there are others, and claims.
CREATE OR REPLACE FUNCTION sluice_private.open_due_sql_tasks(
  called text, called_for text, most int, since timestamptz,
  OUT opened_ids bigint[], OUT keys text[], OUT arguments jsonb[], OUT order_keys timestamptz[], OUT correlation_ids text[], OUT function_name regproc)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_bitmapscan = off SET plan_cache_mode = force_generic_plan
SET jit = off AS $$
BEGIN
  IF EXISTS (SELECT FROM sluice_private.queues q
              CROSS JOIN LATERAL (SELECT FROM sluice_private.tasks t
                                   WHERE t.queue = q.name AND t.priority <> 0 AND t.run_at <= statement_timestamp() AND t.claimed_by IS NULL LIMIT 1) AS t
              WHERE NOT q.paused AND NOT q.limited) THEN
    RETURN;
  END IF;
  WITH due AS MATERIALIZED (
    SELECT d.id, d.order_key
      FROM sluice_private.queues q
      CROSS JOIN LATERAL (
        SELECT t.id, t.order_key FROM sluice_private.tasks t
         WHERE t.queue = q.name AND t.priority = 0 AND t.order_key >= since AND t.order_key <= statement_timestamp() AND t.claimed_by IS NULL
         ORDER BY t.order_key, t.id LIMIT most FOR UPDATE SKIP LOCKED) AS d
     WHERE NOT q.paused AND NOT q.limited
  ), gone AS (
    DELETE FROM sluice_private.tasks t
     WHERE t.id = ANY (ARRAY(SELECT d.id FROM due d ORDER BY d.order_key, d.id LIMIT most))
       AND t.kind = 'sql' AND t.attempt = 1 AND t.payload ->> 'function' = called AND t.payload ->> 'role' = called_for
    RETURNING t.id, t.key, t.order_key, t.correlation_id, t.payload -> 'argument' AS argument
  )
  SELECT array_agg(g.id), array_agg(g.key), array_agg(coalesce(g.argument, '{}')), array_agg(g.order_key), array_agg(g.correlation_id)
    INTO opened_ids, keys, arguments, order_keys, correlation_ids
    FROM (SELECT * FROM gone ORDER BY order_key, id) AS g;
  IF opened_ids IS NOT NULL THEN
    function_name := sluice_private.check_sql_task(jsonb_build_object('function', called), called_for)::regproc;
  END IF;
END
$$;
COMMENT ON FUNCTION sluice_private.open_due_sql_tasks(text, text, int, timestamptz) IS
  'removes those of the next due tasks that nobody has claimed or tried before and that call this function for this role, none while there are any with a priority';

CREATE OR REPLACE FUNCTION sluice_private.record_sql_tasks(task_ids bigint[], keys text[], answers text[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  INSERT INTO sluice.task_idempotency_records (idempotency_key, status, result_data, task_id, kind)
  SELECT coalesce(g.key, 'task:' || g.id), 'completed', jsonb_build_object('result', g.answer), g.id, 'sql' FROM unnest(task_ids, keys, answers) AS g (id, key, answer)
$$;
COMMENT ON FUNCTION sluice_private.record_sql_tasks(bigint[], text[], text[]) IS 'the records of sql tasks that were run';

-- Runs as the caller, so that the functions do.
CREATE OR REPLACE FUNCTION sluice_private.call_sql_function(function_name regproc, arguments jsonb[], OUT answers text[])
LANGUAGE plpgsql SECURITY INVOKER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF cardinality(arguments) = 1 THEN
    EXECUTE format('SELECT ARRAY[(%s($1))::text]', function_name) INTO answers USING arguments[1];
  ELSE
    EXECUTE format('SELECT array_agg((%s(a.argument))::text ORDER BY a.place) FROM unnest($1) WITH ORDINALITY AS a (argument, place)',
                   function_name) INTO answers USING arguments;
  END IF;
END
$$;
COMMENT ON FUNCTION sluice_private.call_sql_function(regproc, jsonb[]) IS 'calls a function with each of the arguments; its answers as text. Alone, a function may return a set';

-- A batch keeps what its tasks have locked until its end, so it waits for nobody's locks: two batches would wait for each other in a circle. A
-- task alone waits as long as it takes.
CREATE OR REPLACE FUNCTION sluice_private.run_sql_tasks(task_ids bigint[], claim_tokens bigint[]) RETURNS SETOF bigint
LANGUAGE plpgsql SECURITY INVOKER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  held record;
BEGIN
  IF cardinality(task_ids) > 1 THEN
    PERFORM set_config('lock_timeout', '20ms', true);
  END IF;
  held := sluice_private.open_sql_tasks(task_ids, claim_tokens);
  IF held.opened_ids IS NOT NULL THEN
    PERFORM sluice_private.record_sql_tasks(held.opened_ids, held.keys, sluice_private.call_sql_function(held.function_name, held.arguments));
    RETURN QUERY SELECT unnest(held.opened_ids);
  END IF;
END
$$;
COMMENT ON FUNCTION sluice_private.run_sql_tasks(bigint[], bigint[]) IS
  'calls the function of claimed sql tasks and ends them, all or none; returns the ids of those that were still the caller''s';

CREATE OR REPLACE FUNCTION sluice_private.run_due_sql_tasks(called text, called_for text, most int, since timestamptz)
RETURNS TABLE (id bigint, order_key timestamptz, correlation_id text)
LANGUAGE plpgsql SECURITY INVOKER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  held record;
BEGIN
  PERFORM set_config('lock_timeout', '20ms', true);
  held := sluice_private.open_due_sql_tasks(called, called_for, most, since);
  IF held.opened_ids IS NOT NULL THEN
    PERFORM sluice_private.record_sql_tasks(held.opened_ids, held.keys, sluice_private.call_sql_function(held.function_name, held.arguments));
    RETURN QUERY SELECT * FROM unnest(held.opened_ids, held.order_keys, held.correlation_ids);
  END IF;
END
$$;
COMMENT ON FUNCTION sluice_private.run_due_sql_tasks(text, text, int, timestamptz) IS
  'calls a function for those of the next due tasks that call it, without a claim, and ends them, all or none; fewer than asked for: others are due as well, or none is left';

SELECT sluice_private.hide('sluice_private.open_sql_tasks(bigint[], bigint[])');
SELECT sluice_private.hide('sluice_private.open_due_sql_tasks(text, text, int, timestamptz)');
SELECT sluice_private.hide('sluice_private.record_sql_tasks(bigint[], text[], text[])');
SELECT sluice_private.hide('sluice_private.call_sql_function(regproc, jsonb[])');
SELECT sluice_private.hide('sluice_private.run_sql_tasks(bigint[], bigint[])');
SELECT sluice_private.hide('sluice_private.run_due_sql_tasks(text, text, int, timestamptz)');
