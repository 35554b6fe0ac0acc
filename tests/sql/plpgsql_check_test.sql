-- Every function in plpgsql is judged by plpgsql_check: names that are not there, wrong types, and SQL that is put together from text
-- without quotes. Not judged: finish_batch, for a parameter of type record has no columns until it is called; and the EXECUTE of
-- ensure_partitions and grant_to, whose text is the program's own and no caller's.
BEGIN;
SELECT no_plan();
CREATE EXTENSION plpgsql_check;

-- The trigger of watched tables is on none yet.
CREATE TABLE public.watched (id int PRIMARY KEY);
SELECT sluice.watch_table('public.watched', 'watched', 'id');

CREATE TEMPORARY VIEW judged AS
SELECT p.oid::regprocedure AS function, t.tgrelid AS relation
  FROM pg_proc p
  JOIN pg_namespace n ON n.oid = p.pronamespace
  JOIN pg_language l ON l.oid = p.prolang
  LEFT JOIN (SELECT DISTINCT tgfoid, tgrelid FROM pg_trigger) t ON t.tgfoid = p.oid
 WHERE n.nspname IN ('sluice', 'sluice_private') AND l.lanname = 'plpgsql' AND p.proname <> 'finish_batch'
   AND (p.prorettype <> 'trigger'::regtype OR t.tgrelid IS NOT NULL);  -- a trigger's function is judged with a table that has it

CREATE FUNCTION pg_temp.findings(of regprocedure, on_table oid) RETURNS SETOF text LANGUAGE sql AS $$
  SELECT format('%s:%s: %s: %s %s', of, lineno, level, message, detail)
    FROM plpgsql_check_function_tb(of, coalesce(on_table, 0)::regclass, newtable => CASE WHEN on_table IS NOT NULL THEN 'new_rows'::name END,
                                   oldtable => CASE WHEN on_table IS NOT NULL THEN 'old_rows'::name END, security_warnings => true)
   WHERE level = 'error' OR level = 'security' AND of::text !~ '^sluice_private\.(ensure_partitions|grant_to)\('
$$;

SELECT cmp_ok((SELECT count(*) FROM judged), '>', 50::bigint, 'the functions are found');
SELECT is_empty('SELECT pg_temp.findings(function, relation) FROM judged', 'nothing is wrong with them');

-- It would say so.
CREATE FUNCTION sluice_private.careless(name text) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE 'SELECT ' || name;
  RETURN (SELECT no_such_column FROM sluice_private.tasks);
END $$;
SELECT matches((SELECT string_agg(f, ' ') FROM pg_temp.findings('sluice_private.careless(text)', NULL) f), 'no_such_column');
CREATE OR REPLACE FUNCTION sluice_private.careless(name text) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE 'SELECT ' || name;
  RETURN 1;
END $$;
SELECT matches((SELECT string_agg(f, ' ') FROM pg_temp.findings('sluice_private.careless(text)', NULL) f), 'security');

SELECT * FROM finish();
ROLLBACK;
