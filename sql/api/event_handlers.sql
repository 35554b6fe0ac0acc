-- What a listener runs: each function takes the next batch of a consumer, handles it and moves the cursor, in one transaction.

-- All of them return this. more: call again at once. xmin: horizon of the poll, for the drain check of doorbell.sql.
DO $$
BEGIN
  IF to_regtype('sluice_private.handled') IS NULL THEN
    CREATE TYPE sluice_private.handled AS (events int, produced int, more boolean, xmin xid8);
    COMMENT ON TYPE sluice_private.handled IS 'what a run of a consumer did';
  END IF;
END $$;

-- Every run ends here. A cursor that has nothing to skip is moved only once a minute, so that polling writes nothing and yet trimming goes on.
CREATE OR REPLACE FUNCTION sluice_private.finish_batch(p_consumer bigint, b record, p_produced int) RETURNS sluice_private.handled
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF b.ids IS NOT NULL OR b.must_move THEN
    PERFORM sluice_private.move_cursor(p_consumer, b.seq, b.cursor, b.gap_snapshot, b.gap_after_id);
  END IF;
  RETURN (coalesce(cardinality(b.ids), 0), p_produced, b.more, b.xmin);
END $$;
COMMENT ON FUNCTION sluice_private.finish_batch(bigint, record, int) IS 'moves the cursor behind a batch of next_events';
SELECT sluice_private.hide('sluice_private.finish_batch(bigint, record, int)');

CREATE OR REPLACE FUNCTION sluice_private.run_relay(p_consumer bigint, p_limit int) RETURNS sluice_private.handled
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off SET enable_seqscan = off AS $$
DECLARE
  b record;
  patterns text[] := (SELECT c.patterns FROM sluice.event_consumers c WHERE c.id = p_consumer);
  go_on bigint[];
  produced int;
BEGIN
  b := sluice_private.next_events(p_consumer, p_limit);
  IF b.ids IS NOT NULL THEN
    go_on := sluice_private.park_followers(p_consumer, b.ids, b.slots);
    PERFORM pg_notify('flow_events', r.payload)
       FROM (SELECT sluice_private.notify_body(e) AS payload
               FROM unnest(b.ids, b.slots) AS w (id, slot) JOIN sluice.flow_events e ON e.id = w.id AND e.slot = w.slot
              WHERE e.id = ANY (go_on) AND sluice_private.event_matches(e.event_type, e.alias, patterns)
              ORDER BY e.id) AS r;
    GET DIAGNOSTICS produced = ROW_COUNT;
    -- Nobody waits for the disk: a crash of the server ends every LISTEN, and forgets the cursor's move together with this commit, never alone.
    PERFORM set_config('synchronous_commit', 'off', true);
  END IF;
  RETURN sluice_private.finish_batch(p_consumer, b, coalesce(produced, 0));
END $$;
COMMENT ON FUNCTION sluice_private.run_relay(bigint, int) IS 'handler relay: re-publishes a batch as NOTIFY flow_events';
SELECT sluice_private.hide('sluice_private.run_relay(bigint, int)');

CREATE OR REPLACE FUNCTION sluice_private.batch_json(p_ids bigint[], p_slots smallint[], p_go_on bigint[], p_patterns text[]) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off SET enable_seqscan = off AS $$
  SELECT jsonb_agg(sluice_private.body_with_id(e.body, e.id)::jsonb ORDER BY e.id)
    FROM unnest(p_ids, p_slots) AS w (id, slot) JOIN sluice.flow_events e ON e.id = w.id AND e.slot = w.slot
   WHERE e.id = ANY (p_go_on) AND sluice_private.event_matches(e.event_type, e.alias, p_patterns)
$$;
COMMENT ON FUNCTION sluice_private.batch_json(bigint[], smallint[], bigint[], text[]) IS 'the events of a batch that match, as handlers get them; null if none';
SELECT sluice_private.hide('sluice_private.batch_json(bigint[], smallint[], bigint[], text[])');

-- Runs as its caller and with the caller's search_path, because the handler is the user's code; hence the qualified operators.
CREATE OR REPLACE FUNCTION sluice_private.run_sql_handler(p_consumer bigint, p_limit int) RETURNS sluice_private.handled
LANGUAGE plpgsql AS $$
DECLARE
  b record;
  events jsonb;
  call text;
BEGIN
  b := sluice_private.next_events(p_consumer, p_limit);
  IF b.ids IS NOT NULL THEN
    SELECT pg_catalog.format('SELECT %s($1)', h.handler::pg_catalog.regprocedure::pg_catalog.oid::pg_catalog.regproc), 
           sluice_private.batch_json(b.ids, b.slots, sluice_private.park_followers(p_consumer, b.ids, b.slots), c.patterns)
      INTO call, events
      FROM sluice.event_consumers c JOIN sluice.event_handlers h ON h.name OPERATOR(pg_catalog.=) c.name
     WHERE c.id OPERATOR(pg_catalog.=) p_consumer;
    IF events IS NOT NULL THEN
      EXECUTE call USING events;
    END IF;
  END IF;
  RETURN sluice_private.finish_batch(p_consumer, b, coalesce(pg_catalog.jsonb_array_length(events), 0));
END $$;
COMMENT ON FUNCTION sluice_private.run_sql_handler(bigint, int) IS 'handler sql: calls the registered function with a batch, in the transaction that moves the cursor';
SELECT sluice_private.hide('sluice_private.run_sql_handler(bigint, int)');

CREATE OR REPLACE FUNCTION sluice_private.enqueue_events(p_consumer bigint, p_events jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM sluice.enqueue(c.settings ->> 'kind', coalesce(c.settings -> 'payload', '{}') || jsonb_build_object('event', e.event),
                         queue => coalesce(c.settings ->> 'queue', 'default'), priority => coalesce((c.settings ->> 'priority')::int, 0))
     FROM sluice.event_consumers c CROSS JOIN LATERAL jsonb_array_elements(p_events) WITH ORDINALITY AS e (event, place)
    WHERE c.id = p_consumer;
END $$;
COMMENT ON FUNCTION sluice_private.enqueue_events(bigint, jsonb) IS 'one task of settings.kind with settings.payload for each event';
SELECT sluice_private.hide('sluice_private.enqueue_events(bigint, jsonb)');

CREATE OR REPLACE FUNCTION sluice_private.run_task_handler(p_consumer bigint, p_limit int) RETURNS sluice_private.handled
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  b record;
  events jsonb;
BEGIN
  b := sluice_private.next_events(p_consumer, p_limit);
  IF b.ids IS NOT NULL THEN
    events := sluice_private.batch_json(b.ids, b.slots, sluice_private.park_followers(p_consumer, b.ids, b.slots),
                                        (SELECT c.patterns FROM sluice.event_consumers c WHERE c.id = p_consumer));
    PERFORM sluice_private.enqueue_events(p_consumer, events);
  END IF;
  RETURN sluice_private.finish_batch(p_consumer, b, coalesce(jsonb_array_length(events), 0));
END $$;
COMMENT ON FUNCTION sluice_private.run_task_handler(bigint, int) IS 'handler task: enqueues settings.kind with settings.payload and the event, once for each event';
SELECT sluice_private.hide('sluice_private.run_task_handler(bigint, int)');
