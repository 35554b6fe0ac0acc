-- Deliveries that outlived their message: held ones of an endpoint that nobody enabled again, mostly.

-- The oldest deliveries have the smallest ids, so looking at the first thousand is enough; replays keep their ids.
CREATE OR REPLACE FUNCTION sluice_private.expire_deliveries() RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off SET enable_seqscan = off AS $$
DECLARE
  kept_for interval := (SELECT l.retention FROM sluice_private.partitioned_logs l WHERE l.log = 'sluice.webhook_messages');
  expired int;
BEGIN
  WITH old AS MATERIALIZED (
    SELECT w.* FROM (SELECT d.id, d.message_at FROM sluice.webhook_deliveries d ORDER BY d.id LIMIT 1000) AS w
     WHERE w.message_at < clock_timestamp() - kept_for
  ), gone AS (
    DELETE FROM sluice.webhook_deliveries d USING old o WHERE d.id = o.id AND d.status = 'held' RETURNING d.*
  )
  INSERT INTO sluice.webhook_attempts (delivery_id, message_no, message_at, started_at, endpoint_id, duration_ms, attempt, outcome, error_class)
  SELECT g.id, g.message_no, g.message_at, clock_timestamp(), g.endpoint_id, 0, g.attempt, 'dead', 'message_gone' FROM gone g;
  GET DIAGNOSTICS expired = ROW_COUNT;
  RETURN expired;
END $$;
COMMENT ON FUNCTION sluice_private.expire_deliveries() IS
  'ends held deliveries whose message is past its retention, up to 1,000 a call; returns how many. Hourly, until it returns 0';
SELECT sluice_private.hide('sluice_private.expire_deliveries()');
