-- Trimming the log, and what to do with cursors in a restored database.

-- Slots take turns; each is written for a seventh of the retention, so what a slot holds when its turn comes again is older than the retention.
-- Truncating it is safe under two locks. ACCESS EXCLUSIVE on the slot waits for every transaction that wrote to it, prepared ones too; so
-- all its rows are committed or gone, and one whose xid is below the xmin of every cursor was handled by every consumer. SHARE on the
-- consumers keeps a registration, whose snapshot might still need these rows, from being half-done meanwhile.
-- A writer that chose its slot long ago may write to it after this; its rows are then trimmed early, but never unread.
CREATE OR REPLACE FUNCTION sluice_private.trim_events() RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '200ms' SET jit = off SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
  retention interval := coalesce((SELECT (s.value #>> '{}')::interval FROM sluice.settings s WHERE s.key = 'event_retention'), '7 days');
  filling smallint := sluice_private.current_slot();
  next smallint := (filling + 1) % 8;
  opened timestamptz;
  newest xid8;
  holder text;
  held_at xid8;
BEGIN
  UPDATE sluice_private.event_slots SET closed_xid = pg_current_xact_id() WHERE slot <> filling AND closed_xid IS NULL;
  SELECT s.opened_at INTO opened FROM sluice_private.event_slots s WHERE s.slot = filling FOR UPDATE;
  IF filling <> sluice_private.current_slot() OR opened > clock_timestamp() - retention / 7 THEN
    RETURN 'not due';
  END IF;
  BEGIN
    LOCK TABLE sluice.event_consumers IN SHARE MODE;
    EXECUTE format('LOCK TABLE sluice_private.flow_events_%s IN ACCESS EXCLUSIVE MODE', next);
  EXCEPTION WHEN lock_not_available THEN
    RETURN 'busy';
  END;
  SELECT c.name, pg_snapshot_xmin(p.cursor) INTO holder, held_at
    FROM sluice.event_consumers c CROSS JOIN LATERAL sluice_private.consumer_position(c.id) AS p
   ORDER BY pg_snapshot_xmin(p.cursor) LIMIT 1;
  EXECUTE format('SELECT e.xid FROM sluice_private.flow_events_%s e ORDER BY e.xid DESC LIMIT 1', next) INTO newest;
  IF newest >= held_at THEN
    RETURN 'held by ' || holder;
  END IF;
  EXECUTE format('TRUNCATE sluice_private.flow_events_%s', next);
  UPDATE sluice_private.event_slots SET opened_at = clock_timestamp(), closed_xid = NULL WHERE slot = next;
  PERFORM setval('sluice_private.event_slot', next);
  RETURN 'rotated to slot ' || next;
END $$;
COMMENT ON FUNCTION sluice_private.trim_events() IS
  'goes on to the next slot of the log when it is time and truncates it; call it every minute. Answers: not due, busy, held by <consumer>, rotated to slot <n>';
SELECT sluice_private.hide('sluice_private.trim_events()');

-- The way out when a consumer holds the log back: nothing is lost silently, an event says what was given up.
CREATE OR REPLACE FUNCTION sluice.skip_events(consumer text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  c bigint := sluice_private.consumer_named(consumer);
  p sluice_private.event_positions := sluice_private.consumer_position(c);
  given_up bigint := sluice_private.events_behind(c, 2147483646);
BEGIN
  PERFORM sluice_private.move_cursor(c, p.seq, sluice_private.present(), NULL, NULL);
  IF given_up > 0 THEN
    PERFORM sluice.emit('events_skipped', consumer, jsonb_build_object('consumer', consumer, 'events', given_up, 'cursor', p.cursor::text));
  END IF;
  PERFORM pg_notify('sluice_wake', 'consumers');
  PERFORM sluice_private.audit('skip_events', format('consumer %s', consumer), format('%s events given up', given_up));
  RETURN given_up;
END $$;
COMMENT ON FUNCTION sluice.skip_events(text) IS
  'moves a consumer to the present; returns how many events it gives up, and emits events_skipped when there are any';
SELECT sluice_private.hide('sluice.skip_events(text)');

-- A dump carries xids of the cluster that it was taken from. In another cluster they mean nothing: a cursor in the future
-- would hide all new events, and old rows would come again and again.
CREATE OR REPLACE FUNCTION sluice_private.foreign_cursors()
RETURNS TABLE (name text, problem text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT c.name, w.problem
    FROM sluice.event_consumers c
   CROSS JOIN LATERAL sluice_private.consumer_position(c.id) AS p
   CROSS JOIN LATERAL (SELECT CASE
           WHEN c.system_identifier <> (SELECT s.system_identifier FROM pg_control_system() s) THEN 'the database comes from another cluster'
           WHEN pg_snapshot_xmax(p.cursor) > pg_snapshot_xmax(pg_current_snapshot()) THEN 'the cursor is ahead of the cluster''s transactions' END) AS w (problem)
   WHERE w.problem IS NOT NULL
$$;
COMMENT ON FUNCTION sluice_private.foreign_cursors() IS 'consumers that must not run: their cursors are not of this cluster. Empty is good; otherwise refuse and advise events_resync';
SELECT sluice_private.hide('sluice_private.foreign_cursors()');

-- Decides by the old cursors which events are unhandled, then gives the whole log xids of this cluster: long past for what all
-- consumers handled, this transaction's for the rest. A consumer that was further than another sees the difference again.
CREATE OR REPLACE FUNCTION sluice.events_resync(skip_unhandled boolean DEFAULT false) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  left_over bigint := 0;
BEGIN
  LOCK TABLE sluice.event_consumers, sluice.flow_events, sluice_private.event_positions IN ACCESS EXCLUSIVE MODE;
  UPDATE sluice.flow_events e SET xid = pg_current_xact_id()
   WHERE NOT skip_unhandled
     AND EXISTS (SELECT FROM sluice.event_consumers c CROSS JOIN LATERAL sluice_private.consumer_position(c.id) AS p
                  WHERE NOT pg_visible_in_snapshot(e.xid, p.cursor)
                    AND (p.gap_snapshot IS NULL OR e.id > p.gap_after_id OR NOT pg_visible_in_snapshot(e.xid, p.gap_snapshot)));
  GET DIAGNOSTICS left_over = ROW_COUNT;
  UPDATE sluice.flow_events e SET xid = '3' WHERE e.xid <> pg_current_xact_id();
  UPDATE sluice_private.event_slots SET closed_xid = NULL;
  -- What this transaction just stamped is news to these cursors.
  INSERT INTO sluice_private.event_positions (consumer_id, seq, cursor)
  SELECT c.id, coalesce((sluice_private.consumer_position(c.id)).seq, 0) + 1, sluice_private.present() FROM sluice.event_consumers c;
  UPDATE sluice.event_consumers SET system_identifier = (SELECT s.system_identifier FROM pg_control_system() s);
  UPDATE sluice.webhook_endpoints SET since = '3:3:';
  PERFORM pg_notify('sluice_wake', 'consumers');
  PERFORM sluice_private.audit('events_resync', 'all consumers', format('%s events', left_over));
  RETURN left_over;
END $$;
COMMENT ON FUNCTION sluice.events_resync(boolean) IS
  'after a restore into another cluster: makes cursors and log fit again; returns how many events will be handled (again)';
SELECT sluice_private.hide('sluice.events_resync(boolean)');
