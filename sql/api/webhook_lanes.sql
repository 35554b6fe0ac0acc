-- Lanes: which notifier sends to which endpoint, and claiming what is due.
--
-- A lane (an endpoint's deliveries) belongs to one notifier process at a time; its token fences every write. So in-flight cap, rate,
-- order and breaker are plain variables of the owner and hold across processes, and claiming a delivery writes nothing: counters in rows
-- would be versions piling up under an open transaction. A lane whose owner was not heard of for 4 s is taken by another.
--
-- Notifier:
--   1. register_process('notifier', …) and heartbeat every second. If heartbeat says false: forget all lanes, register anew.
--   2. acquire_lanes at the start, every second, and at payload "lanes" on sluice_wake. It returns all lanes that are ours with their token,
--      pause and breaker. A lane that is not in the answer any more is lost: drop what is in flight for it.
--      fair_share tells how many lanes each notifier should have; release_lanes gives surplus ones without anything in flight away.
--   3. claim_deliveries for lane 0 (first attempts) whenever there are free slots, for lanes 1 (retries) and 2 (replays) every 50 ms or when
--      lane 0 gave nothing; a limit below the free slots for 1 and 2 keeps a share for first attempts. Per endpoint pass what differs from the default:
--      room = how many it wants (0 = nothing), floor = due_at and id of the last row claimed from that endpoint and lane, so that the dead rows
--      before it are not read again. Pass a floor 30 s lower once a second and none once a minute: a fan-out that commits late is found so.
--      busy = ids of all deliveries in flight (and of those whose outcome is not committed yet). after = endpoint of the last row of
--      the last claim: the next claim begins behind it, round robin.
--      A row without message_id lost its message to retention: end it as dead, error class message_gone.
--   4. commit_attempts (webhook_outcomes.sql) for a batch of outcomes.

CREATE OR REPLACE FUNCTION sluice_private.acquire_lanes(p_process bigint)
RETURNS TABLE (endpoint_id uuid, token bigint, paused_ms bigint, breaker text, enabled boolean, fair_share int)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  alive bigint[];
  share int;
  missing int;
BEGIN
  SELECT array_agg(p.id) INTO alive FROM sluice_private.processes p
   WHERE p.kind = 'notifier' AND p.heartbeat_at > clock_timestamp() - interval '4 seconds';
  IF p_process = ANY (alive) THEN
    SELECT ceil(count(*)::numeric / cardinality(alive)), ceil(count(*)::numeric / cardinality(alive)) - count(*) FILTER (WHERE l.owner = p_process)
      INTO share, missing FROM sluice_private.lanes l;
    IF missing > 0 THEN
      UPDATE sluice_private.lanes l SET owner = p_process, token = nextval('sluice_private.lane_tokens')
       WHERE l.endpoint_id IN (SELECT f.endpoint_id FROM sluice_private.lanes f
                                WHERE f.owner IS NULL OR NOT f.owner = ANY (alive)
                                ORDER BY f.endpoint_id LIMIT missing FOR NO KEY UPDATE SKIP LOCKED);
    END IF;
    RETURN QUERY
      SELECT l.endpoint_id, l.token, greatest(extract(epoch FROM l.paused_until - clock_timestamp()) * 1000, 0)::bigint, l.breaker::text, e.enabled, share
        FROM sluice_private.lanes l JOIN sluice.webhook_endpoints e ON e.id = l.endpoint_id
       WHERE l.owner = p_process ORDER BY l.endpoint_id;
  END IF;
END $$;
COMMENT ON FUNCTION sluice_private.acquire_lanes(bigint) IS
  'takes free lanes up to a fair share and returns all lanes of the process; none if it is not heard of any more. paused_ms: rest of a pause';
SELECT sluice_private.hide('sluice_private.acquire_lanes(bigint)');

CREATE OR REPLACE FUNCTION sluice_private.release_lanes(p_process bigint, p_endpoints uuid[] DEFAULT NULL) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  released int;
BEGIN
  UPDATE sluice_private.lanes l SET owner = NULL, token = nextval('sluice_private.lane_tokens')
   WHERE l.endpoint_id IN (SELECT f.endpoint_id FROM sluice_private.lanes f
                            WHERE f.owner = p_process AND (p_endpoints IS NULL OR f.endpoint_id = ANY (p_endpoints))
                            ORDER BY f.endpoint_id FOR NO KEY UPDATE);
  GET DIAGNOSTICS released = ROW_COUNT;
  IF released > 0 THEN
    PERFORM pg_notify('sluice_wake', 'lanes');
  END IF;
  RETURN released;
END $$;
COMMENT ON FUNCTION sluice_private.release_lanes(bigint, uuid[]) IS 'gives lanes back (null = all, at shutdown) and tells the other notifiers';
SELECT sluice_private.hide('sluice_private.release_lanes(bigint, uuid[])');

CREATE OR REPLACE FUNCTION sluice_private.claim_deliveries(
  p_process bigint, p_lane int, p_limit int, p_after uuid, p_endpoints uuid[], p_rooms int[], p_floors timestamptz[], p_floor_ids bigint[], p_busy bigint[])
RETURNS TABLE (
  delivery_id bigint, endpoint_id uuid, lane_token bigint, attempt int, due_at timestamptz, created_at timestamptz, age_ms bigint,
  message_id text, correlation_id text, body text, url text, headers text, timeout_seconds int, secrets text, client_certificate text,
  retry_schedule text, max_age_ms bigint, rate_limit float8, max_in_flight int)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET jit = off SET enable_seqscan = off SET enable_bitmapscan = off SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
  now timestamptz := clock_timestamp();
  -- An object, because joining the arrays would compare every lane with every element.
  told jsonb := coalesce((SELECT jsonb_object_agg(g.endpoint, jsonb_build_array(g.room, g.floor, g.floor_id))
                             FROM unnest(p_endpoints, p_rooms, p_floors, p_floor_ids) AS g (endpoint, room, floor, floor_id)), '{}');
BEGIN
  RETURN QUERY
  WITH open AS MATERIALIZED (
    SELECT l.endpoint_id, l.token, g.room, g.floor, g.floor_id
      FROM sluice_private.lanes l
      JOIN sluice.webhook_endpoints e ON e.id = l.endpoint_id
     CROSS JOIN LATERAL (SELECT told -> l.endpoint_id::text) AS t (it)
     CROSS JOIN LATERAL (SELECT coalesce((t.it ->> 0)::int, e.max_in_flight), coalesce((t.it ->> 1)::timestamptz, '-infinity'),
                                coalesce((t.it ->> 2)::bigint, 0)) AS g (room, floor, floor_id)
     WHERE l.owner = p_process AND e.enabled AND (l.paused_until IS NULL OR l.paused_until <= now) AND g.room > 0
  ), due AS MATERIALIZED (
    SELECT l.*, coalesce(l.endpoint_id <= p_after, false) AS next_round, d.id AS first_id
      FROM open l
     CROSS JOIN LATERAL (
       SELECT w.id FROM sluice.webhook_deliveries w
        WHERE w.endpoint_id = l.endpoint_id AND w.lane = p_lane AND (w.due_at, w.id) > (l.floor, l.floor_id) AND w.due_at <= now
          AND w.id NOT IN (SELECT unnest(p_busy))
        ORDER BY w.due_at, w.id LIMIT 1) AS d
     ORDER BY next_round, l.endpoint_id
     LIMIT p_limit
  ), asked AS MATERIALIZED (
    -- Once for each endpoint, and not for each of its rows: only the first row, first_id, tells of the endpoint.
    SELECT u.*, least(u.room, greatest(p_limit / (SELECT count(*) FROM due), 1)) AS rows, e.url, e.headers, e.timeout_seconds, e.client_certificate,
           e.retry_schedule, e.max_age, e.rate_limit, e.max_in_flight,
           (SELECT jsonb_agg(jsonb_build_object('kind', k.kind, 'secret', k.secret, 'key_id', k.key_id, 'ciphertext', encode(k.ciphertext, 'hex'))
                             ORDER BY k.id DESC)
              FROM (SELECT * FROM sluice.webhook_secrets w
                     WHERE w.endpoint_id = u.endpoint_id AND (w.valid_until IS NULL OR w.valid_until > now) ORDER BY w.id DESC LIMIT 10) AS k) AS secrets
      FROM due u JOIN sluice.webhook_endpoints e ON e.id = u.endpoint_id
  )
  SELECT d.id, a.endpoint_id, a.token, d.attempt::int, d.due_at, d.created_at, (date_part('epoch', now - d.created_at) * 1000)::bigint,
         m.id, m.correlation_id, m.body,
         CASE WHEN d.id = a.first_id THEN a.url END, CASE WHEN d.id = a.first_id THEN a.headers::text END,
         CASE WHEN d.id = a.first_id THEN a.timeout_seconds::int END, CASE WHEN d.id = a.first_id THEN a.secrets::text END,
         CASE WHEN d.id = a.first_id THEN a.client_certificate END, CASE WHEN d.id = a.first_id THEN a.retry_schedule::text END,
         CASE WHEN d.id = a.first_id THEN (date_part('epoch', a.max_age) * 1000)::bigint END,
         CASE WHEN d.id = a.first_id THEN a.rate_limit END, CASE WHEN d.id = a.first_id THEN a.max_in_flight END
    FROM asked a
   CROSS JOIN LATERAL (
     SELECT w.* FROM sluice.webhook_deliveries w
      WHERE w.endpoint_id = a.endpoint_id AND w.lane = p_lane AND (w.due_at, w.id) > (a.floor, a.floor_id) AND w.due_at <= now
        AND w.id NOT IN (SELECT unnest(p_busy))
      ORDER BY w.due_at, w.id LIMIT a.rows) AS d
    LEFT JOIN LATERAL (SELECT w.id, w.correlation_id, w.body FROM sluice.webhook_messages w
                        WHERE w.no = d.message_no AND w.created_at = d.message_at OFFSET 0) AS m ON true  -- docs/decisions/0048
   ORDER BY a.next_round, a.endpoint_id, d.due_at, d.id;
END $$;
COMMENT ON FUNCTION sluice_private.claim_deliveries(bigint, int, int, uuid, uuid[], int[], timestamptz[], bigint[], bigint[]) IS
  'what is due in the lanes of a process, with everything that a request needs; the rules are at the top of webhook_lanes.sql';
SELECT sluice_private.hide('sluice_private.claim_deliveries(bigint, int, int, uuid, uuid[], int[], timestamptz[], bigint[], bigint[])');
