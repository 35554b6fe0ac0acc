-- Event types that their owner has described: a version that events carry, and a schema that their data must fit.

CREATE OR REPLACE FUNCTION sluice.define_event(event_type text, schema jsonb DEFAULT NULL, version int DEFAULT 1) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  known sluice.event_types;
BEGIN
  PERFORM sluice_private.check_event_type(define_event.event_type);
  IF define_event.event_type IN ('session_started', 'session_status_changed', 'node_changed', 'session_updated', 'session_deleted', 'ping', 'endpoint_disabled', 'events_skipped') THEN
    PERFORM sluice_private.fail('SL005', format('event type %s is Sluice''s own', define_event.event_type), NULL, 'define types of your own, for example order.paid');
  ELSIF define_event.version IS NULL OR define_event.version < 1 THEN
    PERFORM sluice_private.fail('SL005', format('bad version %s of event type %s', coalesce(define_event.version::text, 'null'), define_event.event_type), NULL, 'versions count from 1');
  END IF;
  IF define_event.schema IS NOT NULL THEN
    PERFORM sluice_private.check_schema(define_event.schema);
  END IF;
  SELECT * INTO known FROM sluice.event_types t WHERE t.event_type = define_event.event_type FOR UPDATE;
  IF define_event.version < known.version OR (define_event.version = known.version AND define_event.schema IS DISTINCT FROM known.schema) THEN
    PERFORM sluice_private.fail('SL005', format('event type %s is at version %s with another schema', known.event_type, known.version),
      'receivers rely on what a version means', format('define version %s', known.version + 1));
  END IF;
  INSERT INTO sluice.event_types AS t (event_type, schema, version) VALUES (define_event.event_type, define_event.schema, define_event.version)
  ON CONFLICT (event_type) DO UPDATE SET schema = excluded.schema, version = excluded.version, defined_at = clock_timestamp()
   WHERE t.version < excluded.version;
END $$;
COMMENT ON FUNCTION sluice.define_event(text, jsonb, int) IS
  'from now on events of this type carry "version", and their data must fit the schema; SL005 names a keyword that is not checked';
SELECT sluice_private.publish_api('sluice.define_event(text, jsonb, int)');

CREATE OR REPLACE FUNCTION sluice.undefine_event(event_type text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
  DELETE FROM sluice.event_types t WHERE t.event_type = undefine_event.event_type;
  IF NOT FOUND THEN
    PERFORM sluice_private.fail('SL005', format('event type %L is not defined', undefine_event.event_type), NULL, 'see sluice.event_types');
  END IF;
END $$;
COMMENT ON FUNCTION sluice.undefine_event(text) IS 'events of this type are no longer checked and carry no version';
SELECT sluice_private.publish_api('sluice.undefine_event(text)');

CREATE OR REPLACE FUNCTION sluice_private.check_event_data(p_type text, p_schema jsonb, p_data jsonb) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  fault text := sluice_private.schema_fault(p_schema, p_data);
BEGIN
  IF fault IS NOT NULL THEN
    PERFORM sluice_private.fail('SL005', format('event %s does not fit its schema: %s', p_type, fault), left(p_data::text, 1000), 'see sluice.event_types');
  END IF;
  RETURN true;
END $$;
COMMENT ON FUNCTION sluice_private.check_event_data(text, jsonb, jsonb) IS 'SL005, saying what is wrong, unless the data fits the schema';
SELECT sluice_private.hide('sluice_private.check_event_data(text, jsonb, jsonb)');

CREATE OR REPLACE FUNCTION sluice_private.ambient_correlation() RETURNS text
LANGUAGE sql STABLE
RETURN left(nullif(current_setting('sluice.correlation_id', true), ''), 250);
COMMENT ON FUNCTION sluice_private.ambient_correlation() IS 'what the transaction said by SET LOCAL sluice.correlation_id, at most 250 characters of it';
SELECT sluice_private.hide('sluice_private.ambient_correlation()');

SELECT sluice_private.grant_to('sluice_reader', 'SELECT ON sluice.event_types');
