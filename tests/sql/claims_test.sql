-- Claiming: order, priority, time, queues, processes; the SQL side of enqueue.
BEGIN;
SELECT no_plan();
SELECT test.process() AS p \gset
CREATE FUNCTION pg_temp.put(priority int, age interval, queue text DEFAULT 'default') RETURNS bigint LANGUAGE sql AS $$
  INSERT INTO sluice_private.tasks (kind, payload, queue, priority, run_at, order_key)
  SELECT 'http', '{}', queue, priority, due, due - priority * interval '10 seconds' FROM (SELECT clock_timestamp() - age AS due) AS d RETURNING id
$$;
CREATE FUNCTION pg_temp.claimed(watermark timestamptz DEFAULT '-infinity', most int DEFAULT 100) RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
  ids bigint[];
BEGIN
  ids := ARRAY(SELECT c.id FROM test.claim((SELECT max(id) FROM sluice_private.processes), most, watermark) c);
  UPDATE sluice_private.tasks SET claimed_by = NULL WHERE id = ANY (ids);
  RETURN ids;
END
$$;

SELECT pg_temp.put(0, '10 s') AS a, pg_temp.put(0, '20 s') AS b, pg_temp.put(0, '-1 hour') AS later \gset
SELECT is(pg_temp.claimed(), ARRAY[:b, :a]::bigint[], 'by due time, and nothing early');
SELECT pg_temp.put(2, '5 s') AS urgent, pg_temp.put(-1, '16 s') AS lazy, pg_temp.put(5, '-1 s') AS urgent_later, pg_temp.put(-3, '1 s') AS last \gset
SELECT is(pg_temp.claimed(), ARRAY[:urgent, :b, :a, :lazy, :last]::bigint[], 'priority moves a task by 10 s a step, so age wins in the end');
SELECT is(pg_temp.claimed('now'::timestamptz - interval '15 s'), ARRAY[:urgent, :a, :lazy, :last]::bigint[], 'a watermark hides older tasks, but none with a priority');
SELECT is(pg_temp.claimed(most => 2), ARRAY[:urgent, :b]::bigint[], 'not more than asked for');

SELECT sluice.pause_queue('default');
SELECT is(pg_temp.claimed(), '{}'::bigint[], 'nothing from a paused queue');
SELECT sluice.enqueue('http', '{"url": "https://example.org/"}', 'other') AS other \gset
SELECT is(pg_temp.claimed(), ARRAY[:other]::bigint[], 'the other queue runs on');
SELECT is((SELECT status FROM sluice.task_overview WHERE task_id = :a), 'paused');
SELECT sluice.resume_queue('default');
SELECT is(cardinality(pg_temp.claimed()), 6, 'until it is resumed');

SELECT id FROM test.claim(:p, 1) \gset first_
SELECT is((SELECT status FROM sluice.task_overview WHERE task_id = :first_id), 'running');
SELECT ok(NOT :first_id = ANY (ARRAY(SELECT id FROM test.claim(test.process()))), 'a live claim holds');
SELECT test.kill(id) FROM sluice_private.processes;
SELECT ok(:first_id = ANY (ARRAY(SELECT id FROM test.claim(test.process()))), 'a claim whose process was not heard of for 4 s does not');
SELECT ok(sluice_private.heartbeat(:p), 'a process that comes back is alive again');
UPDATE sluice_private.processes SET heartbeat_at = now() - interval '1 minute' WHERE id = :p;
SELECT cmp_ok(sluice_private.reap_processes(), '>=', 1, 'one that stays away is removed');
SELECT ok(NOT sluice_private.heartbeat(:p), 'and is told so');

SELECT throws_ok($$SELECT sluice.enqueue('start', '{}')$$, 'SL005');
SELECT throws_ok($$SELECT sluice.enqueue('http', '[]')$$, 'SL005');
SELECT throws_ok($$SELECT sluice.enqueue('http', '{"url": "file:///etc/passwd"}')$$, 'SL005');
SELECT throws_ok($$SELECT sluice.enqueue('http', '{"url": "https://example.org/"}', '')$$, 'SL005');
SELECT throws_ok($$SELECT sluice.enqueue('http', '{"url": "https://example.org/"}', priority => 5000)$$, 'SL005');
SELECT throws_ok($$SELECT sluice.enqueue('http', '{"url": "https://example.org/"}', max_attempts => 0)$$, 'SL005');
SELECT throws_ok($$SELECT sluice.enqueue('http', '{"url": "https://example.org/"}', run_at => 'infinity')$$, 'SL005');
SELECT throws_ok($$SELECT sluice.enqueue('sql', '{"function": "pg_catalog.jsonb_pretty"}')$$, 'SL005', NULL, 'no system function');
SELECT throws_ok($$SELECT sluice.enqueue('sql', '{"function": "sluice.state_hash"}')$$, 'SL005', NULL, 'none of ours');
SELECT throws_ok($$SELECT sluice.enqueue('sql', '{"function": "nowhere.nothing"}')$$, 'SL005');
CREATE FUNCTION public.tidy(job jsonb) RETURNS void LANGUAGE sql AS '';
SELECT lives_ok($$SELECT sluice.enqueue('sql', '{"function": "public.tidy"}')$$);
REVOKE EXECUTE ON FUNCTION public.tidy(jsonb) FROM PUBLIC;
CREATE ROLE sluice_test_caller;
GRANT sluice_api TO sluice_test_caller;
SET SESSION AUTHORIZATION sluice_test_caller;
SELECT throws_ok($$SELECT sluice.enqueue('sql', '{"function": "public.tidy"}')$$, 'SL005', NULL, 'no function that the caller may not call');
RESET SESSION AUTHORIZATION;
SELECT * FROM finish();
ROLLBACK;
