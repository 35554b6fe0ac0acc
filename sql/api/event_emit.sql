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
  text_body text;
  event_id bigint;
BEGIN
  PERFORM sluice_private.check_event_type(emit.event_type);
  PERFORM pg_current_xact_id();  -- before the slot is looked up: see event_read.sql
  text_body := sluice_private.event_body(emit.event_type, sluice_private.json_time(at), NULL, NULL, NULL,
    ',"key":' || sluice_private.json_text(emit.key) || ',"data":' || coalesce(emit.body::text, 'null'));
  IF octet_length(text_body) > 1048576 THEN
    PERFORM sluice_private.fail('SL005', format('the body of event %s has %s bytes', emit.event_type, octet_length(text_body)),
      'at most 1048576 bytes are sent', 'store the data elsewhere and emit a reference to it');
  END IF;
  INSERT INTO sluice.flow_events (created_at, slot, event_type, key, correlation_id, body)
  VALUES (at, sluice_private.current_slot(), emit.event_type, emit.key, emit.correlation_id, text_body)
  RETURNING id INTO event_id;
  IF (SELECT s.value = '"direct"' FROM sluice.settings s WHERE s.key = 'notify') THEN
    PERFORM sluice_private.notify_directly();
  END IF;
  PERFORM sluice_private.ring_events();
  RETURN event_id;
END $$;
COMMENT ON FUNCTION sluice.emit(text, text, jsonb, text) IS 'appends an event of the caller''s own type; returns its id';
SELECT sluice_private.publish_api('sluice.emit(text, text, jsonb, text)');

CREATE OR REPLACE FUNCTION sluice_private.picked(p_row jsonb, p_columns text[]) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN p_columns IS NULL THEN p_row
            ELSE (SELECT jsonb_object_agg(c.name, p_row -> c.name) FROM unnest(p_columns) AS c (name)) END;
COMMENT ON FUNCTION sluice_private.picked(jsonb, text[]) IS 'the named members of a row, or all';
SELECT sluice_private.hide('sluice_private.picked(jsonb, text[])');

-- In schema sluice because whoever watches a table of theirs must be able to name it in CREATE TRIGGER.
CREATE OR REPLACE FUNCTION sluice.emit_row_events() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  type text := TG_ARGV[0] || CASE TG_OP WHEN 'INSERT' THEN '.inserted' WHEN 'UPDATE' THEN '.updated' ELSE '.deleted' END;
  key_column text := TG_ARGV[1];
  columns text[] := nullif(TG_ARGV[2], '')::text[];
  at timestamptz := clock_timestamp();
  time text := sluice_private.json_time(at);
BEGIN
  CASE TG_OP
  WHEN 'INSERT' THEN
    INSERT INTO sluice.flow_events (created_at, slot, event_type, key, body)
    SELECT at, sluice_private.current_slot(), type, r.new ->> key_column,
           sluice_private.event_body(type, time, NULL, NULL, NULL, ',"key":' || sluice_private.json_text(r.new ->> key_column)
             || ',"data":' || jsonb_build_object('new', sluice_private.picked(r.new, columns), 'old', NULL)::text)
      FROM (SELECT to_jsonb(n) FROM new_rows n) AS r (new);
  WHEN 'UPDATE' THEN
    INSERT INTO sluice.flow_events (created_at, slot, event_type, key, body)
    SELECT at, sluice_private.current_slot(), type, coalesce(n.key, o.key),
           sluice_private.event_body(type, time, NULL, NULL, NULL, ',"key":' || sluice_private.json_text(coalesce(n.key, o.key))
             || ',"data":' || jsonb_build_object('new', sluice_private.picked(n.new, columns), 'old', sluice_private.picked(o.old, columns))::text)
      FROM (SELECT to_jsonb(n), to_jsonb(n) ->> key_column FROM new_rows n) AS n (new, key)
      FULL JOIN (SELECT to_jsonb(o), to_jsonb(o) ->> key_column FROM old_rows o) AS o (old, key) ON o.key = n.key
     WHERE sluice_private.picked(n.new, columns) IS DISTINCT FROM sluice_private.picked(o.old, columns);
  WHEN 'DELETE' THEN
    INSERT INTO sluice.flow_events (created_at, slot, event_type, key, body)
    SELECT at, sluice_private.current_slot(), type, r.old ->> key_column,
           sluice_private.event_body(type, time, NULL, NULL, NULL, ',"key":' || sluice_private.json_text(r.old ->> key_column)
             || ',"data":' || jsonb_build_object('new', NULL, 'old', sluice_private.picked(r.old, columns))::text)
      FROM (SELECT to_jsonb(o) FROM old_rows o) AS r (old);
  WHEN 'TRUNCATE' THEN
    EXECUTE format(
      'INSERT INTO sluice.flow_events (created_at, slot, event_type, key, body)
       SELECT $1, sluice_private.current_slot(), $2, r.old ->> $3,
              sluice_private.event_body($2, $4, NULL, NULL, NULL, '',"key":'' || sluice_private.json_text(r.old ->> $3)
                || '',"data":'' || jsonb_build_object(''new'', NULL, ''old'', sluice_private.picked(r.old, $5))::text)
         FROM (SELECT to_jsonb(o) FROM %I.%I o) AS r (old)', TG_TABLE_SCHEMA, TG_TABLE_NAME)
      USING at, type, key_column, time, columns;
  END CASE;
  IF FOUND OR TG_OP = 'TRUNCATE' THEN
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
