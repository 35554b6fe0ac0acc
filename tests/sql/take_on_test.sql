-- commit_steps with several tasks of which some are taken on: which row is whose next task, whatever the order of the batch.
BEGIN;
SELECT no_plan();
-- Sessions at their webhook, claimed by :p, in the order of the batch; `claim` is made wrong for those that are to be lost.
CREATE TABLE batch (place int PRIMARY KEY, session uuid, task bigint, claim bigint, next text, result text);

CREATE FUNCTION pg_temp.batch(kinds text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM batch;
  INSERT INTO batch (place, session) SELECT k.place, (test.session_at('work')).id FROM generate_series(1, cardinality(kinds)) AS k (place);
  UPDATE sluice_private.tasks SET order_key = now() WHERE kind <> 'timer' AND claimed_by IS NULL; -- made in this statement: see fixture.sql
  UPDATE batch b SET task = c.id, claim = c.claim_token
    FROM test.claim((SELECT max(id) FROM sluice_private.processes WHERE host = 'batch')) AS c WHERE c.session_id = b.session;
  UPDATE batch b SET next = CASE kinds[b.place] WHEN 'on' THEN 'webhook' END, claim = CASE kinds[b.place] WHEN 'lost' THEN -1 ELSE b.claim END;
END $$;

-- All of the batch in one call; each session stays at its webhook and waits for the next one, or ends.
CREATE FUNCTION pg_temp.commit(take_on int) RETURNS void LANGUAGE sql AS $$
  WITH a AS (
    SELECT array_agg(task ORDER BY place) AS tasks, array_agg(claim ORDER BY place) AS claims, array_agg('step'::text) AS outcomes, array_agg(session || ':work:3' ORDER BY place) AS wait_keys, array_agg(3) AS revisions,
           array_agg(NULL::jsonb) AS nothing, array_agg(NULL::int) AS nowhere, array_agg('work'::text) AS nodes, array_agg(next ORDER BY place) AS nexts,
           array_agg(CASE WHEN next IS NOT NULL THEN jsonb_build_object('for', 'task', 'key', session || ':work:4') END ORDER BY place) AS waits,
           array_agg(CASE WHEN next IS NULL THEN 'completed' ELSE 'active' END ORDER BY place) AS statuses,
           array_agg(NULL::timestamptz) AS never, array_agg(NULL::text) AS none
      FROM batch
  ), others AS (
    SELECT c.* FROM a, sluice_private.commit_steps(
      (SELECT max(id) FROM sluice_private.processes WHERE host = 'batch'), a.tasks, a.claims, a.outcomes, a.wait_keys, a.nodes, a.revisions, a.nothing, a.none, a.nodes, a.nowhere,
      a.waits, a.nowhere, a.statuses, a.nexts, a.nodes, a.never, a.nowhere, a.none, '{}', '{}', '{}', '{}', '{}', take_on) AS c
  )
  UPDATE batch b SET result = coalesce((SELECT o.outcome FROM others o WHERE o.task_id = b.task), 'applied')
$$;
SELECT sluice_private.register_process('worker', 'batch', 1) AS p \gset

-- What the answer says of each is what the tables hold: the next task of one that may be taken on has the row and the token that it had.
CREATE FUNCTION pg_temp.wrong(take_on int) RETURNS bigint LANGUAGE sql AS $$
  SELECT count(*)
    FROM (SELECT b.*, b.claim <> -1 AS applied, b.claim <> -1 AND b.next IS NOT NULL AND b.place <= take_on AS taken FROM batch b) AS b
    LEFT JOIN sluice_private.tasks t ON t.session_id = b.session AND t.kind <> 'timer'
    LEFT JOIN sluice.task_overview o ON o.task_id = t.id
   WHERE b.result IS DISTINCT FROM CASE WHEN b.applied THEN 'applied' ELSE 'lost' END
      OR b.applied AND (t.id IS NOT NULL) <> (b.next IS NOT NULL)
      OR b.applied AND o.idempotency_key <> b.session || ':work:4'
      OR b.taken AND (t.id, t.claim_token) IS DISTINCT FROM (b.task, b.claim)
      OR b.applied AND NOT b.taken AND (t.claimed_by IS NOT NULL OR t.id = b.task)
$$;
CREATE FUNCTION pg_temp.taken() RETURNS int[] LANGUAGE sql AS $$
  SELECT array_agg(b.place ORDER BY b.place) FROM batch b JOIN sluice_private.tasks t ON t.id = b.task AND t.claim_token = b.claim WHERE b.result = 'applied'
$$;

SELECT pg_temp.batch('{on,on,on,end}');
SELECT pg_temp.commit(9);
SELECT is(pg_temp.taken(), '{1,2,3}', 'those in front are taken on');
SELECT is(pg_temp.wrong(9), 0::bigint);

SELECT pg_temp.batch('{on,on,on,end}');
SELECT pg_temp.commit(2);
SELECT is(pg_temp.taken(), '{1,2}', 'no more than there is room for; the third is queued');
SELECT is(pg_temp.wrong(2), 0::bigint);

SELECT pg_temp.batch('{lost,on,end,on}');
SELECT pg_temp.commit(9);
SELECT is(pg_temp.taken(), '{2,4}', 'with others between them');
SELECT is(pg_temp.wrong(9), 0::bigint);

SELECT pg_temp.batch('{end,on}');
SELECT pg_temp.commit(9);
SELECT is(pg_temp.taken(), '{2}', 'behind one that ends');
SELECT is(pg_temp.wrong(9), 0::bigint);

SELECT pg_temp.batch('{lost,lost}');
SELECT pg_temp.commit(9);
SELECT is(pg_temp.taken(), NULL, 'none');
SELECT is(pg_temp.wrong(9), 0::bigint);

SELECT pg_temp.batch('{on,on}');
SELECT pg_temp.commit(0);
SELECT is(pg_temp.taken(), NULL, 'none when there is no room');
SELECT is(pg_temp.wrong(0), 0::bigint);

-- The row that begins to follow its session changes in no indexed column, so no index is written to; and the next step writes nothing to it.
SELECT pg_temp.batch('{on,on,on,on}');
CREATE FUNCTION pg_temp.updates() RETURNS bigint[] LANGUAGE sql AS $$
  SELECT ARRAY[pg_stat_get_xact_tuples_updated('sluice_private.tasks'::regclass), pg_stat_get_xact_tuples_hot_updated('sluice_private.tasks'::regclass)] $$;
SELECT (pg_temp.updates())[1] AS updated, (pg_temp.updates())[2] AS hot \gset
SELECT pg_temp.commit(9);
SELECT is(pg_temp.updates(), ARRAY[:updated + 4::bigint, :hot + 4], 'one update for each, heap-only');
SELECT is((SELECT count(*) FROM batch b,
             sluice_private.commit_steps((SELECT max(id) FROM sluice_private.processes WHERE host = 'batch'), ARRAY[b.task], ARRAY[b.claim], '{step}', ARRAY[b.session || ':work:4'],
               '{work}', '{4}', ARRAY[NULL::jsonb], '{null}', '{work}', '{null}', ARRAY[jsonb_build_object('for', 'task', 'key', b.session || ':work:5')],
               '{null}', '{active}', '{webhook}', '{work}', '{null}', '{null}', '{null}', '{}', '{}', '{}', '{}', '{}', 1)), 0::bigint);
SELECT is(pg_temp.updates(), ARRAY[:updated + 4::bigint, :hot + 4], 'and none');
SELECT is((SELECT count(*) FROM batch b JOIN sluice_private.tasks t ON t.id = b.task AND t.claim_token = b.claim), 4::bigint);

-- The row is older than the task; the dead letter tells since when there was the task.
UPDATE sluice.conversation_sessions SET last_activity_at = '2026-01-02 03:04:05Z' WHERE id IN (SELECT session FROM batch);
SELECT is((SELECT count(*) FROM batch b, test.commit((SELECT max(id) FROM sluice_private.processes WHERE host = 'batch'), b.task, b.claim, 'failed',
                                                     '{"revision": 5, "node": "work", "error": "no"}') AS c WHERE c.result = 'applied'), 4::bigint);
SELECT is((SELECT array_agg(DISTINCT f.created_at) FROM batch b JOIN sluice.task_failures f ON f.task_id = b.task), ARRAY[timestamptz '2026-01-02 03:04:05Z'],
          'a dead letter of a row that follows its session is as old as its task');

SELECT * FROM finish();
ROLLBACK;
