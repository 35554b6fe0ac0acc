-- Keys of enqueue and send_input: one meaning for 24 h, by the server's clock and not by the caller's calendar.
BEGIN;
SELECT no_plan();
CREATE FUNCTION pg_temp.job(key text, zone text) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('timezone', zone, true);
  RETURN sluice.enqueue('http', '{"url": "https://example.org/"}', idempotency_key => key);
END
$$;
-- As if the key had been used so long before; what its day was then is for the default to say.
CREATE FUNCTION pg_temp.used(k text, before interval) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  UPDATE sluice_private.idempotency_keys SET created_at = created_at - before, day = ((created_at - before) AT TIME ZONE 'UTC')::date WHERE key = k;
END
$$;

SELECT pg_temp.job('a', 'UTC') AS first \gset
SELECT is(pg_temp.job('a', 'UTC'), :first::bigint, 'a key used before returns the first task');
SELECT pg_temp.used('a', '23 hours 59 minutes');
SELECT is(pg_temp.job('a', 'UTC'), :first::bigint, 'also after nearly 24 h');
SELECT pg_temp.used('a', '2 minutes');
SELECT isnt(pg_temp.job('a', 'UTC'), :first::bigint, 'and is new after them');

-- A day is the server's: callers whose calendars are two days apart mean the same by a key.
SELECT pg_temp.job('b', 'Etc/GMT+12') AS first \gset
SELECT is(pg_temp.job('b', 'Etc/GMT-14'), :first::bigint, 'a caller far to the east knows the key');
SELECT pg_temp.job('c', 'Etc/GMT-14') AS first \gset
SELECT is(pg_temp.job('c', 'Etc/GMT+12'), :first::bigint, 'and one far to the west');
SELECT is((SELECT array_agg(DISTINCT k.day) FROM sluice_private.idempotency_keys k WHERE k.key IN ('b', 'c')), ARRAY[(now() AT TIME ZONE 'UTC')::date],
          'whose rows stand under one day');
SELECT pg_temp.used(k, '23 hours 59 minutes') FROM unnest('{b,c}'::text[]) AS k;
SELECT is(pg_temp.job('c', zone), :first::bigint, 'nearly 24 h later too: ' || zone) FROM unnest('{Etc/GMT-14,UTC,Etc/GMT+12}'::text[]) AS zone;
SELECT pg_temp.used('c', '2 minutes');
SELECT isnt(pg_temp.job('c', 'Etc/GMT+12'), :first::bigint, 'after 24 h it is new, whatever day the caller has');

-- Dropping partitions drops no key that still counts.
RESET timezone;
SELECT sluice_private.ensure_partitions();
SELECT is((SELECT count(*) FROM sluice_private.idempotency_keys k WHERE k.key = 'b'), 1::bigint, 'a key of yesterday is kept');

-- Priority moves a task by a fixed time, so one that waits long enough comes before newer ones of any priority.
SELECT sluice.enqueue('http', '{"url": "https://example.org/"}', priority => 3) AS urgent \gset
SELECT is((SELECT t.run_at - t.order_key FROM sluice_private.tasks t WHERE t.id = :urgent), interval '30 seconds', '10 s a step');

SELECT * FROM finish();
ROLLBACK;
