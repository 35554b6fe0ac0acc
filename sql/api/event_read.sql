-- Reading the log with a snapshot as cursor: nothing is skipped, nothing comes twice, one session's events come in commit order.

-- Which slots may hold rows that a cursor did not see? A writer has its xid before it looks up the slot, so what a closed slot holds is below
-- closed_xid, an xid taken after the slot was left: the argument of the doorbell once more.

-- A poll is run a thousand times a second and mostly finds nothing, so it asks the slot itself, one plan each: over the partitioned table the
-- executor would spend ten times the query's work on opening or pruning partitions. The snapshot is taken before the slots are read: an event
-- between the two is found now and once more with the next poll, but never lost.
DO $make$
BEGIN
  EXECUTE format($function$
CREATE OR REPLACE FUNCTION sluice_private.poll_events(p_seen text, OUT snapshot text, OUT xmin text, OUT news boolean)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off SET jit = off AS $$
DECLARE
  seen pg_snapshot := p_seen;
  seen_xmax xid8 := pg_snapshot_xmax(seen);
  seen_xip xid8[] := ARRAY(SELECT pg_snapshot_xip(seen));
  polled pg_snapshot := pg_current_snapshot();
  s smallint;
BEGIN
  snapshot := polled;
  xmin := pg_snapshot_xmin(polled);
  news := seen IS NULL;
  FOR s IN SELECT w.slot FROM sluice_private.event_slots w WHERE w.closed_xid IS NULL OR w.closed_xid >= pg_snapshot_xmin(seen) LOOP
    EXIT WHEN news;
    CASE s%s
    END CASE;
  END LOOP;
END $$
$function$, (SELECT string_agg(format($branch$
    WHEN %1$s THEN news := (SELECT true FROM sluice_private.flow_events_%1$s WHERE xid >= seen_xmax ORDER BY xid LIMIT 1) IS NOT NULL
                         OR (SELECT true FROM sluice_private.flow_events_%1$s WHERE xid = ANY (seen_xip) LIMIT 1) IS NOT NULL;$branch$, n), '')
               FROM generate_series(0, 7) AS n));
END $make$;
COMMENT ON FUNCTION sluice_private.poll_events(text) IS 'whether there is anything that a snapshot did not see (null: always), the snapshot to ask with next time, and its xmin';
SELECT sluice_private.hide('sluice_private.poll_events(text)');

-- The unseen slots are named by eight parameters, null for the others, and the plan is pruned to them. Here too one plan is kept for good: to
-- plan a query over the slots takes ten times as long as to run it for an event or two.
--
-- What comes next for a consumer: of at most p_limit events (and at most 8 MiB of bodies, but always one) those that match its patterns, and the
-- position after them. Small gaps are read at once: what the cursor did not see, in id order, up to this statement's own snapshot. When
-- that is more than the limit, its snapshot T is fixed and the gap is read in pages by id, so memory stays bounded however large the gap;
-- within a gap "id > last" is safe because no event that becomes visible later belongs to it.
CREATE OR REPLACE FUNCTION sluice_private.next_events(
  p_consumer bigint, p_limit int,
  OUT seq bigint, OUT events sluice.flow_events[], OUT read int, OUT cursor pg_snapshot, OUT gap_snapshot pg_snapshot, OUT gap_after_id bigint,
  OUT xmin xid8, OUT more boolean, OUT must_move boolean, OUT parks boolean)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET jit = off SET enable_seqscan = off SET enable_bitmapscan = off SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
  p record;
  o smallint[];
  now_snapshot pg_snapshot;
  ids bigint[];
  slots smallint[];
  bytes bigint;
BEGIN
  SELECT q.seq, q.cursor, q.gap_snapshot, q.gap_after_id, q.moved_at < clock_timestamp() - interval '1 minute' AS stale, c.patterns,
         pg_snapshot_xmax(q.cursor) AS seen_xmax, ARRAY(SELECT pg_snapshot_xip(q.cursor)) AS seen_xip,
         EXISTS (SELECT FROM sluice.event_failures f WHERE f.consumer_id = c.id AND f.session_id IS NOT NULL)
           AND c.settings ->> 'ordering' IS DISTINCT FROM 'none' AS parks,
         ARRAY(SELECT CASE WHEN s.closed_xid < pg_snapshot_xmin(q.cursor) THEN NULL ELSE s.slot END FROM sluice_private.event_slots s ORDER BY s.slot) AS slots
    INTO p
    FROM sluice.event_consumers c JOIN sluice_private.event_positions q ON q.consumer_id = c.id
   WHERE c.id = p_consumer ORDER BY q.seq DESC LIMIT 1;
  IF p.seq IS NULL THEN
    PERFORM sluice_private.fail('SL005', format('no event consumer %s', p_consumer), NULL, 'it was removed; stop running it');
  END IF;
  seq := p.seq;
  o := p.slots;
  must_move := p.stale;
  parks := p.parks;
  gap_snapshot := p.gap_snapshot;
  gap_after_id := p.gap_after_id;
  IF gap_snapshot IS NULL THEN
    SELECT pg_current_snapshot(), array_agg(e.id ORDER BY e.id), array_agg(e.slot ORDER BY e.id), sum(octet_length(e.body))
      INTO now_snapshot, ids, slots, bytes
      FROM ((SELECT id, slot, body FROM sluice.flow_events
              WHERE slot IN (o[1], o[2], o[3], o[4], o[5], o[6], o[7], o[8]) AND xid >= p.seen_xmax ORDER BY xid LIMIT p_limit + 1)
            UNION ALL
            (SELECT id, slot, body FROM sluice.flow_events
              WHERE slot IN (o[1], o[2], o[3], o[4], o[5], o[6], o[7], o[8]) AND xid = ANY (p.seen_xip) LIMIT p_limit + 1)) AS e;
    xmin := pg_snapshot_xmin(now_snapshot);
    IF coalesce(cardinality(ids), 0) > p_limit OR bytes > 8388608 THEN
      -- "+ 0" keeps the planner from walking the id index from the oldest event on.
      SELECT least((SELECT min(e.id + 0) FROM sluice.flow_events e
                     WHERE e.slot IN (o[1], o[2], o[3], o[4], o[5], o[6], o[7], o[8]) AND e.xid >= p.seen_xmax),
                   (SELECT min(e.id + 0) FROM sluice.flow_events e
                     WHERE e.slot IN (o[1], o[2], o[3], o[4], o[5], o[6], o[7], o[8]) AND e.xid = ANY (p.seen_xip))) - 1
        INTO gap_after_id;
      gap_snapshot := now_snapshot;
    END IF;
  END IF;

  IF gap_snapshot IS NULL THEN
    cursor := now_snapshot;
    more := false;
  ELSE
    xmin := coalesce(xmin, pg_snapshot_xmin(pg_current_snapshot()));
    SELECT array_agg(e.id ORDER BY e.id), array_agg(e.slot ORDER BY e.id)
      INTO ids, slots
      FROM (SELECT w.id, w.slot, sum(w.size) OVER (ORDER BY w.id ROWS UNBOUNDED PRECEDING) - w.size AS before
              FROM (SELECT id, slot, octet_length(body)::bigint AS size FROM sluice.flow_events
                     WHERE slot IN (o[1], o[2], o[3], o[4], o[5], o[6], o[7], o[8]) AND id > gap_after_id
                       AND (xid >= p.seen_xmax OR xid = ANY (p.seen_xip)) AND pg_visible_in_snapshot(xid, gap_snapshot)
                     ORDER BY id LIMIT p_limit) AS w) AS e
     WHERE e.before <= 8388608;
    more := true;  -- also at the gap's end: what came after its snapshot is still to be read
    must_move := true;
    IF ids IS NULL THEN
      cursor := gap_snapshot;
      gap_snapshot := NULL;
      gap_after_id := NULL;
    ELSE
      cursor := p.cursor;
      gap_after_id := ids[cardinality(ids)];
    END IF;
  END IF;

  read := coalesce(cardinality(ids), 0);
  IF read > 0 THEN
    SELECT array_agg(e ORDER BY e.id) INTO events
      FROM unnest(ids, slots) AS w (id, slot) JOIN sluice.flow_events e ON e.id = ANY (ARRAY[w.id]) AND e.slot = w.slot  -- docs/decisions/0048
     WHERE sluice_private.event_matches(e.event_type, e.alias, p.patterns);
  END IF;
END $$;
COMMENT ON FUNCTION sluice_private.next_events(bigint, int) IS
  'the next batch of a consumer: how many events were read, those of them that match (null if none) by id, and the position to move to when they are handled; parks: some may have to wait behind parked ones. Writes nothing';
SELECT sluice_private.hide('sluice_private.next_events(bigint, int)');

-- Two listeners that believe they run the same consumer meet here: the second gets 40001 and loses its batch.
CREATE OR REPLACE FUNCTION sluice_private.move_cursor(
  p_consumer bigint, p_seq bigint, p_cursor pg_snapshot, p_gap_snapshot pg_snapshot, p_gap_after_id bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET jit = off SET enable_seqscan = off SET enable_bitmapscan = off SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
  newest bigint;
BEGIN
  INSERT INTO sluice_private.event_positions (consumer_id, seq, cursor, gap_snapshot, gap_after_id)
  SELECT p_consumer, p_seq + 1, p_cursor, p_gap_snapshot, p_gap_after_id
   WHERE p_seq = (SELECT q.seq FROM sluice_private.event_positions q WHERE q.consumer_id = p_consumer ORDER BY q.seq DESC LIMIT 1)
  ON CONFLICT DO NOTHING;
  IF NOT FOUND THEN
    SELECT max(q.seq) INTO newest FROM sluice_private.event_positions q WHERE q.consumer_id = p_consumer;
    RAISE EXCEPTION 'cursor of event consumer % is not at % any more but at %', p_consumer, p_seq, coalesce(newest::text, 'none')
      USING ERRCODE = '40001', HINT = 'another listener runs this consumer now; take it anew and read its cursor again';
  END IF;
  IF p_seq % 256 = 0 THEN
    DELETE FROM sluice_private.event_positions q
     WHERE q.consumer_id = p_consumer AND q.seq > p_seq - 768 AND q.seq < p_seq - 255;
  END IF;
  RETURN p_seq + 1;
END $$;
COMMENT ON FUNCTION sluice_private.move_cursor(bigint, bigint, pg_snapshot, pg_snapshot, bigint) IS
  'says that everything up to a position of next_events is handled; returns the new seq; 40001 if the consumer is not at p_seq';
SELECT sluice_private.hide('sluice_private.move_cursor(bigint, bigint, pg_snapshot, pg_snapshot, bigint)');
