-- Cron expressions, changes of clocks, and schedules: one task for each due time, missed ones by policy.
BEGIN;
SELECT no_plan();
CREATE FUNCTION pg_temp.due(cron text, zone text, after text, many int DEFAULT 1) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
  at timestamptz := after::timestamptz;
  found text[] := '{}';
BEGIN
  FOR i IN 1 .. many LOOP
    at := sluice_private.cron_next(cron, zone, at);
    found := found || to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI');
  END LOOP;
  RETURN found;
END
$$;

-- fields
SELECT is(pg_temp.due('*/15 * * * *', 'UTC', '2026-01-01 00:07Z', 3), '{2026-01-01 00:15,2026-01-01 00:30,2026-01-01 00:45}');
SELECT is(pg_temp.due('0 9-17/4 * * mon-fri', 'UTC', '2026-01-02 14:00Z', 2), '{2026-01-02 17:00,2026-01-05 09:00}', 'ranges, steps and names');
SELECT is(pg_temp.due('5,50 23 31 * *', 'UTC', '2026-01-31 23:05Z', 2), '{2026-01-31 23:50,2026-03-31 23:05}', 'a month without a 31st is passed over');
SELECT is(pg_temp.due('0 0 29 feb *', 'UTC', '2096-03-01 00:00Z'), '{2104-02-29 00:00}', 'a leap day, eight years away');
SELECT is(pg_temp.due('0 0 13 * fri', 'UTC', '2026-02-01 00:00Z', 3), '{2026-02-06 00:00,2026-02-13 00:00,2026-02-20 00:00}', 'two restricted days: either is enough');
SELECT is(pg_temp.due('0 0 */2 * fri', 'UTC', '2026-02-01 00:00Z', 2), '{2026-02-13 00:00,2026-02-27 00:00}', 'else both must fit');
SELECT is(pg_temp.due('0 0 * * 7', 'UTC', '2026-01-01 00:00Z'), pg_temp.due('0 0 * * sun', 'UTC', '2026-01-01 00:00Z'));
SELECT is(pg_temp.due('10/20 5 * * *', 'UTC', '2026-01-01 00:00Z', 3), '{2026-01-01 05:10,2026-01-01 05:30,2026-01-01 05:50}');
SELECT is(pg_temp.due('@daily', 'Asia/Kathmandu', '2026-01-01 00:00Z'), '{2026-01-01 18:15}', 'by the zone''s clock');
SELECT is(pg_temp.due('* * * * *', 'UTC', '2026-01-01 00:00:59.9Z'), '{2026-01-01 00:01}');
SELECT throws_ok(format('SELECT sluice_private.cron_next(%L, %L, now())', e, 'UTC'), 'SL005', NULL, 'refused: ' || e)
  FROM unnest(ARRAY['', '* * * *', '60 * * * *', '* 24 * * *', '* * 0 * *', '* * * 13 *', '* * * * 8', '*/0 * * * *', '5-1 * * * *', 'a * * * *', '1,,2 * * * *', '* * * * * *', '@often']) AS e;
SELECT is(sluice_private.cron_next('0 0 30 2 *', 'UTC', now()), NULL, 'never due');

-- clocks put forward in New York on 2026-03-08, 02:00 EST → 03:00 EDT (07:00 UTC)
SELECT is(pg_temp.due('30 2 * * *', 'America/New_York', '2026-03-07 12:00Z', 2), '{2026-03-08 07:00,2026-03-09 06:30}', 'a time that is left out is due when the gap ends');
SELECT is(pg_temp.due('0,30 2,3 * * *', 'America/New_York', '2026-03-08 05:00Z', 3), '{2026-03-08 07:00,2026-03-08 07:30,2026-03-09 06:00}', 'and several are due once');
SELECT is(pg_temp.due('30 * * * *', 'America/New_York', '2026-03-08 06:00Z', 2), '{2026-03-08 06:30,2026-03-08 07:30}', 'an hourly one goes on by the hour');
SELECT is(pg_temp.due('15 0 * * *', 'Asia/Beirut', '2022-03-26 00:00Z', 2), '{2022-03-26 22:00,2022-03-27 21:15}', 'a gap at midnight');
SELECT is(pg_temp.due('0 12 * * *', 'Pacific/Apia', '2011-12-29 23:00Z', 2), '{2011-12-30 10:00,2011-12-30 22:00}', 'a day that is left out');
-- and back on 2026-11-01, 02:00 EDT → 01:00 EST (06:00 UTC)
SELECT is(pg_temp.due('30 1 * * *', 'America/New_York', '2026-10-31 12:00Z', 2), '{2026-11-01 05:30,2026-11-02 06:30}', 'a repeated time is due the first time');
SELECT is(pg_temp.due('30 */1 * * *', 'America/New_York', '2026-11-01 05:00Z', 3), '{2026-11-01 05:30,2026-11-01 06:30,2026-11-01 07:30}', 'an hourly one runs in both hours');
SELECT is(pg_temp.due('45 1 * * *', 'Australia/Lord_Howe', '2026-04-04 00:00Z', 2), '{2026-04-04 14:45,2026-04-05 15:15}', 'half an hour repeated');

-- schedules
CREATE FUNCTION public.report(job jsonb) RETURNS void LANGUAGE sql AS '';
SELECT throws_ok($$SELECT sluice.schedule('s', '* * * * *', 'http', '{"url": "https://example.org/"}', 'Mars/Olympus')$$, 'SL005');
SELECT throws_ok($$SELECT sluice.schedule('s', '* * * * *', 'http', '{"url": "https://example.org/"}', missed => 'never')$$, 'SL005');
SELECT throws_ok($$SELECT sluice.schedule('s', '0 0 31 2 *', 'http', '{"url": "https://example.org/"}')$$, 'SL005');
SELECT throws_ok($$SELECT sluice.schedule('s', '* * * * *', 'start', '{}')$$, 'SL005');
SELECT throws_ok($$SELECT sluice.schedule('', '* * * * *', 'http', '{"url": "https://example.org/"}')$$, 'SL005');
SELECT throws_ok($$SELECT sluice.unschedule('s')$$, 'SL005');
SELECT is(sluice.schedule('s', '*/10 * * * *', 'sql', '{"function": "public.report"}', 'Europe/Berlin', queue => 'reports', priority => 2),
          sluice_private.cron_next('*/10 * * * *', 'Europe/Berlin', clock_timestamp()), 'a schedule says when it is due next');
SELECT results_eq($$SELECT t.kind, t.queue, t.run_at FROM sluice_private.tasks t JOIN sluice.cron_schedules s ON s.tick_id = t.id$$,
                  $$SELECT 'cron', 'cron', next_at FROM sluice.cron_overview WHERE name = 's'$$, 'its next time is a task');

-- Moves the schedule's next time back, claims its tick as a worker does and fires it; the due times that were enqueued since.
CREATE FUNCTION pg_temp.fire(behind interval, at timestamptz DEFAULT '2026-06-01 12:00:20Z') RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
  tick bigint := (SELECT tick_id FROM sluice.cron_schedules WHERE name = 's');
  process bigint := test.process();
  seen bigint := (SELECT max(id) FROM sluice_private.tasks);
BEGIN
  UPDATE sluice.cron_schedules SET next_at = sluice_private.cron_next(cron, time_zone, at - behind) WHERE name = 's' AND behind IS NOT NULL;
  UPDATE sluice_private.tasks SET claimed_by = process, claim_token = 77 WHERE id = tick;
  PERFORM sluice_private.fire_schedule(tick, 77, at);
  RETURN ARRAY(SELECT substr(key, 3) FROM sluice_private.tasks WHERE kind = 'sql' AND id > seen ORDER BY id);
END
$$;
SELECT is(pg_temp.fire('1 minute'), '{2026-06-01T12:00:00Z}', 'what is due is enqueued');
SELECT results_eq($$SELECT queue, priority, payload ->> 'function', payload ->> 'role' FROM sluice_private.tasks WHERE key = 's:2026-06-01T12:00:00Z'$$,
                  $$SELECT 'reports', 2, 'public.report', session_user::text COLLATE "default"$$);
SELECT is((SELECT next_at FROM sluice.cron_overview), '2026-06-01 12:10Z', 'and the next time is set');
SELECT is(pg_temp.fire('1 minute'), '{}', 'a due time is enqueued once, whoever fires it again');
SELECT is(sluice_private.fire_schedule((SELECT tick_id FROM sluice.cron_schedules), -1), NULL, 'nothing without the claim');
SELECT is(pg_temp.fire('1 hour', '2026-06-01 14:05Z'), '{}', 'skip: a time more than a minute past is left out');
SELECT is(pg_temp.fire('3 hours', '2026-06-01 14:10:30Z'), '{2026-06-01T14:10:00Z}', 'but not the one that is due now');
SELECT sluice.schedule('s', '*/10 * * * *', 'sql', '{"function": "public.report"}', 'Europe/Berlin', missed => 'run_once');
SELECT is(pg_temp.fire('200 days', '2026-06-01 18:05Z'), '{2026-06-01T18:00:00Z}', 'run_once: one for all that was missed');
SELECT is(pg_temp.fire('30 minutes', '2026-06-01 18:35Z'), '{2026-06-01T18:30:00Z}');
SELECT sluice.schedule('s', '*/10 * * * *', 'sql', '{"function": "public.report"}', 'Europe/Berlin', missed => 'run_all');
SELECT is(pg_temp.fire('30 minutes', '2026-06-02 10:00Z'), '{2026-06-02T09:40:00Z,2026-06-02T09:50:00Z,2026-06-02T10:00:00Z}', 'run_all: each of them');
SELECT is(cardinality(pg_temp.fire('10 days', '2026-07-02 10:00Z')), 500, 'but not all in one transaction');
SELECT cmp_ok((SELECT run_at FROM sluice_private.tasks t JOIN sluice.cron_schedules s ON s.tick_id = t.id), '<=', clock_timestamp(), 'the rest is due at once');
SELECT is(cardinality(pg_temp.fire(NULL, '2026-07-02 10:00Z')), 500);
SELECT is(cardinality(pg_temp.fire(NULL, '2026-07-02 10:00Z')), 440, 'and goes on where it stopped');
UPDATE sluice.cron_schedules SET next_at = '2026-01-01 00:00Z';
SELECT is(sluice.schedule('s', '*/10 * * * *', 'http', '{"url": "https://example.org/"}', 'Europe/Berlin'), '2026-01-01 00:00Z', 'scheduled again with the same times it keeps its place');
SELECT cmp_ok(sluice.schedule('s', '*/20 * * * *', 'http', '{"url": "https://example.org/"}', 'Europe/Berlin'), '>', clock_timestamp(), 'with others it begins anew');
SELECT throws_ok(format('SELECT sluice.discard(%s)', (SELECT tick_id FROM sluice.cron_schedules)), 'SL005', NULL, 'a tick goes with its schedule only');
SELECT is(sluice.schedule('s', '*/20 * * * *', 'http', '{"url": "https://example.org/"}', 'Europe/Berlin', enabled => false), NULL, 'a disabled one has no next time');
SELECT is((SELECT count(*) FROM sluice_private.tasks WHERE kind = 'cron'), 0::bigint);
SELECT cmp_ok(sluice.schedule('s', '*/20 * * * *', 'http', '{"url": "https://example.org/"}', 'Europe/Berlin'), '>', clock_timestamp());
SELECT is((SELECT count(*) FROM sluice_private.tasks WHERE kind = 'cron'), 1::bigint);
SELECT lives_ok($$SELECT sluice.unschedule('s')$$);
SELECT is((SELECT count(*) FROM sluice_private.tasks WHERE kind = 'cron'), 0::bigint, 'an ended one has no task');
SELECT * FROM finish();
ROLLBACK;
