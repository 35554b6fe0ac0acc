-- Every text that the API takes, one argument after the other, with texts that break out of badly built SQL. Nothing of them may be run,
-- and what is refused is refused in Sluice's words: no syntax error, no unknown name, nothing internal.
BEGIN;
SELECT no_plan();
CREATE TABLE test.victim AS SELECT 'unharmed' AS state;
GRANT USAGE ON SCHEMA test TO sluice_api;
GRANT ALL ON test.victim TO sluice_api;
SELECT test.flow('victim');

CREATE TABLE test.hostile AS
SELECT unnest(ARRAY[
  '''; DROP TABLE test.victim; --', '"; DROP TABLE test.victim; --', '$$; DROP TABLE test.victim; $$', '$f$; DROP TABLE test.victim; $f$',
  'victim''); DROP TABLE test.victim; --', E'\\''; DROP TABLE test.victim; --', '%s %I %L %%', '$1', '{{secret:key}}', '../../../etc/passwd',
  E'two\nlines\r\n', E'\x1b[2J\x07', '" OR 1 = 1', ''' OR ''1'' = ''1', 'http://127.0.0.1/''; DROP TABLE test.victim; --', '',
  repeat('[', 5000), repeat('x', 300000)]) AS text;

CREATE FUNCTION test.plain(type regtype) RETURNS text LANGUAGE sql AS $$
  SELECT CASE type::text
    WHEN 'text' THEN '''victim''' WHEN 'text[]' THEN '''{victim}''::text[]' WHEN 'jsonb' THEN '''{}''::jsonb' WHEN 'name' THEN '''victim''::name'
    WHEN 'uuid' THEN '''00000000-0000-0000-0000-000000000001''::uuid' WHEN 'boolean' THEN 'true' WHEN 'interval' THEN '''1 minute''::interval'
    WHEN 'timestamp with time zone' THEN 'now()' WHEN 'regclass' THEN '''test.victim''::regclass'
    WHEN 'regprocedure' THEN '''sluice.status()''::regprocedure' WHEN 'regproc' THEN '''sluice.status''::regproc' ELSE '1::' || type::text END
$$;

-- The hostile text as a value of the type: as it is, in a list, as a JSON text, and as key and value of JSON objects.
CREATE FUNCTION test.disguises(type regtype, hostile text) RETURNS SETOF text LANGUAGE sql AS $$
  SELECT quote_literal(hostile) WHERE type = 'text'::regtype
  UNION ALL SELECT format('ARRAY[%L]', hostile) WHERE type = 'text[]'::regtype
  UNION ALL SELECT format('%L::jsonb', j)
    FROM (VALUES (to_jsonb(hostile)), (jsonb_build_object(hostile, hostile)), (jsonb_build_array(hostile)),
                 (jsonb_build_object('name', hostile, 'url', hostile, 'type', hostile, 'user', jsonb_build_object(hostile, hostile)))) AS v (j)
   WHERE type = 'jsonb'::regtype AND length(hostile) < 1000
$$;

CREATE VIEW test.calls AS
SELECT format('SELECT sluice.%I(%s)', p.proname, string_agg(CASE WHEN t.place = h.place THEN d.value ELSE test.plain(t.type) END, ', ' ORDER BY t.place)) AS call,
       p.proname, h.place, d.value
  FROM pg_proc AS p
 CROSS JOIN LATERAL unnest(p.proargtypes) WITH ORDINALITY AS h (type, place)
 CROSS JOIN test.hostile AS s
 CROSS JOIN LATERAL test.disguises(h.type, s.text) AS d (value)
 CROSS JOIN LATERAL unnest(p.proargtypes) WITH ORDINALITY AS t (type, place)
 WHERE p.pronamespace = 'sluice'::regnamespace AND p.prorettype <> 'trigger'::regtype AND has_function_privilege('sluice_api', p.oid, 'EXECUTE')
 GROUP BY p.oid, p.proname, h.place, d.value;

-- null when the call was made or was refused properly
CREATE FUNCTION test.breaks(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  state text;
BEGIN
  BEGIN
    SET LOCAL ROLE sluice_api;
    EXECUTE call;
    RESET ROLE;
  EXCEPTION WHEN OTHERS THEN
    state := SQLSTATE;
    IF state IN ('42601', '42P01', '42703', '42883', '42704', '42P02', '22P02') OR state LIKE 'XX%' THEN
      RETURN state || ' ' || SQLERRM;
    END IF;
  END;
  IF (SELECT v.state FROM test.victim AS v) IS DISTINCT FROM 'unharmed' THEN
    RETURN 'the victim was harmed';
  END IF;
  RETURN NULL;
EXCEPTION WHEN undefined_table THEN
  RETURN 'the victim is gone';
END
$$;

SELECT cmp_ok((SELECT count(*) FROM test.calls), '>', 1000::bigint, 'there are calls to make');
SELECT is_empty($$
  SELECT c.proname, c.place, left(c.value, 60), left(b.problem, 160)
    FROM test.calls AS c CROSS JOIN LATERAL test.breaks(c.call) AS b (problem) WHERE b.problem IS NOT NULL$$, 'no argument breaks out');

-- Names of the user's own objects, which become part of statements.
CREATE SCHEMA "s'; DROP TABLE test.victim; --";
CREATE TABLE "s'; DROP TABLE test.victim; --"."t""; DROP TABLE test.victim; --" ("id'; DROP TABLE test.victim; --" int PRIMARY KEY, "b""c" text);
SELECT lives_ok(format('SELECT sluice.watch_table(%L::regclass, ''hostile.row'', %L)', '"s''; DROP TABLE test.victim; --"."t""; DROP TABLE test.victim; --"',
                       'id''; DROP TABLE test.victim; --'));
SELECT lives_ok($$INSERT INTO "s'; DROP TABLE test.victim; --"."t""; DROP TABLE test.victim; --" VALUES (1, '''; DROP TABLE test.victim; --')$$);
SELECT lives_ok(format('SELECT sluice.unwatch_table(%L::regclass)', '"s''; DROP TABLE test.victim; --"."t""; DROP TABLE test.victim; --"'));
SELECT is((SELECT state FROM test.victim), 'unharmed', 'names are quoted');

SELECT * FROM finish();
ROLLBACK;
