-- commit_steps with several tasks of which some are taken on: which row becomes whose next task, whatever the order of the batch.
BEGIN;
SELECT no_plan();
-- Sessions at their webhook, claimed by :p, in the order of the batch; `claim` is made wrong for those that are to be lost.
CREATE TABLE batch (place int PRIMARY KEY, session uuid, task bigint, claim bigint, next text, next_id bigint, next_token bigint, result text);

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
    SELECT array_agg(task ORDER BY place) AS tasks, array_agg(claim ORDER BY place) AS claims, array_agg('step'::text) AS outcomes, array_agg(3) AS revisions,
           array_agg(NULL::jsonb) AS nothing, array_agg('work'::text) AS nodes, array_agg(next ORDER BY place) AS nexts,
           array_agg(CASE WHEN next IS NOT NULL THEN jsonb_build_object('for', 'task', 'key', session || ':work:4') END ORDER BY place) AS waits,
           array_agg(CASE WHEN next IS NULL THEN 'completed' ELSE 'active' END ORDER BY place) AS statuses,
           array_agg(NULL::timestamptz) AS never, array_agg(NULL::text) AS none
      FROM batch
  ), done AS (
    SELECT c.* FROM a, sluice_private.commit_steps(
      (SELECT max(id) FROM sluice_private.processes WHERE host = 'batch'), a.tasks, a.claims, a.outcomes, a.revisions, a.nothing, a.none, a.nodes, a.nothing,
      a.waits, a.nothing, a.statuses, a.nexts, a.nodes, a.never, a.nothing, a.none, '{}', '{}', '{}', '{}', take_on) AS c
  )
  UPDATE batch b SET result = d.outcome, next_id = d.next_task_id, next_token = d.next_token FROM done d WHERE d.task_id = b.task
$$;
SELECT sluice_private.register_process('worker', 'batch', 1) AS p \gset

-- What the answer says of each is what the tables hold: its next task is the row that it had, under the token that is told.
CREATE FUNCTION pg_temp.wrong() RETURNS bigint LANGUAGE sql AS $$
  SELECT count(*) FROM batch b LEFT JOIN sluice_private.tasks t ON t.session_id = b.session AND t.kind <> 'timer'
   WHERE b.result IS DISTINCT FROM CASE WHEN b.claim = -1 THEN 'lost' ELSE 'applied' END
      OR b.claim <> -1 AND b.next IS NULL AND (t.id IS NOT NULL OR b.next_token IS NOT NULL)
      OR b.claim <> -1 AND b.next IS NOT NULL AND t.key IS DISTINCT FROM b.session || ':work:4'
      OR b.next_token IS NOT NULL AND (b.next_id, b.next_token, b.task) IS DISTINCT FROM (t.id, t.claim_token, t.id)
      OR b.claim <> -1 AND b.next IS NOT NULL AND b.next_token IS NULL AND (t.claimed_by IS NOT NULL OR t.id = b.task)
$$;
CREATE FUNCTION pg_temp.taken() RETURNS int[] LANGUAGE sql AS $$ SELECT array_agg(place ORDER BY place) FROM batch WHERE next_token IS NOT NULL $$;

SELECT pg_temp.batch('{on,on,on,end}');
SELECT pg_temp.commit(9);
SELECT is(pg_temp.taken(), '{1,2,3}', 'those in front are taken on');
SELECT is(pg_temp.wrong(), 0::bigint);

SELECT pg_temp.batch('{on,on,on,end}');
SELECT pg_temp.commit(2);
SELECT is(pg_temp.taken(), '{1,2}', 'no more than there is room for; the third is queued');
SELECT is(pg_temp.wrong(), 0::bigint);

SELECT pg_temp.batch('{lost,on,end,on}');
SELECT pg_temp.commit(9);
SELECT is(pg_temp.taken(), '{2,4}', 'with others between them');
SELECT is(pg_temp.wrong(), 0::bigint);

SELECT pg_temp.batch('{end,on}');
SELECT pg_temp.commit(9);
SELECT is(pg_temp.taken(), '{2}', 'behind one that ends');
SELECT is(pg_temp.wrong(), 0::bigint);

SELECT pg_temp.batch('{lost,lost}');
SELECT pg_temp.commit(9);
SELECT is(pg_temp.taken(), NULL, 'none');
SELECT is(pg_temp.wrong(), 0::bigint);

SELECT pg_temp.batch('{on,on}');
SELECT pg_temp.commit(0);
SELECT is(pg_temp.taken(), NULL, 'none when there is no room');
SELECT is(pg_temp.wrong(), 0::bigint);

-- The row that goes on changes in no indexed column, so no index is written to.
SELECT pg_temp.batch('{on,on,on,on}');
SELECT pg_stat_get_xact_tuples_hot_updated('sluice_private.tasks'::regclass) AS hot, pg_stat_get_xact_tuples_updated('sluice_private.tasks'::regclass) AS updated \gset
SELECT pg_temp.commit(9);
SELECT is(pg_stat_get_xact_tuples_updated('sluice_private.tasks'::regclass) - :updated, 4::bigint, 'one update for each');
SELECT is(pg_stat_get_xact_tuples_hot_updated('sluice_private.tasks'::regclass) - :hot, 4::bigint, 'heap-only');

SELECT * FROM finish();
ROLLBACK;
