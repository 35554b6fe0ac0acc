-- What is done with JSON values: canonical text, the hash of a state, deep merge.

-- A number as it stands in jsonb::text: an integer keeps its digits, one with a '.' is a double in its shortest form. PostgreSQL and
-- Python agree on the digits and differ on the form between 1e15 and 1e16 and on whole values.
CREATE FUNCTION sluice_private.canonical_number(digits text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp SET extra_float_digits = 1 AS $$
DECLARE
  shortest text;
BEGIN
  IF position('.' IN digits) = 0 THEN
    RETURN digits;
  END IF;
  IF length(digits) > 300 AND abs(digits::numeric) < 2.4e-324 THEN
    RETURN '0.0';  -- the cast would refuse what a double rounds to zero
  END IF;
  shortest := digits::float8::text;
  IF position('e' IN shortest) = 0 THEN
    RETURN CASE WHEN position('.' IN shortest) = 0 THEN shortest || '.0' ELSE shortest END;
  END IF;
  IF right(shortest, 4) = 'e+15' THEN
    -- numeric writes all digits of what is below 1e16; a trailing .0 marks the whole ones
    shortest := shortest::numeric::text;
    RETURN CASE WHEN position('.' IN shortest) = 0 THEN shortest || '.0' ELSE shortest END;
  END IF;
  RETURN shortest;
END
$$;
COMMENT ON FUNCTION sluice_private.canonical_number(text) IS 'the canonical text of a number as jsonb prints it';

-- Characters outside ' '..'~' as \uXXXX. They stand only inside JSON strings, so the whole text can be treated at once.
CREATE FUNCTION sluice_private.ascii_only(json_text text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
  SELECT string_agg(
           part[1] || CASE
             WHEN part[2] = '' THEN ''
             WHEN ascii(part[2]) < 65536 THEN '\u' || lpad(to_hex(ascii(part[2])), 4, '0')
             ELSE '\u' || to_hex(55296 + ((ascii(part[2]) - 65536) >> 10)) || '\u' || to_hex(56320 + ((ascii(part[2]) - 65536) & 1023))
           END, '' ORDER BY place)
    FROM regexp_matches(json_text, '([ -~]*)([^ -~]?)', 'g') WITH ORDINALITY AS piece (part, place)
$$;
COMMENT ON FUNCTION sluice_private.ascii_only(text) IS 'a JSON text with every character outside printable ASCII as \uXXXX';

-- Only containers recurse; scalars are written where they stand.
CREATE FUNCTION sluice_private.sorted_json(value jsonb) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  written text;
BEGIN
  CASE jsonb_typeof(value)
  WHEN 'object' THEN
    SELECT string_agg(
             to_json(member.key)::text || ':' || CASE jsonb_typeof(member.value)
               WHEN 'object' THEN sluice_private.sorted_json(member.value)
               WHEN 'array' THEN sluice_private.sorted_json(member.value)
               WHEN 'number' THEN sluice_private.canonical_number(member.value::text)
               ELSE member.value::text
             END, ',' ORDER BY member.key COLLATE "C")
      INTO written FROM jsonb_each(sorted_json.value) AS member;
    RETURN '{' || coalesce(written, '') || '}';
  WHEN 'array' THEN
    SELECT string_agg(
             CASE jsonb_typeof(member.value)
               WHEN 'object' THEN sluice_private.sorted_json(member.value)
               WHEN 'array' THEN sluice_private.sorted_json(member.value)
               WHEN 'number' THEN sluice_private.canonical_number(member.value::text)
               ELSE member.value::text
             END, ',' ORDER BY member.place)
      INTO written FROM jsonb_array_elements(sorted_json.value) WITH ORDINALITY AS member (value, place);
    RETURN '[' || coalesce(written, '') || ']';
  WHEN 'number' THEN
    RETURN sluice_private.canonical_number(value::text);
  ELSE
    RETURN value::text;
  END CASE;
END
$$;
COMMENT ON FUNCTION sluice_private.sorted_json(jsonb) IS 'JSON text without white space, keys sorted by code point, numbers canonical';

CREATE FUNCTION sluice.canonical_json(value jsonb) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  written text := sluice_private.sorted_json(value);
BEGIN
  RETURN CASE WHEN written ~ '[^ -~]' THEN sluice_private.ascii_only(written) ELSE written END;
END
$$;
COMMENT ON FUNCTION sluice.canonical_json(jsonb) IS
  'the canonical text of a JSON value: keys by code point, no white space, non-ASCII as \uXXXX, floats in shortest form';

CREATE FUNCTION sluice.state_hash(state jsonb) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
  SELECT encode(sha256(convert_to(sluice.canonical_json(state), 'UTF8')), 'base64')
$$;
COMMENT ON FUNCTION sluice.state_hash(jsonb) IS 'base64(sha256(canonical JSON)), 44 characters';

CREATE FUNCTION sluice_private.deep_merge(target jsonb, updates jsonb) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  merged jsonb := target || updates;
  member record;
BEGIN
  FOR member IN
    SELECT u.key, t.value AS before, u.value AS after
      FROM jsonb_each(updates) AS u JOIN jsonb_each(target) AS t USING (key)
     WHERE jsonb_typeof(t.value) = 'object' AND jsonb_typeof(u.value) = 'object'
  LOOP
    merged := merged || jsonb_build_object(member.key, sluice_private.deep_merge(member.before, member.after));
  END LOOP;
  RETURN merged;
END
$$;
COMMENT ON FUNCTION sluice_private.deep_merge(jsonb, jsonb) IS 'objects merge member by member at any depth; arrays and scalars replace';

SELECT sluice_private.hide('sluice_private.canonical_number(text)');
SELECT sluice_private.hide('sluice_private.ascii_only(text)');
SELECT sluice_private.hide('sluice_private.sorted_json(jsonb)');
SELECT sluice_private.hide('sluice_private.deep_merge(jsonb, jsonb)');
