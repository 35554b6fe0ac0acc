-- Sending again: enabling, replaying, retrying by hand, and the test ping.

-- Replays keep their message, so their webhook-id, and go to a lane of their own. They do not wait for each other or for live traffic;
-- due a microsecond apart, they are sent about in their old order.
CREATE OR REPLACE FUNCTION sluice_private.release_held(p_endpoint uuid, p_since timestamptz, p_until timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  released bigint;
BEGIN
  UPDATE sluice.webhook_deliveries d
     SET status = 'pending', lane = 2, attempt = 0, order_key = NULL, due_at = clock_timestamp() + h.place * interval '1 microsecond'
    FROM (SELECT w.id, row_number() OVER (ORDER BY w.id) AS place FROM sluice.webhook_deliveries w
           WHERE w.endpoint_id = p_endpoint AND w.due_at = 'infinity' AND w.status = 'held' AND w.created_at >= p_since AND w.created_at < p_until) AS h
   WHERE d.id = h.id;
  GET DIAGNOSTICS released = ROW_COUNT;
  RETURN released;
END $$;
COMMENT ON FUNCTION sluice_private.release_held(uuid, timestamptz, timestamptz) IS 'makes held deliveries of a time due in the replay lane; returns how many';
SELECT sluice_private.hide('sluice_private.release_held(uuid, timestamptz, timestamptz)');

CREATE OR REPLACE FUNCTION sluice.enable_endpoint(endpoint_id uuid, replay boolean DEFAULT false) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM sluice_private.audit('enable_endpoint', format('endpoint %s', endpoint_id));
  IF (sluice_private.lock_endpoint(endpoint_id)).validation IN ('pending', 'refused') THEN
    UPDATE sluice.webhook_endpoints e SET validation = 'pending', validation_error = NULL, validation_attempt = 0, validation_due = clock_timestamp(),
           disabled_reason = 'waits for its validation', updated_at = clock_timestamp()
     WHERE e.id = enable_endpoint.endpoint_id;
    PERFORM pg_notify('sluice_wake', 'lanes');
    RETURN;
  END IF;
  UPDATE sluice.webhook_endpoints e SET enabled = true, disabled_at = NULL, disabled_reason = NULL, updated_at = clock_timestamp()
   WHERE e.id = enable_endpoint.endpoint_id;
  UPDATE sluice_private.lanes l SET paused_until = NULL, failing_since = NULL, breaker = NULL WHERE l.endpoint_id = enable_endpoint.endpoint_id;
  IF replay AND sluice_private.release_held(endpoint_id, '-infinity', 'infinity') > 0 THEN
    PERFORM sluice_private.ring('deliveries');
  END IF;
  PERFORM pg_notify('sluice_wake', 'lanes');
END $$;
COMMENT ON FUNCTION sluice.enable_endpoint(uuid, boolean) IS 'sends to an endpoint again; replay = also what was stored while it was disabled. One that is not validated is asked again first';
SELECT sluice_private.publish_api('sluice.enable_endpoint(uuid, boolean)');

CREATE OR REPLACE FUNCTION sluice.replay(
  endpoint_id uuid, since timestamptz, until timestamptz DEFAULT now(), only_dead boolean DEFAULT true) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  e sluice.webhook_endpoints;
  released bigint;
  again bigint;
BEGIN
  e := sluice_private.lock_endpoint(replay.endpoint_id);
  IF NOT e.enabled THEN
    PERFORM sluice_private.fail('SL005', format('endpoint %s is disabled', e.id), e.disabled_reason, 'enable it first: sluice.enable_endpoint');
  END IF;
  IF replay.since IS NULL OR replay.until IS NULL THEN
    PERFORM sluice_private.fail('SL005', 'since or until is null', NULL, 'give a time');
  END IF;
  released := sluice_private.release_held(e.id, replay.since, replay.until);
  INSERT INTO sluice.webhook_deliveries (id, message_no, message_at, endpoint_id, lane, due_at)
  SELECT a.delivery_id, a.message_no, a.message_at, e.id, 2, clock_timestamp() + row_number() OVER (ORDER BY a.delivery_id) * interval '1 microsecond'
    FROM (SELECT DISTINCT w.delivery_id, w.message_no, w.message_at FROM sluice.webhook_attempts w
           WHERE w.endpoint_id = e.id AND w.created_at >= replay.since AND w.message_at >= replay.since AND w.message_at < replay.until
             AND (w.outcome = 'dead' OR w.outcome = 'delivered' AND NOT replay.only_dead)) AS a
   WHERE (NOT replay.only_dead
          OR NOT EXISTS (SELECT FROM sluice.webhook_attempts w WHERE w.delivery_id = a.delivery_id AND w.outcome = 'delivered'))
     AND EXISTS (SELECT FROM sluice.webhook_messages m WHERE m.no = a.message_no AND m.created_at = a.message_at)
  ON CONFLICT (id) DO NOTHING;
  GET DIAGNOSTICS again = ROW_COUNT;
  IF released + again > 0 THEN
    PERFORM sluice_private.ring('deliveries');
  END IF;
  PERFORM sluice_private.audit('replay', format('endpoint %s, %s to %s', e.id, replay.since, replay.until), format('%s deliveries', released + again));
  RETURN released + again;
END $$;
COMMENT ON FUNCTION sluice.replay(uuid, timestamptz, timestamptz, boolean) IS
  'sends the dead and the held deliveries of a time again, or with only_dead = false all of it; returns how many';
SELECT sluice_private.publish_api('sluice.replay(uuid, timestamptz, timestamptz, boolean)');

CREATE OR REPLACE FUNCTION sluice.retry_delivery(delivery_id bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  state text;
  endpoint uuid;
BEGIN
  PERFORM sluice_private.audit('retry_delivery', format('delivery %s', retry_delivery.delivery_id));
  SELECT d.endpoint_id INTO endpoint FROM sluice.webhook_deliveries d WHERE d.id = retry_delivery.delivery_id;
  IF NOT FOUND THEN
    SELECT a.endpoint_id INTO endpoint FROM sluice.webhook_attempts a WHERE a.delivery_id = retry_delivery.delivery_id LIMIT 1;
  END IF;
  IF NOT FOUND THEN
    PERFORM sluice_private.fail('SL005', format('unknown delivery %s', coalesce(retry_delivery.delivery_id::text, 'null')), NULL, 'see sluice.delivery_overview');
  END IF;
  PERFORM sluice_private.lock_endpoint(endpoint);
  SELECT d.status INTO state FROM sluice.webhook_deliveries d WHERE d.id = retry_delivery.delivery_id;
  IF state = 'held' THEN
    PERFORM sluice_private.fail('SL005', format('delivery %s is held', retry_delivery.delivery_id), NULL,
      'enable its endpoint with replay: sluice.enable_endpoint, or use sluice.replay');
  END IF;
  UPDATE sluice.webhook_deliveries d SET due_at = clock_timestamp() WHERE d.id = retry_delivery.delivery_id AND d.due_at < 'infinity';
  IF state IS NULL THEN
    INSERT INTO sluice.webhook_deliveries (id, message_no, message_at, endpoint_id, lane, due_at)
    SELECT a.delivery_id, a.message_no, a.message_at, a.endpoint_id, 2, clock_timestamp()
      FROM sluice.webhook_attempts a WHERE a.delivery_id = retry_delivery.delivery_id LIMIT 1;
  END IF;
  PERFORM sluice_private.ring('deliveries');
END $$;
COMMENT ON FUNCTION sluice.retry_delivery(bigint) IS 'sends a delivery now: one that waits for its next attempt, or one that ended, with the same webhook-id';
SELECT sluice_private.publish_api('sluice.retry_delivery(bigint)');

-- It ends as dead, like one that is out of attempts; what waited for it in its order is due now.
CREATE OR REPLACE FUNCTION sluice.discard_delivery(delivery_id bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  d sluice.webhook_deliveries;
BEGIN
  PERFORM sluice_private.audit('discard_delivery', format('delivery %s', discard_delivery.delivery_id));
  SELECT w.* INTO d FROM sluice.webhook_deliveries w WHERE w.id = discard_delivery.delivery_id;
  IF FOUND THEN
    PERFORM sluice_private.lock_endpoint(d.endpoint_id);
    DELETE FROM sluice.webhook_deliveries w WHERE w.id = discard_delivery.delivery_id RETURNING w.* INTO d;
  END IF;
  IF d.id IS NULL THEN
    PERFORM sluice_private.fail('SL005', format('delivery %s is not waiting', coalesce(discard_delivery.delivery_id::text, 'null')), NULL,
      'only a pending or held delivery can be discarded; see sluice.delivery_overview');
  END IF;
  INSERT INTO sluice.webhook_attempts (delivery_id, message_no, message_at, started_at, endpoint_id, duration_ms, attempt, outcome, error_class)
  VALUES (d.id, d.message_no, d.message_at, clock_timestamp(), d.endpoint_id, 0, d.attempt, 'dead', 'discarded');
  IF d.order_key IS NOT NULL THEN
    UPDATE sluice.webhook_deliveries f SET due_at = clock_timestamp()
     WHERE f.due_at = 'infinity' AND f.status = 'pending'
       AND f.id = (SELECT w.id FROM sluice.webhook_deliveries w
                    WHERE w.endpoint_id = d.endpoint_id AND w.order_key = d.order_key AND w.id > d.id AND w.status = 'pending'
                    ORDER BY w.endpoint_id, w.order_key, w.id LIMIT 1);
    PERFORM sluice_private.ring('deliveries');
  END IF;
END $$;
COMMENT ON FUNCTION sluice.discard_delivery(bigint) IS 'gives up a pending or held delivery: it is dead, and can be replayed. Error: SL005';
SELECT sluice_private.publish_api('sluice.discard_delivery(bigint)');

CREATE OR REPLACE FUNCTION sluice.test_endpoint(endpoint_id uuid) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  e sluice.webhook_endpoints;
  now timestamptz := clock_timestamp();
  number bigint := nextval('sluice.flow_events_id'::regclass);
  body text;
  delivery bigint;
BEGIN
  PERFORM sluice_private.audit('test_endpoint', format('endpoint %s', endpoint_id));
  e := sluice_private.lock_endpoint(endpoint_id);
  IF NOT e.enabled THEN
    PERFORM sluice_private.fail('SL005', format('endpoint %s is disabled', e.id), e.disabled_reason, 'enable it first: sluice.enable_endpoint');
  END IF;
  body := sluice_private.event_body('ping', sluice_private.json_time(now), NULL, NULL, NULL, ',"data":' || jsonb_build_object('endpoint_id', e.id)::text);
  IF e.payload_version = 1 THEN
    body := sluice_private.body_version_1(body, now);
  END IF;
  INSERT INTO sluice.webhook_messages (no, created_at, event_id, id, event_type, body)
  VALUES (number * 4 + e.payload_version, now, number, sluice_private.message_id(number * 4 + e.payload_version, now), 'ping', body);
  INSERT INTO sluice.webhook_deliveries (message_no, message_at, created_at, endpoint_id, due_at)
  VALUES (number * 4 + e.payload_version, now, now, e.id, now) RETURNING id INTO delivery;
  PERFORM sluice_private.ring('deliveries');
  RETURN delivery;
END $$;
COMMENT ON FUNCTION sluice.test_endpoint(uuid) IS 'sends a signed ping to an endpoint; returns its delivery';
SELECT sluice_private.publish_api('sluice.test_endpoint(uuid)');
