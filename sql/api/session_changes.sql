-- The changes of sessions' states, kept on request.

-- Two levels deep: a scope's variables one by one, what is inside of them as a whole.
CREATE OR REPLACE FUNCTION sluice_private.state_values(p_state jsonb) RETURNS TABLE (path text, value jsonb)
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT s.key, s.value FROM jsonb_each(p_state) AS s WHERE jsonb_typeof(s.value) <> 'object'
  UNION ALL
  SELECT s.key || '.' || v.key, v.value
    FROM jsonb_each(p_state) AS s CROSS JOIN LATERAL jsonb_each(CASE jsonb_typeof(s.value) WHEN 'object' THEN s.value ELSE '{}' END) AS v
$$;
COMMENT ON FUNCTION sluice_private.state_values(jsonb) IS 'the variables of a state with their scopes: user.name';

CREATE OR REPLACE FUNCTION sluice_private.state_changes(p_before jsonb, p_after jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce(jsonb_agg(jsonb_build_object('path', d.path, 'before', CASE WHEN length(d.old::text) > 2000 THEN to_jsonb(left(d.old::text, 2000) || '…') ELSE d.old END,
                                               'after', CASE WHEN length(d.new::text) > 2000 THEN to_jsonb(left(d.new::text, 2000) || '…') ELSE d.new END)
                            ORDER BY d.path), '[]')
    FROM (SELECT coalesce(b.path, a.path) AS path, b.value AS old, a.value AS new
            FROM sluice_private.state_values(p_before) AS b FULL JOIN sluice_private.state_values(p_after) AS a ON a.path = b.path
           WHERE a.value IS DISTINCT FROM b.value ORDER BY 1 LIMIT 100) AS d
$$;
COMMENT ON FUNCTION sluice_private.state_changes(jsonb, jsonb) IS 'what differs between two states: [{"path", "before", "after"}], at most 100';

-- A nested loop chosen for a statement of one row would be quadratic for a bulk update later.
CREATE OR REPLACE FUNCTION sluice_private.note_state_changes() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_nestloop = off AS $$
BEGIN
  INSERT INTO sluice.session_changes (session_id, revision, node_id, status, changes)
  SELECT n.id, n.revision, n.current_node_id, n.status, sluice_private.state_changes(o.state, n.state)
    FROM new_rows n JOIN old_rows o ON o.id = n.id
   WHERE n.revision IS DISTINCT FROM o.revision;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION sluice_private.note_state_changes() IS 'appends what a statement changed in the states of sessions';

CREATE OR REPLACE FUNCTION sluice.keep_state_changes(keep boolean DEFAULT true) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM sluice_private.audit('keep_state_changes', CASE WHEN keep THEN 'on' ELSE 'off' END);
  IF keep THEN
    CREATE OR REPLACE TRIGGER note_state_changes AFTER UPDATE ON sluice.conversation_sessions
      REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION sluice_private.note_state_changes();
  ELSE
    DROP TRIGGER IF EXISTS note_state_changes ON sluice.conversation_sessions;
  END IF;
END
$$;
COMMENT ON FUNCTION sluice.keep_state_changes(boolean) IS
  'keeps what each step changes in its session''s state for 7 days, in sluice.session_changes, or stops to. Each step then costs more: off at first';

SELECT sluice_private.hide('sluice_private.state_values(jsonb)');
SELECT sluice_private.hide('sluice_private.state_changes(jsonb, jsonb)');
SELECT sluice_private.hide('sluice_private.note_state_changes()');
SELECT sluice_private.publish_api('sluice.keep_state_changes(boolean)');
SELECT sluice_private.grant_to('sluice_reader', 'SELECT ON sluice.session_changes');
