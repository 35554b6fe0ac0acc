-- The audit of what people do by hand.

CREATE OR REPLACE FUNCTION sluice_private.audit(action text, target text, outcome text DEFAULT 'done') RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  INSERT INTO sluice.audit_log (actor, program, action, target, outcome)
  VALUES (session_user, left(current_setting('application_name'), 100), action, target, outcome)
$$;
COMMENT ON FUNCTION sluice_private.audit(text, text, text) IS 'notes what the caller does; to be called by each function that an operator uses, in its transaction';
SELECT sluice_private.hide('sluice_private.audit(text, text, text)');
SELECT sluice_private.grant_to('sluice_reader', 'SELECT ON sluice.audit_log');
