-- The worker's one round trip: the outcomes of a batch of claimed tasks, committed together.

-- Arrays run in parallel, one entry a task. outcomes:
--   step       the session changes as given; the task is recorded completed
--   failed     as step where the task has a session (a failure edge, or a session that stays and waits); recorded failed, kept as a dead letter
--   done       a free-standing task succeeded
--   discarded  nothing to do: the trigger no longer fits; recorded with errors[i] as the reason
-- wait_keys, wait_nodes and revisions are the session's as the outcome was made from it: what it waited for, where, since when.
-- stacks, infos, results and history_contents are places in documents, which holds each of their values once: many are the same in a batch, and
-- reading JSON is a tenth of a step. A null in states, stacks, infos or nodes leaves that column as it is; waits[i] null means that the session
-- waits for nothing.
-- next_kinds[i], when not null, queues the task that the session now waits for: node next_nodes[i], key waits[i].key. deadlines[i] sets a
-- timer on the wait. History is flattened: history_steps[j] is the place (from 1) of row j's task, rows of one task in order.
--
-- The next tasks of the first take_on places stay with process_id: the caller goes on with them without a claim. The row of the first of them
-- becomes one that follows its session (0045_following_rows.sql): it names no key, node or revision, those of the session hold, so each further step of
-- the session writes nothing to it. It keeps its id and its token; what is late is told by the revision. Making it follow changes no column that
-- an index names, in its keys or its predicate, and so is heap-only.
--
-- Returned, one row a task that was not applied: discarded (with the reason; recorded; the task is gone); restamped (the task is still the caller's
-- but its session was patched: read the session again, apply again); lost (the claim is another's now, or the session went on: nothing was done).
--
-- Locks are taken session first, then task, sessions in the order of their ids: everything that takes both does so. A session that
-- somebody holds for longer than lock_timeout fails the call (55P03); the caller splits the batch and tries again. Each statement has a
-- fresh snapshot: call this in READ COMMITTED.
CREATE OR REPLACE FUNCTION sluice_private.commit_steps(
  process_id bigint, task_ids bigint[], claim_tokens bigint[], outcomes text[], wait_keys text[], wait_nodes text[],
  revisions int[], states jsonb[], state_hashes text[], nodes text[], stacks int[], waits jsonb[], infos int[], statuses text[],
  next_kinds text[], next_nodes text[], deadlines timestamptz[], results int[], errors text[],
  history_steps int[], history_nodes text[], history_types text[], history_contents int[], documents jsonb[], take_on int DEFAULT 0)
RETURNS TABLE (task_id bigint, outcome text, reason text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s'
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $$
#variable_conflict use_column
DECLARE
  moved int[];         -- places whose session was updated
  moved_sessions uuid[];
  all_moved boolean;   -- then moved is 1, 2, 3, … and needs no search
  went_on int[];       -- places whose row is the next task's, in order
  in_front int := 0;   -- so many places from 1 on are, and no others; 0: one must search in went_on
  taken_over int;      -- rows that should have gone on and were another's when they were to be written
  ended uuid[];        -- sessions that left active
  ready uuid[];        -- sessions that now wait for something else than a task
  overtaken uuid[];    -- sessions that a timer moved
  overtaken_at int[];  -- and the timers' places
  wanted int;          -- places that wanted to move a session
  late int[];          -- places whose session had moved on
  late_reasons text[];
  passed int[];        -- places whose row is that of a later task
  gone int[] := '{}';  -- places whose task was deleted
  fits int[];          -- places to be applied again
  failed int[];        -- places of tasks that failed and whose row follows the session
  failed_since timestamptz[];  -- and when each of these tasks was queued
  queued int := 0;
BEGIN
  -- A row that follows its session is older than its task, which is as old as the session's last step.
  IF 'failed' = ANY (outcomes) THEN
    SELECT array_agg(g.place::int), array_agg(c.last_activity_at) INTO failed, failed_since
      FROM unnest(task_ids, outcomes) WITH ORDINALITY AS g (id, outcome, place)
     CROSS JOIN LATERAL (SELECT k.session_id FROM sluice_private.tasks k WHERE k.id = g.id AND k.revision IS NULL OFFSET 0) AS t
     CROSS JOIN LATERAL (SELECT s.last_activity_at FROM sluice.conversation_sessions s WHERE s.id = t.session_id OFFSET 0) AS c
     WHERE g.outcome = 'failed';
  END IF;

  -- 1. Sessions, as long as the claim, the revision and the wait are what the outcome was made from. What is to be written is taken from its array
  -- at its place, when it is: rows of all of it would be copied from one node of the plan to the next. Arrays of one, and OFFSET 0:
  -- docs/decisions/0048.
  WITH given AS MATERIALIZED (
    SELECT g.id, g.token, g.place::int, t.session_id, t.kind, t.key,
           t.revision IS NULL AND t.kind = next_kinds[g.place] AND t.attempt = 1 AND t.claimed_by = process_id AS follows
      FROM unnest(task_ids, claim_tokens) WITH ORDINALITY AS g (id, token, place)
     CROSS JOIN LATERAL (SELECT k.session_id, k.kind, k.key, k.revision, k.attempt, k.claimed_by FROM sluice_private.tasks k
                          WHERE k.id = g.id AND k.claim_token = g.token OFFSET 0) AS t
     WHERE outcomes[g.place] IN ('step', 'failed') AND t.session_id IS NOT NULL
     ORDER BY t.session_id
  ), changed AS (
    UPDATE sluice.conversation_sessions c
       SET state = coalesce(states[g.place], c.state),
           state_hash = CASE WHEN states[g.place] IS NULL THEN c.state_hash ELSE coalesce(state_hashes[g.place], sluice.state_hash(states[g.place])) END,
           current_node_id = coalesce(nodes[g.place], c.current_node_id), stack = coalesce(documents[stacks[g.place]], c.stack), wait = waits[g.place],
           info = coalesce(documents[infos[g.place]], c.info), status = statuses[g.place], revision = c.revision + 1, last_activity_at = now(),
           ended_at = CASE WHEN statuses[g.place] <> 'active' THEN now() END
      FROM given g
     WHERE c.id = g.session_id AND c.revision = revisions[g.place] AND c.status = 'active'
       AND (wait_keys[g.place] = c.wait ->> 'key' OR g.kind = 'input' OR g.kind = 'timer' AND g.key = 'session')
    RETURNING g.place, g.session_id, g.id, g.token, g.kind, g.follows, c.status, c.wait ->> 'for' AS waits_for,
              g.place <= take_on AND next_kinds[g.place] IS NOT NULL AND outcomes[g.place] = 'step' AND g.kind <> 'timer' AS goes_on
  ), made_to_follow AS (
    UPDATE sluice_private.tasks t
       SET kind = next_kinds[c.place], node_id = NULL, key = NULL, revision = NULL, claimed_by = process_id,
           attempt = 1, max_attempts = 10, correlation_id = NULL, payload = NULL, errors = NULL
      FROM changed c WHERE c.goes_on AND NOT c.follows AND t.id = ANY (ARRAY[c.id]) AND t.claim_token = c.token
    RETURNING 1
  ), recorded AS (
    INSERT INTO sluice.task_idempotency_records
           (idempotency_key, status, session_id, node_id, session_revision, result_data, error_message, task_id, kind)
    SELECT wait_keys[c.place], 'completed', c.session_id, wait_nodes[c.place], revisions[c.place], documents[results[c.place]], commit_steps.errors[c.place],
           c.id, c.kind
      FROM changed c WHERE c.goes_on AND c.kind IN ('action', 'webhook')
  )
  SELECT coalesce(array_agg(c.place), '{}'), coalesce(array_agg(c.session_id), '{}'),
         array_agg(c.session_id) FILTER (WHERE c.status <> 'active'),
         array_agg(c.session_id) FILTER (WHERE c.status = 'active' AND c.waits_for IS DISTINCT FROM 'task'),
         array_agg(c.session_id) FILTER (WHERE c.kind = 'timer'), array_agg(c.place) FILTER (WHERE c.kind = 'timer'),
         (SELECT count(*) FROM given), coalesce(array_agg(c.place) FILTER (WHERE c.goes_on), '{}'),
         count(*) FILTER (WHERE c.goes_on AND NOT c.follows) - (SELECT count(*) FROM made_to_follow)
    INTO moved, moved_sessions, ended, ready, overtaken, overtaken_at, wanted, went_on, taken_over
    FROM (SELECT * FROM changed ORDER BY place) AS c;
  all_moved := cardinality(moved) = cardinality(task_ids);
  -- The caller puts those that may go on first, so these are mostly all in front and need no search.
  IF went_on[cardinality(went_on)] = cardinality(went_on) THEN
    in_front := cardinality(went_on);
  END IF;

  -- 2. Why the others were not: patched meanwhile, or moved on. A row that follows a session that waits for a later task is that one's, and for
  -- anybody to claim: its worker was taken for dead, or did not hear that its step was committed.
  IF wanted > cardinality(moved) THEN
    SELECT array_agg(l.place) FILTER (WHERE l.fits), array_agg(l.place) FILTER (WHERE l.passed AND NOT l.fits),
           array_agg(l.place) FILTER (WHERE NOT l.fits AND NOT l.passed), array_agg(l.why) FILTER (WHERE NOT l.fits AND NOT l.passed)
      INTO fits, passed, late, late_reasons
      FROM (SELECT g.place::int,
                   coalesce(c.status = 'active' AND (g.wait_key = c.wait ->> 'key' OR t.kind = 'input' OR t.kind = 'timer' AND t.key = 'session'), false) AS fits,
                   coalesce(c.status = 'active' AND c.wait ->> 'for' = 'task' AND t.revision IS NULL, false) AS passed,
                   CASE WHEN c.id IS NULL THEN 'its session is gone'
                        WHEN c.status <> 'active' THEN format('its session is %s', c.status)
                        ELSE format('its session is at revision %s and no longer waits for it', c.revision) END AS why
              FROM unnest(task_ids, claim_tokens, outcomes, wait_keys) WITH ORDINALITY AS g (id, token, outcome, wait_key, place)
              JOIN sluice_private.tasks t ON t.id = ANY (ARRAY[g.id]) AND t.claim_token = g.token
              LEFT JOIN sluice.conversation_sessions c ON c.id = ANY (ARRAY[t.session_id])
             WHERE g.outcome IN ('step', 'failed') AND t.session_id IS NOT NULL AND NOT g.place::int = ANY (moved)) AS l;
    IF passed IS NOT NULL THEN
      PERFORM sluice_private.release_tasks(ARRAY(SELECT task_ids[p] FROM unnest(passed) AS p), ARRAY(SELECT claim_tokens[p] FROM unnest(passed) AS p));
    END IF;
  END IF;

  -- 3. Finished tasks go, and leave their record.
  IF cardinality(went_on) < cardinality(task_ids) THEN
    WITH finished AS (
      DELETE FROM sluice_private.tasks t
       USING unnest(task_ids, claim_tokens, outcomes, wait_keys, wait_nodes, revisions, waits, results, commit_steps.errors)
             WITH ORDINALITY AS g (id, token, outcome, wait_key, wait_node, revision, wait, result, error, place)
       WHERE t.id = ANY (ARRAY[g.id]) AND t.claim_token = g.token AND g.place > in_front AND (in_front > 0 OR NOT g.place::int = ANY (went_on))
         AND (g.outcome IN ('done', 'discarded') OR g.outcome = 'failed' AND t.session_id IS NULL
              OR all_moved OR g.place::int = ANY (moved) OR g.place::int = ANY (late))
      RETURNING g.place::int, documents[g.result] AS result, t.id, t.kind, t.queue, t.priority, t.session_id, t.payload, t.errors, t.attempt, t.max_attempts, t.correlation_id,
                coalesce(failed_since[array_position(failed, g.place::int)], t.created_at) AS created_at, coalesce(t.key, CASE WHEN t.revision IS NULL THEN g.wait_key END) AS key,
                coalesce(t.node_id, CASE WHEN t.revision IS NULL THEN g.wait_node END) AS node_id, coalesce(t.revision, g.revision) AS revision,
                coalesce(t.key, CASE WHEN t.revision IS NULL THEN g.wait_key END) = g.wait ->> 'key' AS still_waits,
                CASE WHEN g.place::int = ANY (late) THEN late_reasons[array_position(late, g.place::int)] ELSE g.error END AS why,
                CASE WHEN g.outcome = 'discarded' OR g.place::int = ANY (late) THEN 'discarded'
                     WHEN g.outcome = 'failed' THEN 'failed' ELSE 'completed' END AS ending
    ), recorded AS (
      INSERT INTO sluice.task_idempotency_records
             (idempotency_key, status, session_id, node_id, session_revision, result_data, error_message, task_id, kind)
      SELECT coalesce(f.key, 'task:' || f.id), f.ending, f.session_id, f.node_id, f.revision, f.result, f.why, f.id, f.kind
        FROM finished f WHERE f.kind IN ('action', 'webhook', 'http', 'sql') OR f.kind <> 'timer' AND f.ending <> 'completed'
    ), dead AS (
      INSERT INTO sluice.task_failures (task_id, kind, queue, priority, session_id, node_id, session_revision, idempotency_key, payload,
                                        reason, errors, attempts, max_attempts, correlation_id, retryable, created_at)
      SELECT f.id, f.kind, f.queue, f.priority, f.session_id, f.node_id, f.revision, f.key, f.payload, coalesce(f.why, 'failed'),
             coalesce(f.errors, '[]') || jsonb_build_object('attempt', f.attempt, 'at', now(), 'error', f.why), f.attempt, f.max_attempts,
             f.correlation_id, f.session_id IS NULL OR coalesce(f.still_waits, false), f.created_at
        FROM finished f WHERE f.ending = 'failed'
      ON CONFLICT (task_id) DO UPDATE
         SET reason = excluded.reason, errors = excluded.errors, attempts = excluded.attempts, retryable = excluded.retryable, failed_at = now()
    )
    SELECT coalesce(array_agg(f.place), '{}') INTO gone FROM finished f;
  END IF;

  -- The claim was looked at before the session was locked. If it was taken over in between and the row is to be written, nothing of this call may
  -- stand. A row that is not, because it follows its session already, may be taken over at any time: whoever has it runs what the session waits
  -- for, and what it began before this step is late by the revision.
  IF taken_over > 0 OR cardinality(gone) + cardinality(went_on) < cardinality(task_ids) AND NOT moved <@ (gone || went_on) THEN
    RAISE EXCEPTION 'a claim of process % was taken over while it committed', process_id
      USING ERRCODE = '40001', HINT = 'commit the batch again: the tasks that were taken over will be told lost';
  END IF;

  IF cardinality(moved) > 0 THEN
    -- 4. History, in order.
    INSERT INTO sluice.conversation_history (session_id, node_id, interaction_type, content)
    SELECT moved_sessions[CASE WHEN all_moved THEN h.step ELSE array_position(moved, h.step) END], history_nodes[h.place], history_types[h.place],
           coalesce(documents[history_contents[h.place]], '{}')
      FROM unnest(history_steps) WITH ORDINALITY AS h (step, place)
     WHERE all_moved OR h.step = ANY (moved)
     ORDER BY h.place;

    -- 5. A timer that moved its session overtakes the task the session was waiting for; an input it had is not lost, it queues.
    IF overtaken IS NOT NULL THEN
      WITH late_tasks AS (
        DELETE FROM sluice_private.tasks t WHERE t.session_id = ANY (overtaken) AND t.kind <> 'timer'
        RETURNING t.*, overtaken_at[array_position(overtaken, t.session_id)] AS place
      ), kept AS (
        INSERT INTO sluice_private.session_inputs (id, session_id, input, created_at)
        SELECT l.id, l.session_id, l.payload, l.created_at FROM late_tasks l WHERE l.kind = 'input'
      )
      INSERT INTO sluice.task_idempotency_records (idempotency_key, status, session_id, node_id, session_revision, error_message, task_id, kind)
      SELECT coalesce(l.key, wait_keys[l.place]), 'discarded', l.session_id, coalesce(l.node_id, wait_nodes[l.place]),
             coalesce(l.revision, revisions[l.place]), 'its deadline passed', l.id, l.kind
        FROM late_tasks l WHERE l.kind IN ('action', 'webhook');
    END IF;

    -- 6. What the sessions wait for now.
    IF cardinality(went_on) < cardinality(task_ids) THEN
      INSERT INTO sluice_private.tasks (session_id, kind, node_id, key, revision)
      SELECT moved_sessions[CASE WHEN all_moved THEN g.place ELSE array_position(moved, g.place::int) END], g.kind, g.node, g.wait ->> 'key', g.revision + 1
        FROM unnest(next_kinds, next_nodes, waits, revisions) WITH ORDINALITY AS g (kind, node, wait, revision, place)
       WHERE g.kind IS NOT NULL AND (all_moved OR g.place::int = ANY (moved))
         AND g.place > in_front AND (in_front > 0 OR NOT g.place::int = ANY (went_on));
      GET DIAGNOSTICS queued = ROW_COUNT;
    END IF;

    IF array_remove(deadlines, NULL) <> '{}' THEN
      INSERT INTO sluice_private.tasks (session_id, kind, node_id, key, revision, run_at, order_key)
      SELECT moved_sessions[array_position(moved, g.place::int)], 'timer', g.node, g.wait ->> 'key', g.revision + 1, g.deadline, g.deadline
        FROM unnest(deadlines, nodes, waits, revisions, statuses) WITH ORDINALITY AS g (deadline, node, wait, revision, status, place)
       WHERE g.deadline IS NOT NULL AND g.status = 'active' AND g.place::int = ANY (moved);
    END IF;

    -- 7. Sessions that can take an input take the oldest that queued. This must be a statement after the update: send_input decides
    -- between task and queue while it holds the session's row, so what it queued before our update is visible only to a later snapshot,
    -- and what comes after our commit finds no pending task and needs no queue.
    IF ready IS NOT NULL AND EXISTS (SELECT 1 FROM sluice_private.session_inputs i WHERE i.session_id = ANY (ready)) THEN
      queued := queued + sluice_private.take_queued_inputs(ready);
    END IF;

    IF ended IS NOT NULL THEN
      DELETE FROM sluice_private.session_inputs i WHERE i.session_id = ANY (ended);
      DELETE FROM sluice_private.tasks t WHERE t.session_id = ANY (ended) AND t.kind = 'timer';
    END IF;

    IF queued > 0 THEN
      PERFORM sluice_private.ring_tasks();
    END IF;
  END IF;

  IF NOT all_moved THEN
    RETURN QUERY
      SELECT r.id, r.outcome, r.reason
        FROM (SELECT g.id, g.place,
                     CASE WHEN g.place::int = ANY (late) THEN 'discarded'
                          WHEN g.place::int = ANY (gone) OR g.place::int = ANY (went_on) THEN CASE g.outcome WHEN 'discarded' THEN 'discarded' END
                          WHEN g.place::int = ANY (fits) THEN 'restamped'
                          ELSE 'lost' END AS outcome,
                     CASE WHEN g.place::int = ANY (late) THEN late_reasons[array_position(late, g.place::int)]
                          WHEN g.outcome = 'discarded' THEN g.error END AS reason
                FROM unnest(task_ids, outcomes, errors) WITH ORDINALITY AS g (id, outcome, error, place)) AS r
       WHERE r.outcome IS NOT NULL
       ORDER BY r.place;
  END IF;
END
$$;
COMMENT ON FUNCTION sluice_private.commit_steps(bigint, bigint[], bigint[], text[], text[], text[], int[], jsonb[], text[], text[], int[], jsonb[], int[],
  text[], text[], text[], timestamptz[], int[], text[], int[], text[], text[], int[], jsonb[], int) IS
  'commits the outcomes of claimed tasks in one round trip: sessions, history, records, next tasks, timers, queued inputs; returns what was not applied';

-- The sessions' rows are locked by the caller, so nobody queues or takes an input of theirs meanwhile.
CREATE OR REPLACE FUNCTION sluice_private.take_queued_inputs(sessions uuid[]) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off AS $$
DECLARE
  taken int;
BEGIN
  WITH oldest AS (
    DELETE FROM sluice_private.session_inputs i
     WHERE i.id = ANY (ARRAY(SELECT (SELECT q.id FROM sluice_private.session_inputs q WHERE q.session_id = s.id ORDER BY q.session_id, q.id LIMIT 1)
                               FROM unnest(sessions) AS s (id)
                              WHERE (SELECT t.id FROM sluice_private.tasks t WHERE t.session_id = s.id AND t.kind <> 'timer') IS NULL))
    RETURNING i.*
  )
  INSERT INTO sluice_private.tasks (id, session_id, kind, node_id, revision, payload)
  SELECT o.id, o.session_id, 'input', c.current_node_id, c.revision, o.input
    FROM oldest o JOIN sluice.conversation_sessions c ON c.id = ANY (ARRAY[o.session_id]);
  GET DIAGNOSTICS taken = ROW_COUNT;
  RETURN taken;
END
$$;
COMMENT ON FUNCTION sluice_private.take_queued_inputs(uuid[]) IS 'makes the oldest queued input of each session its task; returns how many';

SELECT sluice_private.hide('sluice_private.commit_steps(bigint, bigint[], bigint[], text[], text[], text[], int[], jsonb[], text[], text[], int[], jsonb[], int[], text[], text[], text[], timestamptz[], int[], text[], int[], text[], text[], int[], jsonb[], int)');
SELECT sluice_private.hide('sluice_private.take_queued_inputs(uuid[])');
