-- Handler webhooks: turns a batch of events into messages and deliveries and moves the cursor, in one transaction: exactly once.

CREATE OR REPLACE FUNCTION sluice_private.first_delay(p_schedule jsonb) RETURNS interval
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce((p_schedule ->> 0)::float8, 0) * interval '1 second';
COMMENT ON FUNCTION sluice_private.first_delay(jsonb) IS 'delay of the first attempt: the first entry of a list, none for the exponential form';
SELECT sluice_private.hide('sluice_private.first_delay(jsonb)');

-- The same when the same event is fanned out again, because a crash undid what was not flushed, and another when its number comes again: after
-- such a crash, or in a database that was restored.
CREATE OR REPLACE FUNCTION sluice_private.message_id(p_no bigint, p_event_at timestamptz) RETURNS text
LANGUAGE sql STABLE
RETURN 'msg_' || lpad(to_hex(p_no), 14, '0') || left(md5(extract(epoch FROM p_event_at)::text), 12);
COMMENT ON FUNCTION sluice_private.message_id(bigint, timestamptz) IS 'a webhook-id: the message''s number in 14 hexadecimal digits, then 12 that its event''s time decides';
SELECT sluice_private.hide('sluice_private.message_id(bigint, timestamptz)');

CREATE OR REPLACE FUNCTION sluice_private.fan_out(p_events sluice.flow_events[]) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off SET enable_seqscan = off AS $$
DECLARE
  now timestamptz := clock_timestamp();
  produced int := 0;
BEGIN
  IF EXISTS (SELECT FROM sluice.webhook_endpoints) THEN
    -- Whether a delivery must wait for an earlier one is decided here, and the waiting is ended in commit_attempts; the lane's lock keeps the
    -- two apart. The next statement's snapshot is younger than the lock.
    PERFORM FROM sluice_private.lanes l JOIN sluice.webhook_endpoints p ON p.id = l.endpoint_id
      WHERE p.ordering <> 'none'
        AND p.events && ARRAY(SELECT DISTINCT n.name
                                FROM (SELECT DISTINCT e.event_type, e.alias FROM unnest(p_events) AS e) AS k
                               CROSS JOIN LATERAL unnest(sluice_private.event_names(k.event_type, k.alias)) AS n (name))
      ORDER BY l.endpoint_id FOR NO KEY UPDATE OF l;

    WITH batch AS MATERIALIZED (
      SELECT e.* FROM unnest(p_events) AS e
    ), wanted AS MATERIALIZED (
      SELECT k.event_type, k.alias, p.id AS endpoint_id, p.flow_id, p.filter, p.since, p.enabled, p.ordering, p.payload_version,
             sluice_private.first_delay(p.retry_schedule) AS delay
        FROM (SELECT t.event_type, t.alias, sluice_private.event_names(t.event_type, t.alias) AS names
                FROM batch t GROUP BY t.event_type, t.alias) AS k
        JOIN sluice.webhook_endpoints p ON p.events && k.names
    ), pairs AS MATERIALIZED (
      SELECT e.id, e.id * 4 + w.payload_version AS message_no, w.payload_version, w.endpoint_id, w.enabled, w.delay,
             CASE w.ordering WHEN 'session' THEN e.session_id WHEN 'endpoint' THEN w.endpoint_id END AS order_key
        FROM batch e JOIN wanted w ON w.event_type = e.event_type AND w.alias IS NOT DISTINCT FROM e.alias
       WHERE (w.flow_id IS NULL OR w.flow_id = e.flow_id)
         AND NOT pg_visible_in_snapshot(e.xid, w.since)
         AND (w.filter IS NULL OR coalesce(jsonb_path_match(e.body::jsonb, w.filter, '{}', true), false))
    ), messages AS (
      INSERT INTO sluice.webhook_messages (no, created_at, event_id, session_id, id, event_type, correlation_id, body)
      SELECT m.message_no, now, e.id, e.session_id, sluice_private.message_id(m.message_no, e.created_at), e.event_type, e.correlation_id,
             CASE m.payload_version WHEN 1 THEN sluice_private.body_version_1(e.body, e.created_at) ELSE e.body END
        FROM (SELECT DISTINCT id, message_no, payload_version FROM pairs) AS m JOIN batch e ON e.id = m.id
       ORDER BY m.message_no
    )
    INSERT INTO sluice.webhook_deliveries (message_no, message_at, created_at, endpoint_id, order_key, status, due_at)
    SELECT p.message_no, now, now, p.endpoint_id, p.order_key, CASE WHEN p.enabled THEN 'pending' ELSE 'held' END,
           CASE WHEN NOT p.enabled THEN 'infinity'
                WHEN p.order_key IS NULL THEN now + p.delay
                WHEN row_number() OVER (PARTITION BY p.endpoint_id, p.order_key ORDER BY p.id) > 1 THEN 'infinity'
                WHEN EXISTS (SELECT FROM sluice.webhook_deliveries d
                              WHERE d.endpoint_id = p.endpoint_id AND d.order_key = p.order_key AND d.status = 'pending'
                              ORDER BY d.id DESC LIMIT 1) THEN 'infinity'
                ELSE now + p.delay END
      FROM pairs p
     ORDER BY p.id, p.endpoint_id;
    GET DIAGNOSTICS produced = ROW_COUNT;
    IF produced > 0 THEN
      PERFORM sluice_private.ring('deliveries');
    END IF;
  END IF;
  RETURN produced;
END $$;
COMMENT ON FUNCTION sluice_private.fan_out(sluice.flow_events[]) IS 'messages and deliveries of some events of the log; returns how many deliveries';
SELECT sluice_private.hide('sluice_private.fan_out(sluice.flow_events[])');

CREATE OR REPLACE FUNCTION sluice_private.run_webhooks(p_consumer bigint, p_limit int) RETURNS sluice_private.handled
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  b record;
  produced int := 0;
BEGIN
  b := sluice_private.next_events(p_consumer, p_limit);
  IF b.parks THEN
    b.events := sluice_private.park_followers(p_consumer, b.events);
  END IF;
  IF b.events IS NOT NULL THEN
    produced := sluice_private.fan_out(b.events);
  END IF;
  -- Nobody waits for the disk: see docs/decisions/0044.
  PERFORM set_config('synchronous_commit', 'off', true);
  RETURN sluice_private.finish_batch(p_consumer, b, produced);
END $$;
COMMENT ON FUNCTION sluice_private.run_webhooks(bigint, int) IS 'handler webhooks: one delivery for each event and matching endpoint; for a disabled endpoint it is held';
SELECT sluice_private.hide('sluice_private.run_webhooks(bigint, int)');
