-- Limits of queues: numbers, keys, rates; places come back by themselves; full keys do not stand in others' way.
BEGIN;
SELECT no_plan();
SELECT test.process() AS p1, test.process() AS p2 \gset
CREATE FUNCTION pg_temp.put(queue text, key text DEFAULT NULL, priority int DEFAULT 0, age interval DEFAULT '1 minute') RETURNS bigint LANGUAGE sql AS $$
  INSERT INTO sluice_private.tasks (kind, payload, queue, priority, run_at, order_key)
  SELECT 'http', jsonb_build_object('url', 'x', 'key', key), queue, priority, due, due - priority * interval '10 seconds' FROM (SELECT clock_timestamp() - age AS due) AS d RETURNING id
$$;
CREATE FUNCTION pg_temp.claimed(process bigint, most int DEFAULT 100) RETURNS bigint[] LANGUAGE sql AS $$
  SELECT coalesce(array_agg((l.task).id) FILTER (WHERE (l.task).id IS NOT NULL), '{}') FROM sluice_private.claim_limited(process, most) l
$$;
CREATE FUNCTION pg_temp.finish(id bigint) RETURNS void LANGUAGE sql AS $$ DELETE FROM sluice_private.tasks t WHERE t.id = finish.id $$;

SELECT throws_ok($$SELECT sluice.limit_queue('default', 1)$$, 'SL005', NULL, 'sessions are not limited');
SELECT throws_ok($$SELECT sluice.limit_queue('q', 0)$$, 'SL005');
SELECT throws_ok($$SELECT sluice.limit_queue('q', max_per_key => 1, key_path => '{}')$$, 'SL005');
SELECT throws_ok($$SELECT sluice.limit_queue('q', rate => 1, rate_period => '0')$$, 'SL005');

-- a number
SELECT sluice.limit_queue('two', 2);
SELECT pg_temp.put('two') AS a, pg_temp.put('two', age => '50 s') AS b, pg_temp.put('two', age => '40 s') AS c, pg_temp.put('two', priority => 1, age => '20 s') AS d \gset
SELECT is(ARRAY(SELECT id FROM test.claim(:p1)), '{}'::bigint[], 'a limited queue is claimed from in its own way only');
SELECT is(pg_temp.claimed(:p1, 1), ARRAY[:a]::bigint[], 'in order');
SELECT is(pg_temp.claimed(:p2), ARRAY[:b]::bigint[], 'another process gets what the limit leaves');
SELECT is(pg_temp.claimed(:p1), '{}'::bigint[], 'and then nobody');
SELECT pg_temp.finish(:a);
SELECT is(pg_temp.claimed(:p2), ARRAY[:c]::bigint[], 'an end gives a place');
SELECT sluice_private.release_tasks(ARRAY[:c::bigint], ARRAY[(SELECT claim_token FROM sluice_private.tasks WHERE id = :c)]);
SELECT is(pg_temp.claimed(:p2), ARRAY[:c]::bigint[], 'so does a release, and the same task may take it');
SELECT test.kill(:p2);
SELECT is(pg_temp.claimed(:p1), ARRAY[:b, :c]::bigint[], 'a dead process''s places come back with its tasks');
SELECT sluice.pause_queue('two'), pg_temp.finish(:b), pg_temp.finish(:c);
SELECT is(pg_temp.claimed(:p1), '{}'::bigint[], 'nothing from a paused queue');
SELECT sluice.resume_queue('two');
SELECT is(pg_temp.claimed(:p1), ARRAY[:d]::bigint[]);
SELECT pg_temp.finish(:d);

-- keys
SELECT sluice.limit_queue('keys', max_per_key => 1, key_path => '{key}');
SELECT sluice_private.heartbeat(:p2);
SELECT array_agg(pg_temp.put('keys', 'x', age => '1 hour')) AS xs FROM generate_series(1, 200) \gset
SELECT pg_temp.put('keys', 'y') AS y, pg_temp.put('keys') AS none1, pg_temp.put('keys') AS none2 \gset
SELECT :'xs'::bigint[] AS xs \gset
SELECT is(pg_temp.claimed(:p1, 4), ARRAY[(:'xs'::bigint[])[1], :y, :none1, :none2]::bigint[], 'one of a full key runs; it does not stand before other keys and tasks without one');
SELECT is((SELECT count(*) FROM sluice.task_overview WHERE status = 'limited'), 199::bigint, 'the rest has stepped aside');
SELECT is(pg_temp.claimed(:p2), '{}'::bigint[]);
SELECT pg_temp.finish((:'xs'::bigint[])[1]);
SELECT is(pg_temp.claimed(:p2), ARRAY[(:'xs'::bigint[])[2]]::bigint[], 'its end lets the next of its key in, in order');
SELECT pg_temp.put('keys', 'x', priority => 1000) AS urgent \gset
SELECT is(pg_temp.claimed(:p2), '{}'::bigint[]);
SELECT pg_temp.finish((:'xs'::bigint[])[2]);
SELECT is(pg_temp.claimed(:p2), ARRAY[:urgent]::bigint[], 'the order among those aside is theirs by priority and time');
SELECT sluice.discard(:urgent);
SELECT is(pg_temp.claimed(:p1), ARRAY[(:'xs'::bigint[])[3]]::bigint[], 'a running task that is discarded leaves its place');
SELECT sluice.limit_queue('keys', max_per_key => 3);
SELECT is(cardinality(pg_temp.claimed(:p1)), 2, 'a higher limit counts at once');
SELECT sluice.limit_queue('keys');
SELECT is((SELECT count(*) FROM sluice_private.tasks WHERE parked_key IS NOT NULL), 0::bigint, 'without limits nothing stays aside');
SELECT is(cardinality(ARRAY(SELECT id FROM test.claim(:p1, 1000))), 195);

-- rates
SELECT sluice.limit_queue('rate', rate => 3, rate_period => '1 hour');
SELECT pg_temp.put('rate') FROM generate_series(1, 10);
SELECT is(cardinality(pg_temp.claimed(:p1)), 3);
SELECT pg_temp.finish(task_id) FROM sluice_private.limited_runs WHERE queue = 'rate';
SELECT is((SELECT cardinality(array_remove(array_agg((task).id), NULL)) FROM sluice_private.claim_limited(:p2, 10)), 0, 'what has ended still counts within the period');
SELECT is((SELECT look_again FROM sluice_private.claim_limited(:p2, 10)), (SELECT min(started_at) + interval '1 hour' FROM sluice_private.limited_starts), 'it says when to look again');
UPDATE sluice_private.limited_starts SET started_at = started_at - interval '1 hour' WHERE ctid = (SELECT ctid FROM sluice_private.limited_starts WHERE queue = 'rate' ORDER BY started_at LIMIT 1);
SELECT is(cardinality(pg_temp.claimed(:p2)), 1, 'the window slides');
SELECT is((SELECT count(*) FROM sluice_private.limited_starts), 3::bigint);
SELECT is((SELECT q -> 'limits' FROM jsonb_array_elements(sluice.status() -> 'queues') q WHERE q ->> 'name' = 'rate'), '{"rate": 3, "rate_period": "01:00:00"}');

-- times
SELECT sluice.limit_queue('later', 5);
SELECT sluice.enqueue('http', '{"url": "https://example.org/"}', 'later', run_at => now() + interval '1 day', priority => 3);
SELECT is((SELECT look_again FROM sluice_private.claim_limited(:p1, 10)), least((SELECT min(started_at) + interval '1 hour' FROM sluice_private.limited_starts), now() + interval '1 day'));
SELECT * FROM finish();
ROLLBACK;
