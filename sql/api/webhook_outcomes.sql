-- Outcomes of attempts: one round trip for a batch, fenced by lane tokens.

-- Stores what is not sent while an endpoint is disabled, and tells. The endpoint's lane must be locked.
CREATE OR REPLACE FUNCTION sluice_private.disable_endpoint(p_endpoint uuid, p_reason text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  address text;
BEGIN
  UPDATE sluice.webhook_endpoints e SET enabled = false, disabled_at = clock_timestamp(), disabled_reason = p_reason, updated_at = clock_timestamp()
   WHERE e.id = p_endpoint AND e.enabled RETURNING e.url INTO address;
  IF FOUND THEN
    UPDATE sluice.webhook_deliveries d SET status = 'held', due_at = 'infinity' WHERE d.endpoint_id = p_endpoint AND d.status = 'pending';
    PERFORM sluice.emit('endpoint_disabled', p_endpoint::text,
                        jsonb_build_object('endpoint_id', p_endpoint, 'url', address, 'reason', p_reason));
    PERFORM pg_notify('sluice_wake', 'lanes');
  END IF;
END $$;
COMMENT ON FUNCTION sluice_private.disable_endpoint(uuid, text) IS 'disables an endpoint once, holds its deliveries and emits endpoint_disabled';
SELECT sluice_private.hide('sluice_private.disable_endpoint(uuid, text)');

-- Per delivery, arrays of one length:
--   tokens      lane token of the claim; with another one the outcome is lost and nothing is written
--   outcomes    delivered | retry (due again after delay; attempt + 1) | dead | deferred (our own fault: due after delay, no attempt counted or logged)
--   delays_ms   for retry and deferred
--   created_at  of the delivery as it was claimed: a crash of the server can undo the fan-out (docs/decisions/0044), and then its number is given
--               to another; the outcome is lost. Null: not asked (a notifier of before)
--   attempts    number of this attempt, from 1; started_at, durations_ms, statuses (null = no response), error_classes, addresses, responses
-- Per lane, arrays of one length, only for lanes with something to say; null = leave as it is:
--   pauses_ms   pause the whole lane for so long (0 ends a pause); breakers: state for a successor; disable: reason, such as 'gone'
-- Returns for each delivery in order: true = written, false = lost (drop it; its lane or the delivery itself belongs to somebody else now).
CREATE OR REPLACE FUNCTION sluice_private.commit_attempts(
  p_process bigint,
  p_deliveries bigint[], p_endpoints uuid[], p_tokens bigint[], p_outcomes text[], p_delays_ms bigint[], p_attempts int[],
  p_started_at timestamptz[], p_durations_ms int[], p_statuses int[], p_error_classes text[], p_addresses text[], p_responses bytea[],
  p_lanes uuid[], p_pauses_ms bigint[], p_breakers jsonb[], p_disable text[], p_created_at timestamptz[] DEFAULT NULL)
RETURNS boolean[]
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET jit = off SET enable_seqscan = off SET enable_mergejoin = off SET enable_hashjoin = off
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  now timestamptz := clock_timestamp();
  ours uuid[];
  our_tokens bigint[]; -- a token names its lane: it comes from a sequence
  some_failing boolean;
  ended_ids bigint[];
  ended_places int[];  -- of those ids
  kept_places int[];
  written bigint[];
  freed_endpoints uuid[];
  freed_keys uuid[];
  freed_ids bigint[];
  failed uuid[];
  lane record;
BEGIN
  -- In order of endpoints, like every other locker of lanes. SHARE keeps the token from changing until we commit.
  SELECT array_agg(k.endpoint_id), array_agg(k.token), coalesce(bool_or(k.failing_since IS NOT NULL), false) INTO ours, our_tokens, some_failing FROM (
    SELECT l.endpoint_id, l.token, l.failing_since FROM sluice_private.lanes l
     WHERE l.endpoint_id = ANY (p_endpoints) AND l.owner = p_process AND l.token = ANY (p_tokens)
     ORDER BY l.endpoint_id FOR SHARE) AS k;

  -- What is said of a delivery is taken from the arrays at its place. That of an ended one is found among their sorted ids, by halving: a join would
  -- copy all that is said from one node of the plan to the next. Arrays of one: docs/decisions/0048.
  SELECT array_agg(g.id ORDER BY g.id) FILTER (WHERE g.ends), array_agg(g.place ORDER BY g.id) FILTER (WHERE g.ends), array_agg(g.place) FILTER (WHERE NOT g.ends)
    INTO ended_ids, ended_places, kept_places
    FROM (SELECT w.id, w.place, w.outcome IN ('delivered', 'dead') AS ends
            FROM unnest(p_deliveries, p_tokens, p_outcomes) WITH ORDINALITY AS w (id, token, outcome, place) WHERE w.token = ANY (our_tokens)) AS g;
  WITH ended AS (
    DELETE FROM sluice.webhook_deliveries d
     WHERE d.id = ANY (ended_ids) AND d.endpoint_id = p_endpoints[ended_places[width_bucket(d.id, ended_ids)]]
       AND d.created_at = coalesce(p_created_at[ended_places[width_bucket(d.id, ended_ids)]], d.created_at)
    RETURNING d.id, d.endpoint_id, d.message_no, d.message_at, d.order_key, ended_places[width_bucket(d.id, ended_ids)] AS place
  ), kept AS (
    UPDATE sluice.webhook_deliveries d
       SET due_at = CASE d.status WHEN 'held' THEN 'infinity' ELSE now + p_delays_ms[g.place] * interval '1 ms' END,
           attempt = CASE p_outcomes[g.place] WHEN 'retry' THEN p_attempts[g.place] ELSE d.attempt END,
           lane = CASE WHEN d.lane = 0 AND p_outcomes[g.place] = 'retry' THEN 1 ELSE d.lane END
      FROM unnest(kept_places) AS g (place)
     WHERE d.id = ANY (ARRAY[p_deliveries[g.place]]) AND d.endpoint_id IS NOT DISTINCT FROM p_endpoints[g.place]
       AND d.created_at = coalesce(p_created_at[g.place], d.created_at)
    RETURNING d.id, d.endpoint_id, d.message_no, d.message_at, NULL::uuid, g.place
  ), done AS (
    SELECT * FROM ended UNION ALL SELECT * FROM kept
  ), logged AS (
    INSERT INTO sluice.webhook_attempts (created_at, delivery_id, message_no, message_at, started_at, endpoint_id, duration_ms, attempt, status, outcome, address, error_class, response)
    SELECT now, d.id, d.message_no, d.message_at, p_started_at[d.place], d.endpoint_id, p_durations_ms[d.place], p_attempts[d.place], p_statuses[d.place],
           p_outcomes[d.place], p_addresses[d.place], p_error_classes[d.place], p_responses[d.place]
      FROM done d
     WHERE p_outcomes[d.place] <> 'deferred'
  )
  SELECT array_agg(d.id), array_agg(DISTINCT d.endpoint_id) FILTER (WHERE p_outcomes[d.place] IN ('retry', 'dead')),
         array_agg(d.endpoint_id) FILTER (WHERE d.order_key IS NOT NULL), array_agg(d.order_key) FILTER (WHERE d.order_key IS NOT NULL),
         array_agg(d.id) FILTER (WHERE d.order_key IS NOT NULL)
    INTO written, failed, freed_endpoints, freed_keys, freed_ids
    FROM done d;

  -- Whoever waited for a delivery that ended is due now. What the fan-out stored before it could see the end is visible to this statement,
  -- because both hold the lane's lock.
  IF freed_ids IS NOT NULL THEN
    UPDATE sluice.webhook_deliveries d SET due_at = now
     WHERE d.due_at = 'infinity' AND d.status = 'pending'
       AND d.id = ANY (ARRAY(
             SELECT (SELECT w.id FROM sluice.webhook_deliveries w
                      WHERE w.endpoint_id = f.endpoint AND w.order_key = f.key AND w.id > f.id AND w.status = 'pending'
                      ORDER BY w.endpoint_id, w.order_key, w.id LIMIT 1)
               FROM unnest(freed_endpoints, freed_keys, freed_ids) AS f (endpoint, key, id)));
  END IF;

  IF failed IS NOT NULL THEN
    UPDATE sluice_private.lanes l SET failing_since = now WHERE l.endpoint_id = ANY (failed) AND l.failing_since IS NULL;
  END IF;
  IF some_failing OR failed IS NOT NULL THEN
    UPDATE sluice_private.lanes l SET failing_since = NULL
     WHERE l.failing_since IS NOT NULL
       AND l.endpoint_id IN (SELECT g.endpoint FROM unnest(p_deliveries, p_endpoints, p_outcomes) AS g (id, endpoint, outcome)
                              WHERE g.outcome = 'delivered' AND g.id = ANY (written));
  END IF;
  FOR lane IN SELECT * FROM unnest(p_lanes, p_pauses_ms, p_breakers, p_disable) AS g (endpoint, pause, breaker, reason)
               WHERE g.endpoint = ANY (ours) ORDER BY g.endpoint LOOP
    UPDATE sluice_private.lanes l
       SET paused_until = CASE WHEN lane.pause IS NULL THEN l.paused_until WHEN lane.pause = 0 THEN NULL ELSE now + lane.pause * interval '1 ms' END,
           breaker = coalesce(lane.breaker, l.breaker)
     WHERE l.endpoint_id = lane.endpoint AND (lane.pause IS NOT NULL OR lane.breaker IS NOT NULL);
    IF lane.reason IS NOT NULL THEN
      PERFORM sluice_private.disable_endpoint(lane.endpoint, lane.reason);
    END IF;
  END LOOP;
  IF failed IS NOT NULL THEN
    PERFORM sluice_private.disable_endpoint(l.endpoint_id, 'no success for five days')
       FROM sluice_private.lanes l WHERE l.endpoint_id = ANY (failed) AND l.failing_since < now - interval '5 days';
  END IF;
  IF cardinality(written) = cardinality(p_deliveries) THEN
    RETURN array_fill(true, ARRAY[cardinality(written)]);
  END IF;
  RETURN ARRAY(SELECT coalesce(g.id = ANY (written), false) FROM unnest(p_deliveries) WITH ORDINALITY AS g (id, place) ORDER BY g.place);
END $$;
COMMENT ON FUNCTION sluice_private.commit_attempts(bigint, bigint[], uuid[], bigint[], text[], bigint[], int[], timestamptz[], int[], int[], text[],
  text[], bytea[], uuid[], bigint[], jsonb[], text[], timestamptz[]) IS 'writes the outcomes of a batch of attempts, and pauses, breaker states and disablings of lanes';
SELECT sluice_private.hide('sluice_private.commit_attempts(bigint, bigint[], uuid[], bigint[], text[], bigint[], int[], timestamptz[], int[], int[], text[], text[], bytea[], uuid[], bigint[], jsonb[], text[], timestamptz[])');
