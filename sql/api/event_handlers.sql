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
  -- Nobody waits for the disk on behalf of events that are not for this consumer: what a crash forgets is passed over again.
  IF p_produced = 0 THEN
    PERFORM set_config('synchronous_commit', 'off', true);
  END IF;
  IF b.read > 0 OR b.must_move THEN
    PERFORM sluice_private.move_cursor(p_consumer, b.seq, b.cursor, b.gap_snapshot, b.gap_after_id);
  END IF;
  RETURN (b.read, p_produced, b.more, b.xmin);
END $$;
COMMENT ON FUNCTION sluice_private.finish_batch(bigint, record, int) IS 'moves the cursor behind a batch of next_events';
SELECT sluice_private.hide('sluice_private.finish_batch(bigint, record, int)');

CREATE OR REPLACE FUNCTION sluice_private.run_relay(p_consumer bigint, p_limit int) RETURNS sluice_private.handled
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
    PERFORM pg_notify('flow_events', sluice_private.notify_body(e)) FROM unnest(b.events) AS e;
    GET DIAGNOSTICS produced = ROW_COUNT;
  END IF;
  -- Nobody waits for the disk: a crash of the server ends every LISTEN, and forgets the cursor's move together with this commit, never alone.
  PERFORM set_config('synchronous_commit', 'off', true);
  RETURN sluice_private.finish_batch(p_consumer, b, produced);
END $$;
COMMENT ON FUNCTION sluice_private.run_relay(bigint, int) IS 'handler relay: re-publishes a batch as NOTIFY flow_events';
SELECT sluice_private.hide('sluice_private.run_relay(bigint, int)');

-- plpgsql where a line of SQL would do: its plans last as long as the connection.
CREATE OR REPLACE FUNCTION sluice_private.batch_json(p_events sluice.flow_events[]) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RETURN (SELECT jsonb_agg(sluice_private.body_with_id(e.body, e.id)::jsonb ORDER BY e.id) FROM unnest(p_events) AS e);
END $$;
COMMENT ON FUNCTION sluice_private.batch_json(sluice.flow_events[]) IS 'the events of a batch as handlers get them; null if there are none';
SELECT sluice_private.hide('sluice_private.batch_json(sluice.flow_events[])');

CREATE OR REPLACE FUNCTION sluice_private.handler_call(p_consumer bigint) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RETURN (SELECT format('SELECT %s($1)', h.handler::regprocedure::oid::regproc)
            FROM sluice.event_consumers c JOIN sluice.event_handlers h ON h.name = c.name WHERE c.id = p_consumer);
END $$;
COMMENT ON FUNCTION sluice_private.handler_call(bigint) IS 'the statement that hands $1 to the function of a consumer of kind sql';
SELECT sluice_private.hide('sluice_private.handler_call(bigint)');

-- Runs as its caller and with the caller's search_path, because the handler is the user's code; hence the qualified operators.
CREATE OR REPLACE FUNCTION sluice_private.run_sql_handler(p_consumer bigint, p_limit int) RETURNS sluice_private.handled
LANGUAGE plpgsql AS $$
DECLARE
  b record;
  events jsonb;
BEGIN
  b := sluice_private.next_events(p_consumer, p_limit);
  IF b.parks THEN
    b.events := sluice_private.park_followers(p_consumer, b.events);
  END IF;
  IF b.events IS NOT NULL THEN
    events := sluice_private.batch_json(b.events);
    EXECUTE sluice_private.handler_call(p_consumer) USING events;
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
  IF b.parks THEN
    b.events := sluice_private.park_followers(p_consumer, b.events);
  END IF;
  IF b.events IS NOT NULL THEN
    events := sluice_private.batch_json(b.events);
    PERFORM sluice_private.enqueue_events(p_consumer, events);
  END IF;
  RETURN sluice_private.finish_batch(p_consumer, b, coalesce(jsonb_array_length(events), 0));
END $$;
COMMENT ON FUNCTION sluice_private.run_task_handler(bigint, int) IS 'handler task: enqueues settings.kind with settings.payload and the event, once for each event';
SELECT sluice_private.hide('sluice_private.run_task_handler(bigint, int)');
