-- JSON Schema for the data of events: a subset of draft 7 without references and combinations, in plpgsql, because no extension can be counted
-- on. A keyword that is not of the subset is refused when the schema is given: ignoring it would promise a check that nobody makes.

CREATE OR REPLACE FUNCTION sluice_private.check_schema(p_schema jsonb, p_path text DEFAULT '') RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  keyword text;
  wanted jsonb;
  sub record;
  good boolean;
BEGIN
  IF jsonb_typeof(p_schema) = 'boolean' THEN
    RETURN;
  ELSIF jsonb_typeof(p_schema) IS DISTINCT FROM 'object' THEN
    PERFORM sluice_private.fail('SL005', format('the schema at %s is %s', coalesce(nullif(p_path, ''), 'its root'), coalesce(jsonb_typeof(p_schema), 'null')),
      NULL, 'a schema is an object, true or false');
  END IF;
  FOR keyword, wanted IN SELECT * FROM jsonb_each(p_schema) LOOP
    good := true;
    CASE
    WHEN keyword = 'type' THEN
      good := (SELECT count(*) > 0 AND bool_and(coalesce(t.name IN ('null', 'boolean', 'object', 'array', 'number', 'integer', 'string'), false))
                 FROM jsonb_array_elements(CASE jsonb_typeof(wanted) WHEN 'array' THEN wanted ELSE jsonb_build_array(wanted) END) AS e (item)
                CROSS JOIN LATERAL (SELECT e.item #>> '{}' WHERE jsonb_typeof(e.item) = 'string' UNION ALL SELECT NULL WHERE jsonb_typeof(e.item) <> 'string') AS t (name));
    WHEN keyword = 'required' THEN
      good := jsonb_typeof(wanted) = 'array' AND NOT jsonb_path_exists(wanted, 'strict $[*] ? (@.type() != "string")');
    WHEN keyword = 'properties' THEN
      good := jsonb_typeof(wanted) = 'object';
      IF good THEN
        FOR sub IN SELECT * FROM jsonb_each(wanted) LOOP
          PERFORM sluice_private.check_schema(sub.value, p_path || '/properties/' || sub.key);
        END LOOP;
      END IF;
    WHEN keyword IN ('additionalProperties', 'items') THEN
      PERFORM sluice_private.check_schema(wanted, p_path || '/' || keyword);
    WHEN keyword = 'enum' THEN
      good := jsonb_typeof(wanted) = 'array' AND wanted <> '[]';
    WHEN keyword IN ('minimum', 'maximum') THEN
      good := jsonb_typeof(wanted) = 'number';
    WHEN keyword IN ('minLength', 'maxLength', 'minItems', 'maxItems') THEN
      good := jsonb_typeof(wanted) = 'number';
      good := good AND wanted::numeric >= 0 AND wanted::numeric = trunc(wanted::numeric);
    WHEN keyword = 'pattern' THEN
      good := jsonb_typeof(wanted) = 'string';
      BEGIN
        PERFORM '' ~ (wanted #>> '{}');
      EXCEPTION WHEN invalid_regular_expression THEN
        good := false;
      END;
    WHEN keyword IN ('const', 'title', 'description', '$schema', '$id', '$comment', 'default', 'examples') THEN
      NULL;
    ELSE
      PERFORM sluice_private.fail('SL005', format('schema keyword %L at %s is not checked here', keyword, coalesce(nullif(p_path, ''), 'its root')), NULL,
        'the keywords: type, required, properties, additionalProperties, items, enum, const, minimum, maximum, minLength, maxLength, minItems, '
        'maxItems, pattern, and title, description, $schema, $id, $comment, default, examples, which say nothing');
    END CASE;
    IF NOT good THEN
      PERFORM sluice_private.fail('SL005', format('schema keyword %L at %s has a bad value: %s', keyword, coalesce(nullif(p_path, ''), 'its root'), left(wanted::text, 100)));
    END IF;
  END LOOP;
END $$;
COMMENT ON FUNCTION sluice_private.check_schema(jsonb, text) IS 'SL005, with the keyword and its place, unless every keyword is known and has a value that means something';
SELECT sluice_private.hide('sluice_private.check_schema(jsonb, text)');

CREATE OR REPLACE FUNCTION sluice_private.has_type(p_value jsonb, p_type text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE p_type WHEN 'integer' THEN CASE jsonb_typeof(p_value) WHEN 'number' THEN p_value::numeric = trunc(p_value::numeric) ELSE false END
                   ELSE jsonb_typeof(p_value) = p_type END;
COMMENT ON FUNCTION sluice_private.has_type(jsonb, text) IS 'whether a value is of a type of JSON Schema; 1.0 is an integer';
SELECT sluice_private.hide('sluice_private.has_type(jsonb, text)');

CREATE OR REPLACE FUNCTION sluice_private.schema_fault(p_schema jsonb, p_value jsonb, p_path text DEFAULT '') RETURNS text
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  kind text := jsonb_typeof(p_value);
  place text := coalesce(nullif(p_path, ''), 'the data');
  types jsonb := p_schema -> 'type';
  missing text;
  fault text;
  sub record;
BEGIN
  IF jsonb_typeof(p_schema) = 'boolean' THEN
    RETURN CASE WHEN p_schema = 'false' THEN place || ' is not allowed' END;
  END IF;
  IF types IS NOT NULL AND NOT EXISTS (
       SELECT FROM jsonb_array_elements_text(CASE jsonb_typeof(types) WHEN 'array' THEN types ELSE jsonb_build_array(types) END) AS t (name)
        WHERE sluice_private.has_type(p_value, t.name)) THEN
    RETURN format('%s is of type %s, not %s', place, kind, types);
  ELSIF p_schema ? 'const' AND p_value <> p_schema -> 'const' THEN
    RETURN format('%s is not %s', place, left((p_schema -> 'const')::text, 100));
  ELSIF p_schema ? 'enum' AND NOT EXISTS (SELECT FROM jsonb_array_elements(p_schema -> 'enum') AS e (item) WHERE e.item = p_value) THEN
    RETURN format('%s is none of %s', place, left((p_schema -> 'enum')::text, 200));
  END IF;
  CASE kind
  WHEN 'number' THEN
    IF p_value::numeric < (p_schema -> 'minimum')::numeric THEN
      RETURN format('%s is below %s', place, p_schema -> 'minimum');
    ELSIF p_value::numeric > (p_schema -> 'maximum')::numeric THEN
      RETURN format('%s is above %s', place, p_schema -> 'maximum');
    END IF;
  WHEN 'string' THEN
    IF char_length(p_value #>> '{}') < (p_schema -> 'minLength')::numeric THEN
      RETURN format('%s is shorter than %s', place, p_schema -> 'minLength');
    ELSIF char_length(p_value #>> '{}') > (p_schema -> 'maxLength')::numeric THEN
      RETURN format('%s is longer than %s', place, p_schema -> 'maxLength');
    ELSIF (p_value #>> '{}') !~ (p_schema ->> 'pattern') THEN
      RETURN format('%s does not match %s', place, p_schema -> 'pattern');
    END IF;
  WHEN 'array' THEN
    IF jsonb_array_length(p_value) < (p_schema -> 'minItems')::numeric THEN
      RETURN format('%s has fewer items than %s', place, p_schema -> 'minItems');
    ELSIF jsonb_array_length(p_value) > (p_schema -> 'maxItems')::numeric THEN
      RETURN format('%s has more items than %s', place, p_schema -> 'maxItems');
    ELSIF p_schema ? 'items' THEN
      FOR sub IN SELECT * FROM jsonb_array_elements(p_value) WITH ORDINALITY AS e (item, place) LOOP
        fault := sluice_private.schema_fault(p_schema -> 'items', sub.item, p_path || '/' || sub.place - 1);
        IF fault IS NOT NULL THEN RETURN fault; END IF;
      END LOOP;
    END IF;
  WHEN 'object' THEN
    SELECT r.name INTO missing FROM jsonb_array_elements_text(p_schema -> 'required') AS r (name) WHERE NOT p_value ? r.name LIMIT 1;
    IF FOUND THEN
      RETURN format('%s has no member %L', place, missing);
    END IF;
    FOR sub IN SELECT m.key, m.value, coalesce(p_schema -> 'properties' -> m.key, p_schema -> 'additionalProperties') AS schema FROM jsonb_each(p_value) AS m LOOP
      IF sub.schema IS NOT NULL THEN
        fault := sluice_private.schema_fault(sub.schema, sub.value, p_path || '/' || sub.key);
        IF fault IS NOT NULL THEN RETURN fault; END IF;
      END IF;
    END LOOP;
  ELSE
    NULL;
  END CASE;
  RETURN NULL;
END $$;
COMMENT ON FUNCTION sluice_private.schema_fault(jsonb, jsonb, text) IS 'what is wrong with a value, in words, by a schema that check_schema passed; null if nothing';
SELECT sluice_private.hide('sluice_private.schema_fault(jsonb, jsonb, text)');
