-- Free-standing sql tasks: a function of the user's, called with the task's argument.

-- Called in the transaction that also ends the task, so its effect happens exactly once. check_sql_task says whose functions may be
-- called for whom.
CREATE OR REPLACE FUNCTION sluice_private.run_sql_task(task_id bigint, token bigint) RETURNS jsonb
LANGUAGE plpgsql SECURITY INVOKER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  payload jsonb;
  answer text;
BEGIN
  SELECT t.payload INTO payload FROM sluice_private.tasks t WHERE t.id = task_id AND t.claim_token = token FOR UPDATE;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  EXECUTE format('SELECT (%s($1))::text', sluice_private.check_sql_task(payload, payload ->> 'role')::regproc) INTO answer
    USING coalesce(payload -> 'argument', '{}');
  RETURN jsonb_build_object('result', answer);
END
$$;
COMMENT ON FUNCTION sluice_private.run_sql_task(bigint, bigint) IS
  'calls the function of a claimed sql task and returns {"result": text}, or null when the claim is another''s now';

SELECT sluice_private.hide('sluice_private.run_sql_task(bigint, bigint)');
