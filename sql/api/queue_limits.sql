-- Limits of queues, and claiming from queues that have some.
--
-- Who claims from a limited queue holds that queue's advisory lock until its transaction ends, so decisions on one queue follow one another
-- and each sees all before it; who does not get the lock at once passes the queue over. What runs is what limited_runs says
-- as far as tasks and processes bear it out: nobody has to give a place back, neither the end of a task nor the death of a worker.

CREATE OR REPLACE FUNCTION sluice_private.limits_lock(queue text) RETURNS bigint
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT hashtextextended('sluice queue ' || queue, 1398099269)
$$;
COMMENT ON FUNCTION sluice_private.limits_lock(text) IS 'the advisory lock of a limited queue';

CREATE OR REPLACE FUNCTION sluice.limit_queue(queue text, max_running int DEFAULT NULL, max_per_key int DEFAULT NULL, key_path text[] DEFAULT '{key}',
                                              rate int DEFAULT NULL, rate_period interval DEFAULT '1 minute') RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
BEGIN
  PERFORM sluice_private.ensure_queue(queue);
  IF queue IN ('default', 'cron') THEN
    PERFORM sluice_private.fail('SL005', format('queue %s cannot be limited', queue), 'sessions and schedules run in it',
                                'put the work that is to be limited into a queue of its own');
  END IF;
  IF max_running NOT BETWEEN 1 AND 10000 OR max_per_key NOT BETWEEN 1 AND 10000 OR rate NOT BETWEEN 1 AND 10000 THEN
    PERFORM sluice_private.fail('SL005', 'a limit is outside 1 to 10000', NULL, 'null is no limit; sluice.pause_queue stops a queue');
  END IF;
  IF max_per_key IS NOT NULL AND coalesce(cardinality(key_path), 0) = 0 THEN
    PERFORM sluice_private.fail('SL005', 'key_path is empty', NULL, 'say where the key stands in the payload, for example {argument,customer}');
  END IF;
  IF rate IS NOT NULL AND (rate_period IS NULL OR rate_period NOT BETWEEN interval '1 millisecond' AND interval '31 days') THEN
    PERFORM sluice_private.fail('SL005', format('rate_period %s is not between 1 ms and 31 days', coalesce(rate_period::text, 'null')));
  END IF;
  PERFORM pg_advisory_xact_lock(sluice_private.limits_lock(queue));
  UPDATE sluice_private.queues q
     SET max_running = max_running, max_per_key = max_per_key, key_path = CASE WHEN max_per_key IS NOT NULL THEN key_path END,
         rate = rate, rate_period = CASE WHEN rate IS NOT NULL THEN rate_period END
   WHERE q.name = queue;
  PERFORM sluice_private.unpark(queue);
  PERFORM sluice_private.ring_tasks();
END
$$;
COMMENT ON FUNCTION sluice.limit_queue(text, int, int, text[], int, interval) IS
  'limits what workers take from a queue from now on: tasks that run at once in all processes, tasks of one key (the text at key_path of the payload) '
  'that do, and tasks that start within a sliding period. Without limits it takes them all away. Error: SL005';

CREATE OR REPLACE FUNCTION sluice_private.unpark(queue text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
  UPDATE sluice_private.tasks t SET order_key = t.parked_key, parked_key = NULL, limit_key = NULL
   WHERE t.queue = unpark.queue AND t.parked_key IS NOT NULL
$$;
COMMENT ON FUNCTION sluice_private.unpark(text) IS 'all parked tasks of a queue stand in line again';

-- The caller has the queue's lock. Arrays of one: docs/decisions/0048.
CREATE OR REPLACE FUNCTION sluice_private.claim_from_limited(q sluice_private.queues, process_id bigint, most int, OUT ids bigint[], OUT look_again timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_bitmapscan = off SET jit = off AS $$
DECLARE
  began timestamptz := clock_timestamp();
  live bigint[] := ARRAY(SELECT p.id FROM sluice_private.processes p WHERE p.heartbeat_at > began - interval '4 seconds') || process_id;
  freed text[];
  room int := most;
  started int := 0;
  taken bigint[];
  parked int;
BEGIN
  ids := '{}';
  WITH ended AS (
    DELETE FROM sluice_private.limited_runs r
     WHERE r.queue = q.name
       AND NOT EXISTS (SELECT FROM sluice_private.tasks t WHERE t.id = ANY (ARRAY[r.task_id]) AND t.claim_token = r.token AND t.claimed_by = ANY (live))
    RETURNING r.limit_key
  )
  SELECT array_agg(e.limit_key) INTO freed FROM ended e WHERE e.limit_key IS NOT NULL;
  IF freed IS NOT NULL THEN
    UPDATE sluice_private.tasks t SET order_key = t.parked_key, parked_key = NULL, limit_key = NULL
     WHERE t.id = ANY (ARRAY(
       SELECT p.id FROM (SELECT k, count(*) AS places FROM unnest(freed) AS k GROUP BY k) AS f
        CROSS JOIN LATERAL (SELECT w.id FROM sluice_private.tasks w
                             WHERE w.queue = q.name AND w.limit_key = f.k AND w.parked_key IS NOT NULL
                             ORDER BY w.parked_key, w.id LIMIT f.places) AS p));
  END IF;

  IF q.max_running IS NOT NULL THEN
    room := least(room, q.max_running - (SELECT count(*)::int FROM sluice_private.limited_runs r WHERE r.queue = q.name));
  END IF;
  IF q.rate IS NOT NULL THEN
    DELETE FROM sluice_private.limited_starts s WHERE s.queue = q.name AND s.started_at <= began - q.rate_period;
    started := (SELECT count(*) FROM sluice_private.limited_starts s WHERE s.queue = q.name);
    room := least(room, q.rate - started);
  END IF;

  WHILE room > 0 LOOP
    WITH due AS MATERIALIZED (
      SELECT t.id, t.order_key, t.payload FROM sluice_private.tasks t
       WHERE t.queue = q.name AND t.priority = 0 AND t.order_key <= began AND (t.claimed_by IS NULL OR NOT t.claimed_by = ANY (live))
       ORDER BY t.order_key, t.id LIMIT room + 32 FOR UPDATE SKIP LOCKED
    ), due_by_priority AS MATERIALIZED (
      SELECT t.id, t.order_key, t.payload FROM sluice_private.tasks t
       WHERE t.queue = q.name AND t.priority <> 0 AND t.order_key < 'infinity' AND t.run_at <= began AND (t.claimed_by IS NULL OR NOT t.claimed_by = ANY (live))
       ORDER BY t.order_key, t.id LIMIT room + 32 FOR UPDATE SKIP LOCKED
    ), met AS (
      SELECT a.*, CASE WHEN q.max_per_key IS NOT NULL THEN a.payload #>> q.key_path END AS k
        FROM (SELECT * FROM due UNION ALL SELECT * FROM due_by_priority) AS a ORDER BY a.order_key, a.id LIMIT room + 32
    ), running AS (
      SELECT r.limit_key, count(*) AS n FROM sluice_private.limited_runs r WHERE r.queue = q.name AND q.max_per_key IS NOT NULL GROUP BY r.limit_key
    ), judged AS MATERIALIZED (
      SELECT m.id, m.order_key, m.k,
             m.k IS NULL OR coalesce(r.n, 0) + row_number() OVER (PARTITION BY m.k ORDER BY m.order_key, m.id) <= q.max_per_key AS fits
        FROM met m LEFT JOIN running r ON r.limit_key = m.k
    ), chosen AS MATERIALIZED (
      SELECT j.id, j.k FROM judged j WHERE j.fits ORDER BY j.order_key, j.id LIMIT room
    ), claimed AS (
      UPDATE sluice_private.tasks t SET claimed_by = process_id, claim_token = sluice_private.new_claim_token(process_id)
        FROM chosen c WHERE t.id = ANY (ARRAY[c.id]) RETURNING t.id, t.claim_token, c.k
    ), noted AS (
      INSERT INTO sluice_private.limited_runs (queue, token, task_id, limit_key) SELECT q.name, c.claim_token, c.id, c.k FROM claimed c
    ), aside AS (
      UPDATE sluice_private.tasks t SET parked_key = t.order_key, order_key = 'infinity', limit_key = j.k
        FROM judged j WHERE t.id = ANY (ARRAY[j.id]) AND NOT j.fits RETURNING t.id
    )
    SELECT array_agg(c.id), (SELECT count(*) FROM aside) INTO taken, parked FROM claimed c;
    ids := ids || coalesce(taken, '{}');
    room := room - coalesce(cardinality(taken), 0);
    EXIT WHEN parked = 0;
  END LOOP;

  IF q.rate IS NOT NULL THEN
    -- Noted as late as can be: two claims are then never nearer than their notes say.
    INSERT INTO sluice_private.limited_starts (queue, started_at) SELECT q.name, clock_timestamp() FROM generate_series(1, cardinality(ids));
    IF started + cardinality(ids) >= q.rate THEN
      look_again := (SELECT min(s.started_at) FROM sluice_private.limited_starts s WHERE s.queue = q.name) + q.rate_period;
      IF cardinality(ids) > 0 THEN
        PERFORM sluice_private.ring_tasks();  -- whoever sleeps does not know of that time
      END IF;
    END IF;
  END IF;
  look_again := least(look_again,
    (SELECT t.order_key FROM sluice_private.tasks t WHERE t.queue = q.name AND t.priority = 0 AND t.order_key > began AND t.order_key < 'infinity'
      ORDER BY t.order_key, t.id LIMIT 1),
    (SELECT t.run_at FROM sluice_private.tasks t WHERE t.queue = q.name AND t.priority <> 0 AND t.run_at > began ORDER BY t.run_at LIMIT 1));
END
$$;
COMMENT ON FUNCTION sluice_private.claim_from_limited(sluice_private.queues, bigint, int) IS
  'claims up to so many tasks of a limited queue within its limits; look_again: when the clock alone will let more be claimed';

CREATE OR REPLACE FUNCTION sluice_private.claim_limited(process_id bigint, most int) RETURNS TABLE (look_again timestamptz, task sluice_private.tasks)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $$
DECLARE
  q sluice_private.queues;
  one record;
  ids bigint[] := '{}';
  again timestamptz;
BEGIN
  -- In no order, so that no queue always comes first.
  FOR q IN SELECT w.* FROM sluice_private.queues w WHERE w.limited AND NOT w.paused ORDER BY random() LOOP
    EXIT WHEN cardinality(ids) >= most;
    IF pg_try_advisory_xact_lock(sluice_private.limits_lock(q.name)) THEN
      SELECT w.* INTO q FROM sluice_private.queues w WHERE w.name = q.name;
      CONTINUE WHEN q.paused OR NOT q.limited;
      one := sluice_private.claim_from_limited(q, process_id, most - cardinality(ids));
      ids := ids || one.ids;
      again := least(again, one.look_again);
    ELSE
      again := least(again, clock_timestamp() + interval '2 milliseconds');
    END IF;
  END LOOP;
  RETURN QUERY SELECT again, t FROM (SELECT 1) AS always LEFT JOIN sluice_private.tasks t ON t.id = ANY (ids) ORDER BY (t).order_key, (t).id;
END
$$;
COMMENT ON FUNCTION sluice_private.claim_limited(bigint, int) IS
  'claims from all limited queues that nobody else is claiming from at this moment: one row a task, or one with a null task; look_again: when the '
  'clock alone will let more be claimed';

SELECT sluice_private.hide('sluice_private.limits_lock(text)');
SELECT sluice_private.hide('sluice_private.unpark(text)');
SELECT sluice_private.hide('sluice_private.claim_from_limited(sluice_private.queues, bigint, int)');
SELECT sluice_private.hide('sluice_private.claim_limited(bigint, int)');
SELECT sluice_private.publish_api('sluice.limit_queue(text, int, int, text[], int, interval)');
