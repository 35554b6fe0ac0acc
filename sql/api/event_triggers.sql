-- Session events: statement-level triggers that append one event per changed session, then ring the doorbell.

CREATE OR REPLACE FUNCTION sluice_private.current_slot() RETURNS smallint
LANGUAGE sql STABLE
RETURN pg_sequence_last_value('sluice_private.event_slot'::regclass)::smallint;
COMMENT ON FUNCTION sluice_private.current_slot() IS 'slot of the event log that new rows go to';
SELECT sluice_private.hide('sluice_private.current_slot()');

-- The flag is read after the insert, so this transaction has its xid by then; see doorbell.sql.
CREATE OR REPLACE FUNCTION sluice_private.ring_events() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF pg_sequence_last_value('sluice.events_awake'::regclass) IS DISTINCT FROM 0 THEN
    PERFORM pg_notify('sluice_wake', 'events');
  END IF;
END $$;
COMMENT ON FUNCTION sluice_private.ring_events() IS 'ring(''events'') for hot paths';
SELECT sluice_private.hide('sluice_private.ring_events()');

-- Direct mode is for installations without a listener; the writer pays for a NOTIFY per event.
CREATE OR REPLACE FUNCTION sluice_private.notify_directly() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM pg_notify('flow_events', sluice_private.notify_body(e))
     FROM sluice.flow_events e
    WHERE e.xid = pg_current_xact_id() AND e.id > coalesce(nullif(current_setting('sluice.notified_to', true), ''), '0')::bigint
    ORDER BY e.id;
  PERFORM set_config('sluice.notified_to', pg_sequence_last_value('sluice.flow_events_id'::regclass)::text, true);
END $$;
COMMENT ON FUNCTION sluice_private.notify_directly() IS 'NOTIFY flow_events for the events of this transaction that were not notified yet';
SELECT sluice_private.hide('sluice_private.notify_directly()');

CREATE OR REPLACE FUNCTION sluice_private.emit_session_events() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  at timestamptz := clock_timestamp();
  time text := to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');
  slot smallint;
BEGIN
  -- The slot is looked up by a transaction that has its xid (see event_read.sql): rows that changed have given it one, a TRUNCATE to come not yet.
  IF TG_OP = 'TRUNCATE' THEN
    PERFORM pg_current_xact_id();
  END IF;
  slot := sluice_private.current_slot();
  CASE TG_OP
  WHEN 'INSERT' THEN
    INSERT INTO sluice.flow_events (created_at, slot, event_type, session_id, flow_id, user_id, correlation_id, body)
    SELECT at, slot, 'session_started', n.id, n.flow_id, n.user_id, n.correlation_id,
           sluice_private.event_body('session_started', time, n.id, n.flow_id, n.user_id,
             sluice_private.session_data(n.current_node_id, NULL, n.status, NULL, n.revision, NULL, NULL))
      FROM new_rows n;
  WHEN 'UPDATE' THEN
    -- A full join can only be hashed or merged. The plan is made for the first statement of a connection, mostly one of a
    -- single row, and a nested loop chosen for that would be quadratic for a bulk update later. A changed id shows as an end and a start.
    INSERT INTO sluice.flow_events (created_at, slot, event_type, alias, session_id, flow_id, user_id, correlation_id, body)
    SELECT at, slot, c.type, CASE WHEN c.type = 'session_status_changed' THEN 'session.' || n.status END,
           coalesce(n.id, o.id), coalesce(n.flow_id, o.flow_id), coalesce(n.user_id, o.user_id), coalesce(n.correlation_id, o.correlation_id),
           sluice_private.event_body(c.type, time, coalesce(n.id, o.id), coalesce(n.flow_id, o.flow_id), coalesce(n.user_id, o.user_id),
             sluice_private.session_data(n.current_node_id, o.current_node_id, n.status, o.status, n.revision, o.revision,
                                         CASE WHEN n.revision IS DISTINCT FROM o.revision THEN sluice_private.path_of(n.info, n.revision) END))
      FROM new_rows n
      FULL JOIN old_rows o ON o.id = n.id
     CROSS JOIN LATERAL (SELECT CASE
             WHEN n.id IS NULL THEN 'session_deleted'
             WHEN o.id IS NULL THEN 'session_started'
             WHEN n.status IS DISTINCT FROM o.status THEN 'session_status_changed'
             WHEN n.current_node_id IS DISTINCT FROM o.current_node_id THEN 'node_changed'
             WHEN n.revision IS DISTINCT FROM o.revision THEN 'session_updated' END) AS c (type)
     WHERE c.type IS NOT NULL;
  WHEN 'DELETE' THEN
    INSERT INTO sluice.flow_events (created_at, slot, event_type, session_id, flow_id, user_id, correlation_id, body)
    SELECT at, slot, 'session_deleted', o.id, o.flow_id, o.user_id, o.correlation_id,
           sluice_private.event_body('session_deleted', time, o.id, o.flow_id, o.user_id,
             sluice_private.session_data(NULL, o.current_node_id, NULL, o.status, NULL, o.revision, NULL))
      FROM old_rows o;
  WHEN 'TRUNCATE' THEN
    INSERT INTO sluice.flow_events (created_at, slot, event_type, session_id, flow_id, user_id, correlation_id, body)
    SELECT at, slot, 'session_deleted', o.id, o.flow_id, o.user_id, o.correlation_id,
           sluice_private.event_body('session_deleted', time, o.id, o.flow_id, o.user_id,
             sluice_private.session_data(NULL, o.current_node_id, NULL, o.status, NULL, o.revision, NULL))
      FROM sluice.conversation_sessions o;
  END CASE;
  IF FOUND THEN
    IF (SELECT s.value = '"direct"' FROM sluice.settings s WHERE s.key = 'notify') THEN
      PERFORM sluice_private.notify_directly();
    END IF;
    IF pg_sequence_last_value('sluice.events_awake'::regclass) IS DISTINCT FROM 0 THEN
      PERFORM pg_notify('sluice_wake', 'events');
    END IF;
  END IF;
  RETURN NULL;
END $$;
COMMENT ON FUNCTION sluice_private.emit_session_events() IS 'appends an event for each session that a statement changed in node, status or revision';
SELECT sluice_private.hide('sluice_private.emit_session_events()');

CREATE OR REPLACE TRIGGER emit_inserted AFTER INSERT ON sluice.conversation_sessions
  REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION sluice_private.emit_session_events();
CREATE OR REPLACE TRIGGER emit_updated AFTER UPDATE ON sluice.conversation_sessions
  REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION sluice_private.emit_session_events();
CREATE OR REPLACE TRIGGER emit_deleted AFTER DELETE ON sluice.conversation_sessions
  REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION sluice_private.emit_session_events();
-- Before, because afterwards there is nothing left to read; the table is locked already.
CREATE OR REPLACE TRIGGER emit_truncated BEFORE TRUNCATE ON sluice.conversation_sessions
  FOR EACH STATEMENT EXECUTE FUNCTION sluice_private.emit_session_events();
