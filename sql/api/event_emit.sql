-- Custom events: sluice.emit, and sluice.watch_table for the rows of any table.

CREATE OR REPLACE FUNCTION sluice_private.check_event_type(p_type text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF p_type IS NULL OR p_type !~ '^[A-Za-z][A-Za-z0-9_]*([.-][A-Za-z0-9_]+)*$' OR length(p_type) > 100 THEN
    PERFORM sluice_private.fail('SL005', format('bad event type %s', coalesce(quote_literal(p_type), 'null')), NULL,
      'use up to 100 letters, digits, "_", "." and "-", for example order.paid');
  END IF;
END $$;
COMMENT ON FUNCTION sluice_private.check_event_type(text) IS 'SL005 unless the text can name an event type';
SELECT sluice_private.hide('sluice_private.check_event_type(text)');

CREATE OR REPLACE FUNCTION sluice.emit(
  event_type text, key text DEFAULT NULL, body jsonb DEFAULT '{}', correlation_id text DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  at timestamptz := clock_timestamp();
  defined sluice.event_types;
  text_body text;
  event_id bigint;
BEGIN
  PERFORM sluice_private.check_event_type(emit.event_type);
  PERFORM sluice_private.check_key('key', emit.key);
  PERFORM sluice_private.check_key('correlation_id', emit.correlation_id);
  SELECT * INTO defined FROM sluice.event_types t WHERE t.event_type = emit.event_type;
  IF defined.schema IS NOT NULL THEN
    PERFORM sluice_private.check_event_data(emit.event_type, defined.schema, coalesce(emit.body, 'null'));
  END IF;
  PERFORM pg_current_xact_id();  -- before the slot is looked up: see event_read.sql
  text_body := sluice_private.event_body(emit.event_type, sluice_private.json_time(at), NULL, NULL, NULL,
    coalesce(',"version":' || defined.version, '') || ',"key":' || sluice_private.json_text(emit.key) || ',"data":' || coalesce(emit.body::text, 'null'));
  IF octet_length(text_body) > 1048576 THEN
    PERFORM sluice_private.fail('SL005', format('the body of event %s has %s bytes', emit.event_type, octet_length(text_body)),
      'at most 1048576 bytes are sent', 'store the data elsewhere and emit a reference to it');
  END IF;
  IF sluice_private.is_deep(emit.body) THEN
    PERFORM sluice_private.fail('SL005', format('the body of event %s is nested deeper than 128 levels', emit.event_type), NULL,
                                'flatten it, or emit it as a text');
  END IF;
  INSERT INTO sluice.flow_events (created_at, slot, event_type, key, correlation_id, version, body)
  VALUES (at, sluice_private.current_slot(), emit.event_type, emit.key, coalesce(emit.correlation_id, sluice_private.ambient_correlation()),
          defined.version, text_body)
  RETURNING id INTO event_id;
  IF (SELECT s.value = '"direct"' FROM sluice.settings s WHERE s.key = 'notify') THEN
    PERFORM sluice_private.notify_directly();
  END IF;
  PERFORM sluice_private.ring_events();
  RETURN event_id;
END $$;
COMMENT ON FUNCTION sluice.emit(text, text, jsonb, text) IS
  'appends an event of the caller''s own type; returns its id. Without a correlation id it has that of SET LOCAL sluice.correlation_id';
SELECT sluice_private.publish_api('sluice.emit(text, text, jsonb, text)');

CREATE OR REPLACE FUNCTION sluice_private.picked(p_row jsonb, p_columns text[]) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN p_columns IS NULL THEN p_row
            ELSE (SELECT jsonb_object_agg(c.name, p_row -> c.name) FROM unnest(p_columns) AS c (name)) END;
COMMENT ON FUNCTION sluice_private.picked(jsonb, text[]) IS 'the named members of a row, or all';
SELECT sluice_private.hide('sluice_private.picked(jsonb, text[])');

-- One row's event, or none when no watched column changed. A row whose key changed comes twice: as one that went and as one that came.
CREATE OR REPLACE FUNCTION sluice_private.row_event(
  p_prefix text, p_key_column text, p_columns text[], p_time text, p_new jsonb, p_old jsonb,
  OUT event_type text, OUT key text, OUT version int, OUT body text) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
  data jsonb := jsonb_build_object('new', sluice_private.picked(p_new, p_columns), 'old', sluice_private.picked(p_old, p_columns));
  defined sluice.event_types;
BEGIN
  IF data -> 'new' = data -> 'old' THEN
    RETURN;
  END IF;
  event_type := p_prefix || CASE WHEN p_old IS NULL THEN '.inserted' WHEN p_new IS NULL THEN '.deleted' ELSE '.updated' END;
  key := coalesce(p_new, p_old) ->> p_key_column;
  SELECT * INTO defined FROM sluice.event_types t WHERE t.event_type = event_type;
  IF defined.schema IS NOT NULL THEN
    PERFORM sluice_private.check_event_data(event_type, defined.schema, data);
  END IF;
  version := defined.version;
  body := sluice_private.event_body(event_type, p_time, NULL, NULL, NULL,
    coalesce(',"version":' || version, '') || ',"key":' || sluice_private.json_text(key) || ',"data":' || data::text);
  RETURN NEXT;
END $$;
COMMENT ON FUNCTION sluice_private.row_event(text, text, text[], text, jsonb, jsonb) IS 'what a watched table''s trigger appends for one row';
SELECT sluice_private.hide('sluice_private.row_event(text, text, text[], text, jsonb, jsonb)');

-- In schema sluice because whoever watches a table of theirs must be able to name it in CREATE TRIGGER.
CREATE OR REPLACE FUNCTION sluice.emit_row_events() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
  prefix text := TG_ARGV[0];
  key_column text := TG_ARGV[1];
  columns text[] := nullif(TG_ARGV[2], '')::text[];
  at timestamptz := clock_timestamp();
  time text := sluice_private.json_time(at);
  correlation text := sluice_private.ambient_correlation();
  emitted bigint;
BEGIN
  CASE TG_OP
  WHEN 'INSERT' THEN
    INSERT INTO sluice.flow_events (created_at, slot, event_type, key, correlation_id, version, body)
    SELECT at, sluice_private.current_slot(), e.event_type, e.key, correlation, e.version, e.body
      FROM new_rows n CROSS JOIN LATERAL sluice_private.row_event(prefix, key_column, columns, time, to_jsonb(n.*), NULL) AS e;
  WHEN 'UPDATE' THEN
    INSERT INTO sluice.flow_events (created_at, slot, event_type, key, correlation_id, version, body)
    SELECT at, sluice_private.current_slot(), e.event_type, e.key, correlation, e.version, e.body
      FROM (SELECT to_jsonb(n.*), to_jsonb(n.*) ->> key_column FROM new_rows n) AS n (new, key)
      FULL JOIN (SELECT to_jsonb(o.*), to_jsonb(o.*) ->> key_column FROM old_rows o) AS o (old, key) ON o.key = n.key
     CROSS JOIN LATERAL sluice_private.row_event(prefix, key_column, columns, time, n.new, o.old) AS e;
  WHEN 'DELETE' THEN
    INSERT INTO sluice.flow_events (created_at, slot, event_type, key, correlation_id, version, body)
    SELECT at, sluice_private.current_slot(), e.event_type, e.key, correlation, e.version, e.body
      FROM old_rows o CROSS JOIN LATERAL sluice_private.row_event(prefix, key_column, columns, time, NULL, to_jsonb(o.*)) AS e;
  WHEN 'TRUNCATE' THEN
    EXECUTE format(
      'INSERT INTO sluice.flow_events (created_at, slot, event_type, key, correlation_id, version, body)
       SELECT $1, sluice_private.current_slot(), e.event_type, e.key, $2, e.version, e.body
         FROM %I.%I o CROSS JOIN LATERAL sluice_private.row_event($3, $4, $5, $6, NULL, to_jsonb(o.*)) AS e', TG_TABLE_SCHEMA, TG_TABLE_NAME)
      USING at, correlation, prefix, key_column, columns, time;
  END CASE;
  GET DIAGNOSTICS emitted = ROW_COUNT;
  IF emitted > 0 THEN
    IF (SELECT s.value = '"direct"' FROM sluice.settings s WHERE s.key = 'notify') THEN
      PERFORM sluice_private.notify_directly();
    END IF;
    PERFORM sluice_private.ring_events();
  END IF;
  RETURN NULL;
END $$;
COMMENT ON FUNCTION sluice.emit_row_events() IS 'trigger of watched tables; arguments: event prefix, key column, columns or empty';
SELECT sluice_private.publish_api('sluice.emit_row_events()');

-- Runs as its caller: making a trigger needs the caller's own right on the table.
CREATE OR REPLACE FUNCTION sluice.watch_table(tbl regclass, event_prefix text, key_column name, columns name[] DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  missing text;
  arguments text;
BEGIN
  IF event_prefix IS NULL OR event_prefix !~ '^[A-Za-z][A-Za-z0-9_]*([.-][A-Za-z0-9_]+)*$' OR length(event_prefix) > 90 THEN
    RAISE EXCEPTION 'bad event prefix %', coalesce(quote_literal(event_prefix), 'null')
      USING ERRCODE = 'SL005', HINT = 'use up to 90 letters, digits, "_", "." and "-", for example orders';
  END IF;
  SELECT string_agg(quote_ident(c.name), ', ') INTO missing
    FROM unnest(coalesce(columns, '{}') || key_column) AS c (name)
   WHERE NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = tbl AND a.attname = c.name AND a.attnum > 0 AND NOT a.attisdropped);
  IF missing IS NOT NULL THEN
    RAISE EXCEPTION 'table % has no column %', tbl, missing USING ERRCODE = 'SL005', HINT = 'name existing columns';
  END IF;
  IF NOT EXISTS (SELECT FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
                  WHERE i.indrelid = tbl AND i.indisunique AND i.indnkeyatts = 1 AND i.indpred IS NULL AND a.attname = key_column) THEN
    RAISE EXCEPTION 'column % of table % has no unique index', key_column, tbl
      USING ERRCODE = 'SL005', HINT = 'events pair the old and the new row by this key; name the primary key';
  END IF;
  arguments := format('%L, %L, %L', event_prefix, key_column, coalesce(columns::text[]::text, ''));
  EXECUTE format('CREATE OR REPLACE TRIGGER sluice_emit_inserted AFTER INSERT ON %s REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION sluice.emit_row_events(%s)', tbl, arguments);
  EXECUTE format('CREATE OR REPLACE TRIGGER sluice_emit_updated AFTER UPDATE ON %s REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION sluice.emit_row_events(%s)', tbl, arguments);
  EXECUTE format('CREATE OR REPLACE TRIGGER sluice_emit_deleted AFTER DELETE ON %s REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION sluice.emit_row_events(%s)', tbl, arguments);
  EXECUTE format('CREATE OR REPLACE TRIGGER sluice_emit_truncated BEFORE TRUNCATE ON %s
    FOR EACH STATEMENT EXECUTE FUNCTION sluice.emit_row_events(%s)', tbl, arguments);
END $$;
COMMENT ON FUNCTION sluice.watch_table(regclass, text, name, name[]) IS
  'emits <prefix>.inserted, .updated and .deleted for the rows of a table from now on; the caller needs the TRIGGER right on it';
SELECT sluice_private.publish_api('sluice.watch_table(regclass, text, name, name[])');

CREATE OR REPLACE FUNCTION sluice.unwatch_table(tbl regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  one name;
  found boolean := false;
BEGIN
  FOR one IN SELECT t.tgname FROM pg_trigger t WHERE t.tgrelid = tbl AND t.tgfoid = 'sluice.emit_row_events'::regproc LOOP
    EXECUTE format('DROP TRIGGER %I ON %s', one, tbl);
    found := true;
  END LOOP;
  IF NOT found THEN
    RAISE EXCEPTION 'table % is not watched', tbl USING ERRCODE = 'SL005', HINT = 'sluice.watch_table watches one';
  END IF;
END $$;
COMMENT ON FUNCTION sluice.unwatch_table(regclass) IS 'ends what watch_table began; what was emitted stays. Runs as its caller, who must own the table';
SELECT sluice_private.publish_api('sluice.unwatch_table(regclass)');
