-- Circuit breakers: the window that opens one, the probes that close it.
BEGIN;
SELECT no_plan();
SELECT test.process() AS p, test.process() AS other \gset
-- Reports of ordinary calls to 'h', oldest first: five failures of the last twenty within a minute, open for half a minute.
CREATE FUNCTION pg_temp.report(VARIADIC goods boolean[]) RETURNS text LANGUAGE sql AS $$
  SELECT max(r.state) FROM sluice_private.report_calls(
    array_fill('h'::text, ARRAY[cardinality(goods)]), array_fill(NULL::bigint, ARRAY[cardinality(goods)]), goods,
    array_fill(5, ARRAY[cardinality(goods)]), array_fill(20, ARRAY[cardinality(goods)]),
    array_fill(interval '60 s', ARRAY[cardinality(goods)]), array_fill(interval '30 s', ARRAY[cardinality(goods)])) AS r
$$;
CREATE FUNCTION pg_temp.report_probe(process bigint, good boolean) RETURNS text LANGUAGE sql AS $$
  SELECT max(r.state) FROM sluice_private.report_calls(ARRAY['h'], ARRAY[process], ARRAY[good], '{5}', '{20}', '{60 s}', '{30 s}') AS r
$$;
CREATE FUNCTION pg_temp.admit(process bigint) RETURNS text LANGUAGE sql AS $$ SELECT verdict FROM sluice_private.admit_call(process, 'h', '10 s') $$;
CREATE FUNCTION pg_temp.age(by interval) RETURNS void LANGUAGE sql AS $$
  UPDATE sluice.circuit_breakers SET open_until = open_until - by, probe_at = probe_at - by, probe_until = probe_until - by, forget_at = forget_at - by,
         result_times = ARRAY(SELECT r.at - by FROM unnest(result_times) WITH ORDINALITY AS r (at, place) ORDER BY r.place)
$$;

SELECT is(pg_temp.report(true, true), NULL, 'a host that is well has no row');
SELECT is(pg_temp.admit(:p), 'go', 'and its calls go');
SELECT is(pg_temp.report(false, true, false, false), 'closed', 'three failures do not open it');
SELECT is(pg_temp.report(false), 'closed', 'nor do four');
SELECT pg_temp.age('61 s');
SELECT is(pg_temp.report(false), 'closed', 'failures of more than a minute ago do not count');
SELECT is((SELECT cardinality(results) FROM sluice.circuit_breakers), 1, 'and are forgotten');
SELECT is(pg_temp.report(false, false, false), 'closed');
SELECT is(pg_temp.report(VARIADIC array_fill(true, ARRAY[19])), 'closed', 'of the last twenty one is a failure');
SELECT is(pg_temp.report(false, false, false), 'closed', 'so three more are four');
SELECT is(pg_temp.report(VARIADIC array_fill(true, ARRAY[20])), NULL, 'twenty good ones remove the row');
SELECT is(pg_temp.report(false, false, false, false, false), 'open', 'five failures open it, in one report too');

SELECT is(pg_temp.admit(:p), 'wait', 'nothing goes');
SELECT ok((SELECT wait_ms BETWEEN 25000 AND 30000 FROM sluice_private.admit_call(:p, 'h', '10 s')), 'and is told how long');
SELECT is(pg_temp.report(true, true), 'open', 'late results of calls begun before change nothing');
SELECT is(sluice.status() -> 'open_circuits', '["h"]', 'the status names it');
SELECT pg_temp.age('31 s');
SELECT is(pg_temp.admit(:p), 'probe', 'then one probe goes');
SELECT is(pg_temp.admit(:other), 'wait', 'and one alone');
SELECT is(pg_temp.report(false, false, false, false, false), 'half_open', 'only the probe counts');
SELECT is(pg_temp.report_probe(:other, true), 'half_open', 'and only of the process that it was given to');
SELECT is((SELECT good_probes FROM sluice.circuit_breakers), 0);
SELECT is(pg_temp.report_probe(:p, false), 'open', 'a bad probe opens anew');
SELECT ok((SELECT open_until > clock_timestamp() + interval '25 s' FROM sluice.circuit_breakers), 'for the whole time');

SELECT pg_temp.age('31 s');
SELECT is(pg_temp.admit(:p), 'probe');
SELECT is(pg_temp.report_probe(:p, NULL), 'half_open', 'a probe that says nothing of the host makes way');
SELECT is(pg_temp.admit(:other), 'probe', 'for another');
SELECT test.kill(:other);
SELECT is(pg_temp.admit(:p), 'probe', 'a dead process''s probe does not count');
SELECT is(pg_temp.report_probe(:other, true), 'half_open');
SELECT is((SELECT good_probes FROM sluice.circuit_breakers), 0, 'not even if its result comes after all');
SELECT pg_temp.age('16 s');
SELECT sluice_private.heartbeat(:other);
SELECT is(pg_temp.admit(:other), 'probe', 'a probe that took longer than its call can is given up');
SELECT is(pg_temp.report_probe(:other, true), 'half_open', 'one good probe');
SELECT is(pg_temp.admit(:p), 'probe');
SELECT is(pg_temp.report_probe(:p, true), 'half_open', 'two');
SELECT is(pg_temp.admit(:p), 'probe');
SELECT is(pg_temp.report_probe(:p, true), NULL, 'the third closes it and removes the row');
SELECT is(pg_temp.admit(:p), 'go');

SELECT is(pg_temp.report(false), 'closed');
SELECT pg_temp.age('61 s');
SELECT set_eq($$SELECT breaker, state FROM sluice_private.report_calls('{b,a,b}', '{null,null,null}', '{f,t,f}', '{2,2,2}', '{20,20,20}',
                                                                       '{60 s,60 s,60 s}', '{30 s,30 s,30 s}')$$,
              $$VALUES ('b', 'open')$$, 'several breakers in one report');
SELECT is((SELECT array_agg(key) FROM sluice.circuit_breakers), '{b}', 'a new row sweeps out those that say nothing any more');
SELECT * FROM finish();
ROLLBACK;
