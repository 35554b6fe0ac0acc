-- Sql tasks: whose functions may be called for whom, when they are enqueued and when they run.
BEGIN;
SELECT no_plan();
CREATE ROLE sluice_test_author;
CREATE ROLE sluice_test_caller;
GRANT sluice_api TO sluice_test_caller;
GRANT CREATE, USAGE ON SCHEMA public TO sluice_test_author;
CREATE TABLE public.ran (who text, job jsonb);
GRANT INSERT ON public.ran TO sluice_test_author;
SET LOCAL ROLE sluice_test_author;
CREATE FUNCTION public.definer(job jsonb) RETURNS text LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
  $$INSERT INTO public.ran VALUES (current_user, job); SELECT current_user::text$$;
CREATE FUNCTION public.invoker(job jsonb) RETURNS text LANGUAGE sql AS $$INSERT INTO public.ran VALUES (current_user, job); SELECT current_user::text$$;
RESET ROLE;
CREATE FUNCTION public.administrators(job jsonb) RETURNS text LANGUAGE sql AS $$INSERT INTO public.ran VALUES (current_user, job); SELECT current_user::text$$;
CREATE FUNCTION pg_temp.run(task bigint) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  UPDATE sluice_private.tasks SET claim_token = 7 WHERE id = task;
  RETURN sluice_private.run_sql_task(task, 7) ->> 'result';
END
$$;

SET SESSION AUTHORIZATION sluice_test_caller;
SELECT throws_ok($$SELECT sluice.enqueue('sql', '{"function": "public.invoker"}')$$, 'SL005', 'public.invoker(jsonb) would run with the rights of the worker');
SELECT throws_ok($$SELECT sluice.enqueue('sql', '{"function": "public.administrators"}')$$, 'SL005', NULL, 'not even an administrator''s, for a role that is none');
SELECT throws_ok($$SELECT sluice.schedule('x', '@hourly', 'sql', '{"function": "public.invoker"}')$$, 'SL005', NULL, 'nor by a schedule');
SELECT sluice.enqueue('sql', '{"function": "public.definer", "argument": {"n": 1}, "role": "postgres"}') AS good,
       sluice.enqueue('sql', '{"function": "public.definer", "argument": {"n": 2}}') AS replaced,
       sluice.enqueue('sql', '{"function": "public.definer", "argument": {"n": 3}}') AS revoked \gset
RESET SESSION AUTHORIZATION;
SELECT throws_ok($$SELECT sluice.enqueue('sql', '{"function": "public.invoker"}')$$, 'SL005', NULL, 'an administrator does not lend rights to others'' code');
SELECT is((SELECT payload ->> 'role' FROM sluice_private.tasks WHERE id = :good), 'sluice_test_caller', 'nobody names another as its owner');
SELECT is(pg_temp.run(:good), 'sluice_test_author', 'a definer function runs as its owner');
SELECT is(pg_temp.run(sluice.enqueue('sql', '{"function": "public.administrators"}')), current_user::text, 'an administrator''s for an administrator with the worker''s rights');
SELECT results_eq('SELECT job FROM public.ran', $$VALUES ('{"n": 1}'::jsonb), ('{}')$$);

SET LOCAL ROLE sluice_test_author;
ALTER FUNCTION public.definer(jsonb) SECURITY INVOKER;
RESET ROLE;
SELECT throws_ok(format('SELECT pg_temp.run(%s)', :replaced), 'SL005', 'public.definer(jsonb) would run with the rights of the worker', 'what a function has become meanwhile counts');
ALTER FUNCTION public.definer(jsonb) SECURITY DEFINER;
REVOKE EXECUTE ON FUNCTION public.definer(jsonb) FROM PUBLIC;
SELECT throws_ok(format('SELECT pg_temp.run(%s)', :revoked), 'SL005', 'sluice_test_caller may not call public.definer(jsonb)', 'and so does a right that was taken away');
SELECT is(sluice_private.run_sql_task(:good, 8), NULL, 'nothing runs for another''s claim');
SELECT * FROM finish();
ROLLBACK;
