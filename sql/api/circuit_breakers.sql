-- Circuit breakers of workers (FLOW 8): closed → open → half open, one row for all workers. A host that is well has no row.

-- The caller's own call goes, goes as the probe, or waits. Answers about a breaker that is closed are not asked for: workers know them.
CREATE OR REPLACE FUNCTION sluice_private.admit_call(process_id bigint, breaker text, call_timeout interval)
RETURNS TABLE (verdict text, wait_ms bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  b sluice.circuit_breakers;
  moment timestamptz;
  probing boolean;
BEGIN
  SELECT * INTO b FROM sluice.circuit_breakers c WHERE c.key = breaker FOR UPDATE;
  moment := clock_timestamp();
  IF b.key IS NULL OR b.state = 'closed' THEN
    RETURN QUERY SELECT 'go', 0::bigint;
    RETURN;
  END IF;
  IF b.state = 'open' AND moment < b.open_until THEN
    RETURN QUERY SELECT 'wait', ceil(extract(epoch FROM b.open_until - moment) * 1000)::bigint;
    RETURN;
  END IF;
  probing := b.state = 'half_open' AND moment < b.probe_until
             AND EXISTS (SELECT 1 FROM sluice_private.processes p
                          WHERE p.id = b.probe_by AND p.heartbeat_at > moment - interval '4 seconds');
  IF probing THEN
    RETURN QUERY SELECT 'wait', 1000::bigint;
    RETURN;
  END IF;
  UPDATE sluice.circuit_breakers c
     SET state = 'half_open', good_probes = CASE b.state WHEN 'open' THEN 0 ELSE b.good_probes END,
         probe_by = process_id, probe_at = moment, probe_until = moment + call_timeout + interval '5 seconds',
         forget_at = moment + interval '1 day', updated_at = moment
   WHERE c.key = breaker;
  RETURN QUERY SELECT 'probe', 0::bigint;
END
$$;
COMMENT ON FUNCTION sluice_private.admit_call(bigint, text, interval) IS
  'whether a call to a breaker that was not closed may go now: go, probe (the caller''s, until it is reported), or wait so many milliseconds';

-- One breaker after `goods` (oldest first) of ordinary calls: what came in while it is open is of calls begun before, and counts no more.
CREATE OR REPLACE FUNCTION sluice_private.count_calls(b sluice.circuit_breakers, goods boolean[], failures int, window_size int, span interval,
                                                      open_for interval)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  moment timestamptz := clock_timestamp();
  kept boolean[];
  kept_times timestamptz[];
  bad int;
BEGIN
  IF b.state <> 'closed' OR cardinality(goods) = 0 THEN
    RETURN;
  END IF;
  SELECT coalesce(array_agg(r.good ORDER BY r.place), '{}'), coalesce(array_agg(r.came_at ORDER BY r.place), '{}'), count(*) FILTER (WHERE NOT r.good)
    INTO kept, kept_times, bad
    FROM (SELECT * FROM unnest(b.results || goods, b.result_times || array_fill(moment, ARRAY[cardinality(goods)]))
                          WITH ORDINALITY AS u (good, came_at, place)
           ORDER BY u.place DESC LIMIT window_size) AS r
   WHERE r.came_at > moment - span;
  IF bad = 0 THEN
    DELETE FROM sluice.circuit_breakers c WHERE c.key = b.key;
  ELSIF bad >= failures THEN
    UPDATE sluice.circuit_breakers c
       SET state = 'open', results = '{}', result_times = '{}', opened_at = moment, open_until = moment + open_for, good_probes = 0,
           probe_by = NULL, probe_at = NULL, probe_until = NULL, forget_at = moment + open_for + interval '1 day', updated_at = moment
     WHERE c.key = b.key;
  ELSE
    UPDATE sluice.circuit_breakers c
       SET results = kept, result_times = kept_times, forget_at = moment + span, updated_at = moment WHERE c.key = b.key;
  END IF;
END
$$;
COMMENT ON FUNCTION sluice_private.count_calls(sluice.circuit_breakers, boolean[], int, int, interval, interval) IS
  'adds results to the window of a closed breaker, opens it when enough of them are failures, removes it when none is; the row is locked by the caller';

-- The probe's result: only that of the probe that is under way. Null says nothing of the host: another call probes.
CREATE OR REPLACE FUNCTION sluice_private.count_probe(b sluice.circuit_breakers, good boolean, open_for interval) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  moment timestamptz := clock_timestamp();
BEGIN
  IF good AND b.good_probes >= 2 THEN
    DELETE FROM sluice.circuit_breakers c WHERE c.key = b.key;
    RETURN;
  END IF;
  UPDATE sluice.circuit_breakers c
     SET state = CASE WHEN good IS FALSE THEN 'open' ELSE 'half_open' END,
         opened_at = CASE WHEN good IS FALSE THEN moment ELSE c.opened_at END,
         open_until = CASE WHEN good IS FALSE THEN moment + open_for ELSE c.open_until END,
         good_probes = CASE WHEN good THEN c.good_probes + 1 WHEN good IS NULL THEN c.good_probes ELSE 0 END,
         probe_by = NULL, probe_at = NULL, probe_until = NULL, forget_at = moment + open_for + interval '1 day', updated_at = moment
   WHERE c.key = b.key;
END
$$;
COMMENT ON FUNCTION sluice_private.count_probe(sluice.circuit_breakers, boolean, interval) IS
  'a probe that ended: the third good one closes, a bad one opens anew, one that says nothing makes way; the row is locked by the caller';

-- Breakers are locked in the order of their keys, so two of these calls never wait for each other in a circle.
CREATE OR REPLACE FUNCTION sluice_private.report_calls(breakers text[], probes bigint[], goods boolean[], failures int[], windows int[],
                                                       spans interval[], opens interval[])
RETURNS TABLE (breaker text, state text, wait_ms bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  one record;
  b sluice.circuit_breakers;
  probe record;
BEGIN
  FOR one IN
    SELECT r.key, coalesce(array_agg(r.good ORDER BY r.place) FILTER (WHERE r.process IS NULL), '{}') AS goods,
           coalesce(bool_or(NOT r.good) FILTER (WHERE r.process IS NULL), false) AS failed,
           (array_agg(r.failures ORDER BY r.place DESC))[1] AS failures, (array_agg(r.size ORDER BY r.place DESC))[1] AS size,
           (array_agg(r.span ORDER BY r.place DESC))[1] AS span, (array_agg(r.open_for ORDER BY r.place DESC))[1] AS open_for
      FROM unnest(report_calls.breakers, probes, report_calls.goods, report_calls.failures, windows, spans, opens)
             WITH ORDINALITY AS r (key, process, good, failures, size, span, open_for, place)
     GROUP BY r.key ORDER BY r.key COLLATE "C"
  LOOP
    b := NULL;
    IF one.failed THEN
      INSERT INTO sluice.circuit_breakers AS c (key) VALUES (one.key)
      ON CONFLICT (key) DO UPDATE SET updated_at = clock_timestamp() RETURNING c.* INTO b;
      IF b.results = '{}' AND b.state = 'closed' THEN
        DELETE FROM sluice.circuit_breakers c
         WHERE c.key IN (SELECT o.key FROM sluice.circuit_breakers o WHERE o.forget_at < clock_timestamp() AND o.key <> one.key FOR UPDATE SKIP LOCKED);
      END IF;
    ELSE
      SELECT * INTO b FROM sluice.circuit_breakers c WHERE c.key = one.key FOR UPDATE;
    END IF;
    CONTINUE WHEN b.key IS NULL;
    PERFORM sluice_private.count_calls(b, one.goods, one.failures, one.size, one.span, one.open_for);
    FOR probe IN
      SELECT r.good FROM unnest(report_calls.breakers, probes, report_calls.goods) AS r (key, process, good)
       WHERE r.key = b.key AND r.process = b.probe_by AND b.state = 'half_open' LIMIT 1
    LOOP
      PERFORM sluice_private.count_probe(b, probe.good, one.open_for);
    END LOOP;
  END LOOP;
  RETURN QUERY
    SELECT c.key, c.state, greatest(ceil(extract(epoch FROM c.open_until - clock_timestamp()) * 1000), 0)::bigint
      FROM sluice.circuit_breakers c WHERE c.key = ANY (report_calls.breakers);
END
$$;
COMMENT ON FUNCTION sluice_private.report_calls(text[], bigint[], boolean[], int[], int[], interval[], interval[]) IS
  'results of calls in the order they came, each with its limits; for a probe the process it was admitted to, else null, and a result of null '
  'says nothing of the host. Returns the named breakers that are not well: state, and for an open one how long';

SELECT sluice_private.hide('sluice_private.admit_call(bigint, text, interval)');
SELECT sluice_private.hide('sluice_private.count_calls(sluice.circuit_breakers, boolean[], int, int, interval, interval)');
SELECT sluice_private.hide('sluice_private.count_probe(sluice.circuit_breakers, boolean, interval)');
SELECT sluice_private.hide('sluice_private.report_calls(text[], bigint[], boolean[], int[], int[], interval[], interval[])');
