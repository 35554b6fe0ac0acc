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
  IF (SELECT array_agg(t) FROM sluice_private.run_sql_tasks(ARRAY[task], '{7}') AS t) IS DISTINCT FROM ARRAY[task] THEN
    RETURN 'not run';
  END IF;
  RETURN (SELECT r.result_data ->> 'result' FROM sluice.task_idempotency_records r WHERE r.task_id = task AND r.status = 'completed');
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

-- Several at once.
CREATE FUNCTION public.numbered(job jsonb) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
  IF job ? 'bad' THEN RAISE 'bad job'; END IF;
  INSERT INTO public.ran VALUES ('numbered', job);
  RETURN (job ->> 'n')::int * 10;
END $$;
CREATE FUNCTION public.several(job jsonb) RETURNS SETOF int LANGUAGE sql AS 'SELECT generate_series(1, 3)';
TRUNCATE public.ran;
SELECT array_agg(sluice.enqueue('sql', jsonb_build_object('function', 'public.numbered', 'argument', jsonb_build_object('n', n))) ORDER BY n) AS batch
  FROM generate_series(1, 4) AS n \gset
SELECT sluice.enqueue('sql', '{"function": "public.numbered", "argument": {"bad": true}}') AS bad, sluice.enqueue('sql', '{"function": "public.several"}') AS several \gset
UPDATE sluice_private.tasks SET claim_token = id WHERE kind = 'sql' AND queue = 'default' AND id = ANY (:'batch'::bigint[] || :bad || :several);
SELECT throws_ok(format('SELECT sluice_private.run_sql_tasks(%1$L::bigint[] || %2$s, %1$L::bigint[] || %2$s)', :'batch', :bad), 'P0001', 'bad job', 'one that fails fails its batch');
SELECT is((SELECT count(*)::int FROM public.ran), 0, 'and nothing of it happened');
SELECT throws_ok(format('SELECT sluice_private.run_sql_tasks(%1$L::bigint[] || %2$s, %1$L::bigint[] || %2$s)', :'batch', :several), 'SL005',
                 'sql tasks of different functions or roles cannot be run together', 'a batch has one function');
UPDATE sluice_private.tasks SET claim_token = 1 WHERE id = (:'batch'::bigint[])[2];
SELECT set_eq(format('SELECT sluice_private.run_sql_tasks(%1$L, %1$L)', :'batch'), format('SELECT unnest(%1$L::bigint[]) EXCEPT SELECT (%1$L::bigint[])[2]', :'batch'),
              'those whose claim is another''s are left alone');
SELECT bag_eq('SELECT job ->> ''n'' FROM public.ran', $$VALUES ('1'), ('3'), ('4')$$, 'each ran once');
SELECT results_eq(format($$SELECT r.result_data ->> 'result' FROM sluice.task_idempotency_records r WHERE r.task_id = ANY (%L) ORDER BY r.task_id$$, :'batch'),
                  $$VALUES ('10'), ('30'), ('40')$$, 'and each has its own result');
SELECT is(current_setting('lock_timeout'), '20ms', 'a batch does not wait for locks');
SELECT is((SELECT count(*)::int FROM sluice_private.tasks WHERE id = ANY (:'batch'::bigint[])), 1, 'what ran is gone');
SELECT lives_ok(format('SELECT sluice_private.run_sql_tasks(ARRAY[%1$s], ARRAY[%1$s])', :several), 'a function that returns a set runs alone');
SELECT is((SELECT r.result_data ->> 'result' FROM sluice.task_idempotency_records r WHERE r.task_id = :several), '1', 'and its first row is the result');
SELECT is_empty(format('SELECT sluice_private.run_sql_tasks(ARRAY[%s], ARRAY[8])', :bad), 'nothing runs for another''s claim');

-- Without a claim: the head of the queues, as far as it makes one call.
DELETE FROM sluice_private.tasks;
TRUNCATE public.ran;
CREATE FUNCTION pg_temp.job(n int, queue text DEFAULT 'default', priority int DEFAULT 0, after interval DEFAULT '0', function_name text DEFAULT 'public.numbered') RETURNS bigint
LANGUAGE sql AS $$SELECT sluice.enqueue('sql', jsonb_build_object('function', function_name, 'argument', jsonb_build_object('n', n)), queue, now() + after, priority)$$;
CREATE FUNCTION pg_temp.run_due(most int DEFAULT 10, since timestamptz DEFAULT '-infinity') RETURNS TABLE (id bigint)
LANGUAGE sql AS $$SELECT r.id FROM sluice_private.run_due_sql_tasks('public.numbered', current_user::text, most, since) AS r$$;
SELECT array_agg(pg_temp.job(n) ORDER BY n) AS jobs FROM generate_series(1, 6) AS n \gset
SELECT pg_temp.job(7, 'paused') AS paused, pg_temp.job(8, 'limited') AS limited, pg_temp.job(9, after => '1 h') AS later \gset
SELECT sluice.pause_queue('paused'), sluice.limit_queue('limited', 1);
UPDATE sluice_private.tasks SET order_key = now() - interval '1 min' + id * interval '1 s' WHERE id = ANY (:'jobs'::bigint[]);
UPDATE sluice_private.tasks SET order_key = order_key - interval '1 h' WHERE id = (:'jobs'::bigint[])[6];
UPDATE sluice_private.tasks SET claimed_by = 1, claim_token = 1 WHERE id = (:'jobs'::bigint[])[2];
UPDATE sluice_private.tasks SET attempt = 2 WHERE id = (:'jobs'::bigint[])[3];
SELECT results_eq('SELECT * FROM pg_temp.run_due(3)', format('SELECT unnest(ARRAY[(%1$L::bigint[])[6], (%1$L::bigint[])[1]])', :'jobs'),
                  'in the order in which they are due, as many as asked for, without those that are claimed or were tried before');
SELECT results_eq('SELECT job ->> ''n'' FROM public.ran', $$VALUES ('6'), ('1')$$, 'each ran once');
SELECT results_eq(format($$SELECT r.result_data ->> 'result' FROM sluice.task_idempotency_records r WHERE r.task_id = ANY (%L) AND r.status = 'completed' ORDER BY r.task_id$$, :'jobs'),
                  $$VALUES ('10'), ('60')$$, 'and has its record');
SELECT is_empty($$SELECT * FROM pg_temp.run_due(since => now() + interval '5 s')$$, 'nothing from before the watermark');
SELECT pg_temp.job(10, priority => 1) AS urgent, pg_temp.job(11, function_name => 'public.several') AS other \gset
SELECT is_empty('SELECT * FROM pg_temp.run_due()', 'nothing while there is one with a priority');
CREATE FUNCTION pg_temp.ran(OUT jobs int) LANGUAGE plpgsql AS $$
DECLARE
  oldest bigint := pg_temp.job(0);
BEGIN
  UPDATE sluice_private.tasks SET order_key = order_key - interval '1 day' WHERE id = oldest;
  SELECT count(*) INTO jobs FROM pg_temp.run_due(1);
END $$;
UPDATE sluice_private.tasks SET claimed_by = 1, claim_token = 1 WHERE id = :urgent;
SELECT is(pg_temp.ran(), 1, 'but one that is claimed holds nobody up');
UPDATE sluice_private.tasks SET claimed_by = NULL, claim_token = NULL, queue = 'paused' WHERE id = :urgent;
SELECT is(pg_temp.ran(), 1, 'nor one of a paused queue');
UPDATE sluice_private.tasks SET queue = 'limited' WHERE id = :urgent;
SELECT is(pg_temp.ran(), 1, 'nor one of a limited queue');
UPDATE sluice_private.tasks SET queue = 'default', run_at = run_at + interval '1 h' WHERE id = :urgent;
SELECT is(pg_temp.ran(), 1, 'nor one before its time');
SELECT sluice.enqueue('sql', '{"function": "public.numbered", "argument": {"bad": true}}') AS bad \gset
SELECT throws_ok('SELECT * FROM pg_temp.run_due()', 'P0001', 'bad job', 'one that fails fails all');
SELECT is((SELECT count(*)::int FROM sluice_private.tasks WHERE id = ANY (:'jobs'::bigint[])), 4, 'which are left as they were');
DELETE FROM sluice_private.tasks WHERE id = :bad;
SELECT pg_temp.job(12) AS of_another_kind, pg_temp.job(13) AS for_another \gset
UPDATE sluice_private.tasks SET kind = 'http' WHERE id = :of_another_kind;
UPDATE sluice_private.tasks SET payload = payload || '{"role": "sluice_test_caller"}' WHERE id = :for_another;
SET LOCAL lock_timeout = 0;
SELECT results_eq('SELECT * FROM pg_temp.run_due()', format('SELECT (%1$L::bigint[])[4] UNION ALL SELECT (%1$L::bigint[])[5]', :'jobs'), 'not those that make another call');
SELECT set_eq('SELECT id FROM sluice_private.tasks', format('SELECT unnest(ARRAY[(%1$L::bigint[])[2], (%1$L::bigint[])[3], %2$s, %3$s, %4$s, %5$s, %6$s, %7$s, %8$s])',
                                                            :'jobs', :paused, :limited, :later, :urgent, :other, :of_another_kind, :for_another),
              'nor those of queues that are paused or limited, nor before their time');
SELECT is(current_setting('lock_timeout'), '20ms', 'a batch does not wait for locks');
DELETE FROM sluice_private.tasks;
SELECT pg_temp.job(14) AS newer, pg_temp.job(15, 'zebra') AS older \gset
UPDATE sluice_private.tasks SET order_key = order_key - interval '1 min' WHERE id = :older;
SELECT results_eq('SELECT * FROM pg_temp.run_due(1)', format('VALUES (%s::bigint)', :older), 'the oldest of all queues comes first, and no more than asked for');
SELECT results_eq('SELECT * FROM pg_temp.run_due(1)', format('VALUES (%s::bigint)', :newer), 'and then the next');
TRUNCATE public.ran;
SELECT sluice.enqueue('sql', '{"function": "public.numbered"}', idempotency_key => 'once') AS keyed \gset
SELECT results_eq('SELECT * FROM pg_temp.run_due(1)', format('VALUES (%s::bigint)', :keyed), 'one without an argument runs');
SELECT results_eq('SELECT job FROM public.ran', $$VALUES ('{}'::jsonb)$$, 'with an empty one');
SELECT is((SELECT r.idempotency_key FROM sluice.task_idempotency_records r WHERE r.task_id = :keyed AND r.status = 'completed'), 'once', 'and its record has its key');
CREATE FUNCTION public.handed_over(job jsonb) RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp RETURN 1;
GRANT EXECUTE ON FUNCTION public.handed_over(jsonb) TO sluice_test_caller;
SET SESSION AUTHORIZATION sluice_test_caller;
SELECT sluice.enqueue('sql', '{"function": "public.handed_over"}') AS handed_over \gset
RESET SESSION AUTHORIZATION;
REVOKE EXECUTE ON FUNCTION public.handed_over(jsonb) FROM PUBLIC, sluice_test_caller;
SELECT throws_ok($$SELECT * FROM sluice_private.run_due_sql_tasks('public.handed_over', 'sluice_test_caller', 10, '-infinity')$$, 'SL005',
                 'sluice_test_caller may not call public.handed_over(jsonb)', 'a right that was taken away counts');
SELECT * FROM finish();
ROLLBACK;
