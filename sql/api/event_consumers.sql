-- Consumers: registering them, where they are, how far behind.

CREATE OR REPLACE FUNCTION sluice_private.consumer_position(p_consumer bigint) RETURNS sluice_private.event_positions
LANGUAGE sql STABLE
BEGIN ATOMIC
  SELECT p FROM sluice_private.event_positions p WHERE p.consumer_id = p_consumer ORDER BY p.seq DESC LIMIT 1;
END;
COMMENT ON FUNCTION sluice_private.consumer_position(bigint) IS 'where a consumer is';
SELECT sluice_private.hide('sluice_private.consumer_position(bigint)');

-- pg_current_snapshot() leaves the own transaction out of those in progress: once a younger one has ended, what this transaction is about to
-- write would count as seen.
CREATE OR REPLACE FUNCTION sluice_private.present() RETURNS pg_snapshot
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  s pg_snapshot := pg_current_snapshot();
  own xid8 := pg_current_xact_id_if_assigned();
BEGIN
  IF own IS NULL OR NOT pg_visible_in_snapshot(own, s) THEN
    RETURN s;
  END IF;
  RETURN format('%s:%s:%s', least(own, pg_snapshot_xmin(s)), pg_snapshot_xmax(s),
                (SELECT string_agg(x::text, ',' ORDER BY x) FROM (SELECT own AS x UNION SELECT pg_snapshot_xip(s)) AS w));
END $$;
COMMENT ON FUNCTION sluice_private.present() IS 'a cursor that has seen what is committed now, and nothing of this transaction';
SELECT sluice_private.hide('sluice_private.present()');

CREATE OR REPLACE FUNCTION sluice_private.add_consumer(p_name text, p_kind text, p_patterns text[], p_settings jsonb) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  consumer bigint;
BEGIN
  PERFORM sluice_private.check_patterns(p_patterns);
  INSERT INTO sluice.event_consumers (name, kind, patterns, settings) VALUES (p_name, p_kind, p_patterns, p_settings)
  ON CONFLICT (name) DO UPDATE SET patterns = excluded.patterns, settings = excluded.settings, enabled = true
   WHERE event_consumers.kind = excluded.kind
  RETURNING id INTO consumer;
  IF consumer IS NULL THEN
    PERFORM sluice_private.fail('SL005', format('event consumer %L is of another kind', p_name), NULL, 'choose another name');
  END IF;
  -- A consumer that is registered anew keeps its place; a new one begins with what commits from now on.
  IF NOT EXISTS (SELECT FROM sluice_private.event_positions q WHERE q.consumer_id = consumer) THEN
    INSERT INTO sluice_private.event_positions (consumer_id, seq, cursor) VALUES (consumer, 1, sluice_private.present());
  END IF;
  PERFORM pg_notify('sluice_wake', 'consumers');
  RETURN consumer;
END $$;
COMMENT ON FUNCTION sluice_private.add_consumer(text, text, text[], jsonb) IS
  'registers a consumer or changes its patterns and settings; listeners are told by payload consumers on sluice_wake';
SELECT sluice_private.hide('sluice_private.add_consumer(text, text, text[], jsonb)');

CREATE OR REPLACE FUNCTION sluice_private.remove_consumer(p_name text, p_kind text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  consumer bigint;
BEGIN
  DELETE FROM sluice.event_consumers c WHERE c.name = p_name AND c.kind = p_kind RETURNING id INTO consumer;
  DELETE FROM sluice_private.event_positions q WHERE q.consumer_id = consumer;
  PERFORM pg_notify('sluice_wake', 'consumers');
  RETURN consumer IS NOT NULL;
END $$;
COMMENT ON FUNCTION sluice_private.remove_consumer(text, text) IS 'forgets a consumer and its cursor; false if there was none';
SELECT sluice_private.hide('sluice_private.remove_consumer(text, text)');

CREATE OR REPLACE FUNCTION sluice.on_event(name text, events text[], handler regprocedure) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
  f pg_proc;
BEGIN
  SELECT * INTO f FROM pg_proc WHERE oid = handler;
  IF NOT FOUND OR f.pronargs <> 1 OR f.proargtypes[0] <> 'jsonb'::regtype OR f.prokind <> 'f' THEN
    PERFORM sluice_private.fail('SL005', format('handler %s is not a function of one jsonb argument', handler), NULL,
      'declare it as handler(events jsonb); events is an array in order');
  END IF;
  -- The listener calls the handler with its own rights, so it must not run the code of just anybody.
  IF NOT f.prosecdef AND NOT (SELECT r.rolsuper FROM pg_roles r WHERE r.oid = f.proowner)
     AND f.proowner <> (SELECT n.nspowner FROM pg_namespace n WHERE n.nspname = 'sluice') THEN
    PERFORM sluice_private.fail('SL005', format('handler %s would run with the rights of the listener', handler), NULL,
      'make it SECURITY DEFINER with a fixed search_path, so that it runs with its owner''s rights');
  END IF;
  PERFORM sluice_private.add_consumer(name, 'sql', events, '{}');
  INSERT INTO sluice.event_handlers AS h (name, handler) VALUES (name, handler::text)
  ON CONFLICT ON CONSTRAINT event_handlers_pkey DO UPDATE SET handler = excluded.handler;
END $$;
COMMENT ON FUNCTION sluice.on_event(text, text[], regprocedure) IS
  'calls handler(events jsonb) exactly once with each event that commits after this registration and matches a pattern';
SELECT sluice_private.publish_api('sluice.on_event(text, text[], regprocedure)');

CREATE OR REPLACE FUNCTION sluice.off_event(name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF NOT sluice_private.remove_consumer(name, 'sql') THEN
    PERFORM sluice_private.fail('SL005', format('no event handler %L', name), NULL, 'see sluice.event_handlers');
  END IF;
END $$;
COMMENT ON FUNCTION sluice.off_event(text) IS 'removes a handler made by on_event, with its cursor and its parked events';
SELECT sluice_private.publish_api('sluice.off_event(text)');

CREATE OR REPLACE FUNCTION sluice_private.events_behind(p_consumer bigint, p_most int DEFAULT 100000) RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off SET enable_seqscan = off SET enable_bitmapscan = off
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  p sluice_private.event_positions := sluice_private.consumer_position(p_consumer);
  low xid8 := pg_snapshot_xmax(p.cursor);
  xips xid8[] := ARRAY(SELECT pg_snapshot_xip(p.cursor));
BEGIN
  IF NOT (SELECT f.news FROM sluice_private.poll_events(p.cursor::text) AS f) THEN
    RETURN 0;  -- mostly; it costs a hundredth of counting
  END IF;
  RETURN (SELECT count(*) FROM (
    SELECT FROM ((SELECT id FROM sluice.flow_events WHERE xid >= low LIMIT p_most + 1)
                 UNION ALL
                 (SELECT id FROM sluice.flow_events WHERE xid = ANY (xips) LIMIT p_most + 1)) AS e
     WHERE p.gap_after_id IS NULL OR e.id > p.gap_after_id LIMIT p_most) AS behind);
END $$;
COMMENT ON FUNCTION sluice_private.events_behind(bigint, int) IS 'events that a consumer has not handled, counted up to p_most';
SELECT sluice_private.hide('sluice_private.events_behind(bigint, int)');

CREATE OR REPLACE FUNCTION sluice_private.oldest_behind(p_consumer bigint) RETURNS timestamptz
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off SET enable_seqscan = off SET enable_bitmapscan = off
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  p sluice_private.event_positions := sluice_private.consumer_position(p_consumer);
  low xid8 := pg_snapshot_xmax(p.cursor);
  xips xid8[] := ARRAY(SELECT pg_snapshot_xip(p.cursor));
BEGIN
  IF NOT (SELECT f.news FROM sluice_private.poll_events(p.cursor::text) AS f) THEN
    RETURN NULL;
  END IF;
  IF p.gap_after_id IS NOT NULL THEN
    RETURN (SELECT created_at FROM sluice.flow_events WHERE id > p.gap_after_id ORDER BY id LIMIT 1);
  END IF;
  RETURN least((SELECT created_at FROM sluice.flow_events WHERE xid >= low ORDER BY xid LIMIT 1),
               (SELECT min(created_at) FROM sluice.flow_events WHERE xid = ANY (xips)));
END $$;
COMMENT ON FUNCTION sluice_private.oldest_behind(bigint) IS 'when about the oldest event was written that a consumer has not handled; null if there is none';
SELECT sluice_private.hide('sluice_private.oldest_behind(bigint)');

CREATE OR REPLACE VIEW sluice.consumer_lag AS
SELECT c.id AS consumer_id, c.name, c.kind, c.patterns, c.enabled,
       sluice_private.events_behind(c.id) AS events_behind,
       coalesce(greatest(extract(epoch FROM clock_timestamp() - sluice_private.oldest_behind(c.id)), 0), 0)::float8 AS seconds_behind,
       p.cursor, p.gap_snapshot IS NOT NULL AS in_gap, p.moved_at,
       EXISTS (SELECT FROM pg_locks l WHERE l.locktype = 'advisory' AND l.classid = 1398099267 AND l.objid = c.id::oid AND l.objsubid = 2
                  AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())) AS running,
       (SELECT count(*) FROM sluice.event_failures f WHERE f.consumer_id = c.id) AS parked
  FROM sluice.event_consumers c
 CROSS JOIN LATERAL sluice_private.consumer_position(c.id) AS p;
COMMENT ON VIEW sluice.consumer_lag IS 'how far behind each event consumer is (counted up to 100,000 events), whether a listener runs it, and what it parked';
SELECT sluice_private.grant_to('sluice_reader', 'SELECT ON sluice.consumer_lag');
SELECT sluice_private.grant_to('sluice_api', 'SELECT ON sluice.consumer_lag');
