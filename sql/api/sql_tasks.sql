-- Free-standing sql tasks: a function of the user's, called with the task's argument. Tasks that call the same function for the same role can
-- be run together: one transaction, one flush. It all happens or nothing does, so whoever called splits a batch that failed and tries again.

-- Locks the tasks, in the order of their ids, and says what they call. check_sql_task says whose functions may be called for whom.
CREATE OR REPLACE FUNCTION sluice_private.open_sql_tasks(
  task_ids bigint[], claim_tokens bigint[], OUT held_ids bigint[], OUT held_tokens bigint[], OUT arguments jsonb[], OUT function_name regproc)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $$
DECLARE
  calls text[];
  call jsonb;
BEGIN
  SELECT array_agg(h.id), array_agg(h.claim_token), array_agg(coalesce(h.payload -> 'argument', '{}')),
         array_agg(DISTINCT jsonb_build_array(h.payload -> 'function', h.payload -> 'role')::text)
    INTO held_ids, held_tokens, arguments, calls
    FROM (SELECT t.id, t.claim_token, t.payload
            FROM (SELECT g.* FROM unnest(task_ids, claim_tokens) AS g (id, token) ORDER BY g.id) AS g
            JOIN sluice_private.tasks t ON t.id = g.id AND t.claim_token = g.token AND t.kind = 'sql'
             FOR UPDATE OF t) AS h;
  IF cardinality(calls) > 1 THEN
    RAISE EXCEPTION 'sql tasks of different functions or roles cannot be run together' USING ERRCODE = 'SL005';
  ELSIF cardinality(calls) = 1 THEN
    call := calls[1];
    function_name := sluice_private.check_sql_task(jsonb_build_object('function', call -> 0), call ->> 1)::regproc;
  END IF;
END
$$;
COMMENT ON FUNCTION sluice_private.open_sql_tasks(bigint[], bigint[]) IS
  'locks those of the claimed sql tasks that are still the caller''s; their arguments and the function that they call';

CREATE OR REPLACE FUNCTION sluice_private.close_sql_tasks(task_ids bigint[], claim_tokens bigint[], answers text[]) RETURNS SETOF bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $$
BEGIN
  RETURN QUERY
    WITH gone AS (
      DELETE FROM sluice_private.tasks t
       USING unnest(task_ids, claim_tokens, answers) AS g (id, token, answer)
       WHERE t.id = g.id AND t.claim_token = g.token
      RETURNING t.id, t.key, g.answer
    ), recorded AS (
      INSERT INTO sluice.task_idempotency_records (idempotency_key, status, result_data, task_id, kind)
      SELECT coalesce(g.key, 'task:' || g.id), 'completed', jsonb_build_object('result', g.answer), g.id, 'sql' FROM gone g
    )
    SELECT g.id FROM gone g;
END
$$;
COMMENT ON FUNCTION sluice_private.close_sql_tasks(bigint[], bigint[], text[]) IS 'ends sql tasks that were run, with their records; returns their ids';

-- Runs as the caller, so that the functions do. A batch keeps what its tasks have locked until its end, so it waits for nobody's locks: two
-- batches would wait for each other in a circle. A task alone waits as long as it takes.
CREATE OR REPLACE FUNCTION sluice_private.run_sql_tasks(task_ids bigint[], claim_tokens bigint[]) RETURNS SETOF bigint
LANGUAGE plpgsql SECURITY INVOKER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  held record;
  answers text[];
BEGIN
  IF cardinality(task_ids) > 1 THEN
    PERFORM set_config('lock_timeout', '20ms', true);
  END IF;
  held := sluice_private.open_sql_tasks(task_ids, claim_tokens);
  IF held.held_ids IS NULL THEN
    RETURN;
  ELSIF cardinality(held.held_ids) = 1 THEN
    EXECUTE format('SELECT ARRAY[(%s($1))::text]', held.function_name) INTO answers USING held.arguments[1];
  ELSE
    EXECUTE format('SELECT array_agg((%s(a.argument))::text ORDER BY a.place) FROM unnest($1) WITH ORDINALITY AS a (argument, place)',
                   held.function_name) INTO answers USING held.arguments;
  END IF;
  RETURN QUERY SELECT sluice_private.close_sql_tasks(held.held_ids, held.held_tokens, answers);
END
$$;
COMMENT ON FUNCTION sluice_private.run_sql_tasks(bigint[], bigint[]) IS
  'calls the function of claimed sql tasks and ends them, all or none; returns the ids of those that were still the caller''s';

SELECT sluice_private.hide('sluice_private.open_sql_tasks(bigint[], bigint[])');
SELECT sluice_private.hide('sluice_private.close_sql_tasks(bigint[], bigint[], text[])');
SELECT sluice_private.hide('sluice_private.run_sql_tasks(bigint[], bigint[])');
