-- Parked events: what a consumer could not take, kept until somebody has it tried again or discards it. Within a session the order stays: what
-- follows a parked event is parked behind it, and a retry takes the session's events from the first on.

-- For consumers that keep order per session and have parked something of one (next_events says so): events behind a parked one of their session
-- are parked too; returns those that go on.
CREATE OR REPLACE FUNCTION sluice_private.park_followers(p_consumer bigint, p_events sluice.flow_events[]) RETURNS sluice.flow_events[]
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off SET enable_seqscan = off AS $$
DECLARE
  parked bigint[];
BEGIN
  WITH behind AS (
    INSERT INTO sluice.event_failures (consumer_id, event_id, event_type, session_id, key, correlation_id, body, error, attempts)
    SELECT p_consumer, e.id, e.event_type, e.session_id, e.key, e.correlation_id, e.body, 'parked behind an earlier event of its session', 0
      FROM unnest(p_events) AS e
     WHERE EXISTS (SELECT FROM sluice.event_failures f WHERE f.consumer_id = p_consumer AND f.session_id = e.session_id)
    RETURNING event_id
  )
  SELECT array_agg(event_id) INTO parked FROM behind;
  RETURN (SELECT array_agg(e ORDER BY e.id) FROM unnest(p_events) AS e WHERE NOT e.id = ANY (coalesce(parked, '{}')));
END $$;
COMMENT ON FUNCTION sluice_private.park_followers(bigint, sluice.flow_events[]) IS 'parks what must wait behind parked events; returns the others, null if there are none';
SELECT sluice_private.hide('sluice_private.park_followers(bigint, sluice.flow_events[])');

CREATE OR REPLACE FUNCTION sluice_private.park_event(p_consumer bigint, p_error text, p_attempts int) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off SET enable_seqscan = off AS $$
DECLARE
  b record;
  parked bigint;
BEGIN
  b := sluice_private.next_events(p_consumer, 1);
  INSERT INTO sluice.event_failures (consumer_id, event_id, event_type, session_id, key, correlation_id, body, error, attempts)
  SELECT p_consumer, e.id, e.event_type, e.session_id, e.key, e.correlation_id, e.body, p_error, p_attempts
    FROM unnest(b.events) AS e
  RETURNING event_id INTO parked;
  PERFORM sluice_private.finish_batch(p_consumer, b, 0);
  RETURN parked;
END $$;
COMMENT ON FUNCTION sluice_private.park_event(bigint, text, int) IS
  'moves a consumer past its next event, which is kept in event_failures when it matches; returns its id. Call it when a batch of one has used up its attempts';
SELECT sluice_private.hide('sluice_private.park_event(bigint, text, int)');

-- One parked event that was asked for, in the transaction that forgets it; the next of its session is then asked for too. Kind log gets
-- the event to handle by itself. Runs as its caller, as run_sql_handler does.
CREATE OR REPLACE FUNCTION sluice_private.run_parked(p_consumer bigint, OUT event_id bigint, OUT event_type text, OUT session_id uuid, OUT correlation_id text, OUT body text)
LANGUAGE plpgsql SET jit = off AS $$
#variable_conflict use_column
DECLARE
  f sluice.event_failures;
  kind text;
BEGIN
  SELECT w.* INTO f FROM sluice.event_failures w
   WHERE w.consumer_id OPERATOR(pg_catalog.=) p_consumer AND w.retry_at IS NOT NULL
   ORDER BY w.event_id LIMIT 1 FOR UPDATE;
  IF f.event_id IS NULL THEN
    RETURN;
  END IF;
  kind := (SELECT c.kind FROM sluice.event_consumers c WHERE c.id OPERATOR(pg_catalog.=) p_consumer);
  IF kind OPERATOR(pg_catalog.=) 'sql' THEN
    EXECUTE sluice_private.handler_call(p_consumer) USING sluice_private.parked_json(f);
  ELSIF kind OPERATOR(pg_catalog.=) 'task' THEN
    PERFORM sluice_private.enqueue_events(p_consumer, sluice_private.parked_json(f));
  ELSIF kind OPERATOR(pg_catalog.=) ANY ('{relay,webhooks}') THEN
    PERFORM sluice_private.run_parked_from_log(kind, f.event_id);
  END IF;
  PERFORM sluice_private.forget_parked(p_consumer, f.event_id);
  event_id := f.event_id; event_type := f.event_type; session_id := f.session_id; correlation_id := f.correlation_id; body := f.body;
END $$;
COMMENT ON FUNCTION sluice_private.run_parked(bigint) IS 'hands the first parked event that is to be retried to its handler; nulls if there is none';
SELECT sluice_private.hide('sluice_private.run_parked(bigint)');

CREATE OR REPLACE FUNCTION sluice_private.parked_json(f sluice.event_failures) RETURNS jsonb
LANGUAGE sql STABLE
RETURN jsonb_build_array(sluice_private.body_with_id((f).body, (f).event_id)::jsonb);
COMMENT ON FUNCTION sluice_private.parked_json(sluice.event_failures) IS 'a parked event as handlers get it';
SELECT sluice_private.hide('sluice_private.parked_json(sluice.event_failures)');

CREATE OR REPLACE FUNCTION sluice_private.run_parked_from_log(p_kind text, p_event bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off SET enable_seqscan = off AS $$
DECLARE
  e sluice.flow_events;
BEGIN
  SELECT * INTO e FROM sluice.flow_events w WHERE w.id = p_event;
  IF NOT FOUND THEN
    PERFORM sluice_private.fail('SL005', format('event %s was trimmed from the log', p_event), NULL, 'sluice events discard removes what is parked of it');
  ELSIF p_kind = 'relay' THEN
    PERFORM pg_notify('flow_events', sluice_private.notify_body(e));
  ELSE
    PERFORM sluice_private.fan_out(ARRAY[e]);
  END IF;
END $$;
COMMENT ON FUNCTION sluice_private.run_parked_from_log(text, bigint) IS 'relays one event or fans it out';
SELECT sluice_private.hide('sluice_private.run_parked_from_log(text, bigint)');

CREATE OR REPLACE FUNCTION sluice_private.forget_parked(p_consumer bigint, p_event bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  session uuid;
BEGIN
  DELETE FROM sluice.event_failures f WHERE f.consumer_id = p_consumer AND f.event_id = p_event RETURNING f.session_id INTO session;
  UPDATE sluice.event_failures f SET retry_at = clock_timestamp()
   WHERE f.consumer_id = p_consumer AND f.attempts = 0 AND f.retry_at IS NULL
     AND f.event_id = (SELECT min(n.event_id) FROM sluice.event_failures n WHERE n.consumer_id = p_consumer AND n.session_id = session);
END $$;
COMMENT ON FUNCTION sluice_private.forget_parked(bigint, bigint) IS 'removes a parked event; what was parked only because it stood behind it is asked for';
SELECT sluice_private.hide('sluice_private.forget_parked(bigint, bigint)');

CREATE OR REPLACE FUNCTION sluice_private.park_again(p_consumer bigint, p_error text) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  UPDATE sluice.event_failures f SET retry_at = NULL, error = p_error, attempts = f.attempts + 1, parked_at = clock_timestamp()
   WHERE f.consumer_id = p_consumer
     AND f.event_id = (SELECT n.event_id FROM sluice.event_failures n WHERE n.consumer_id = p_consumer AND n.retry_at IS NOT NULL ORDER BY n.event_id LIMIT 1)
  RETURNING f.event_id
$$;
COMMENT ON FUNCTION sluice_private.park_again(bigint, text) IS 'after run_parked failed: the event stays parked until it is asked for once more';
SELECT sluice_private.hide('sluice_private.park_again(bigint, text)');

CREATE OR REPLACE FUNCTION sluice_private.consumer_named(p_name text, p_parked bigint DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  consumer bigint := (SELECT c.id FROM sluice.event_consumers c WHERE c.name = p_name);
BEGIN
  IF consumer IS NULL THEN
    PERFORM sluice_private.fail('SL005', format('event consumer %L is unknown', p_name), NULL, 'the view sluice.consumer_lag lists them');
  ELSIF p_parked IS NOT NULL AND NOT EXISTS (SELECT FROM sluice.event_failures f WHERE f.consumer_id = consumer AND f.event_id = p_parked) THEN
    PERFORM sluice_private.fail('SL005', format('event %s is not parked by consumer %s', p_parked, p_name), NULL, 'see sluice.event_failures');
  END IF;
  RETURN consumer;
END $$;
COMMENT ON FUNCTION sluice_private.consumer_named(text, bigint) IS 'id of a consumer; SL005 if there is none of that name, or if it did not park the event that is given';
SELECT sluice_private.hide('sluice_private.consumer_named(text, bigint)');

CREATE OR REPLACE FUNCTION sluice.retry_event(consumer text, event_id bigint DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  c bigint := sluice_private.consumer_named(consumer, retry_event.event_id);
  marked bigint;
BEGIN
  -- The first of each session; the others follow by themselves, in order. Events without a session stand alone.
  UPDATE sluice.event_failures f SET retry_at = clock_timestamp()
   WHERE f.consumer_id = c
     AND (f.session_id IS NULL OR NOT EXISTS (SELECT FROM sluice.event_failures n WHERE n.consumer_id = c AND n.session_id = f.session_id AND n.event_id < f.event_id))
     AND (retry_event.event_id IS NULL OR f.event_id = retry_event.event_id
          OR f.session_id = (SELECT w.session_id FROM sluice.event_failures w WHERE w.consumer_id = c AND w.event_id = retry_event.event_id));
  GET DIAGNOSTICS marked = ROW_COUNT;
  PERFORM pg_notify('sluice_wake', 'consumers');
  PERFORM sluice_private.audit('retry_event', format('%s of consumer %s', coalesce('event ' || retry_event.event_id, 'all events'), consumer), format('%s tried first', marked));
  RETURN marked;
END $$;
COMMENT ON FUNCTION sluice.retry_event(text, bigint) IS
  'has a consumer take a parked event again, from the first of its session on (null: all that it parked); returns how many are tried first';
SELECT sluice_private.publish_api('sluice.retry_event(text, bigint)');

CREATE OR REPLACE FUNCTION sluice.discard_event(consumer text, event_id bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM sluice_private.forget_parked(sluice_private.consumer_named(consumer, coalesce(discard_event.event_id, 0)), discard_event.event_id);
  PERFORM pg_notify('sluice_wake', 'consumers');
  PERFORM sluice_private.audit('discard_event', format('event %s of consumer %s', discard_event.event_id, discard_event.consumer));
END $$;
COMMENT ON FUNCTION sluice.discard_event(text, bigint) IS 'gives up a parked event; what was parked behind it is taken';
SELECT sluice_private.publish_api('sluice.discard_event(text, bigint)');
