#!/usr/bin/env bash
# Many workers, clients and patches at once on real connections: no task is claimed twice at a time, every session's revisions follow one
# another without a gap, every accepted input is taken exactly once and in order, and nothing is left over.
set -euo pipefail
sessions=${SESSIONS:-40} inputs=${INPUTS:-25} workers=${WORKERS:-4} clients=${CLIENTS:-4}
sql() { psql -XAtq -v ON_ERROR_STOP=1 "$@"; }
echo "1..8"
check() { if [ "$2" = "$3" ]; then echo "ok - $1"; else echo "not ok - $1: got $2, expected $3"; fi; }

sql <<'SQL'
CREATE TABLE test.claims (task_id bigint, token bigint, process bigint, at timestamptz DEFAULT clock_timestamp());
CREATE TABLE test.sent (id bigint, session_id uuid, number int);
CREATE TABLE test.seen (session_id uuid, revision int, number int);
-- Keeps, per session, what its state says about inputs at every revision.
CREATE FUNCTION test.watch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO test.seen SELECT n.id, n.revision, (n.state ->> 'last')::int FROM new_rows n JOIN old_rows o USING (id) WHERE n.revision <> o.revision;
  RETURN NULL;
END
$$;
CREATE TRIGGER watch AFTER UPDATE ON sluice.conversation_sessions REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION test.watch();

-- A worker: claim a few, then commit them together; now and then it lets go of everything as if it had died, or commits too late.
-- input: remember its number, then a webhook; webhook: back to the question. The state is what was read at the claim.
CREATE PROCEDURE test.work(seed float8, until timestamptz) LANGUAGE plpgsql AS $$
DECLARE
  process bigint := test.process();
  c record;
  batch record;
  empty int := 0;
BEGIN
  PERFORM setseed(seed);
  COMMIT;
  WHILE clock_timestamp() < until AND empty < 50 LOOP
    CREATE TEMP TABLE IF NOT EXISTS mine (id bigint, kind text, key text, payload jsonb, token bigint, s_revision int, s_state jsonb, s_id uuid, s_wait text, s_node text);
    TRUNCATE mine;
    PERFORM sluice_private.heartbeat(process);
    INSERT INTO mine (id, token, kind, key, payload, s_revision, s_state, s_id, s_wait, s_node)
    SELECT k.id, k.claim_token, k.kind, k.key, k.payload::jsonb, k.revision, k.state::jsonb, k.session_id, k.wait::jsonb ->> 'key', k.current_node_id
      FROM test.claim_now(process, 1 + (random() * 8)::int) k;
    INSERT INTO test.claims (task_id, token, process) SELECT id, token, process FROM mine;
    IF NOT EXISTS (SELECT 1 FROM mine) THEN
      empty := empty + 1;
    ELSE
      empty := 0;
    END IF;
    COMMIT;
    IF random() < 0.05 THEN
      -- dies here; its heartbeat stops, its next life has another id
      PERFORM test.kill(process);
      COMMIT;
      IF random() < 0.5 THEN
        process := test.process();
        COMMIT;
        CONTINUE;
      END IF;
      -- or it was only stopped, and wakes as a zombie that commits what others may have by now
      PERFORM pg_sleep(random() * 0.02);
    END IF;
    SELECT array_agg(m.id ORDER BY m.id) AS ids, array_agg(m.token ORDER BY m.id) AS tokens, array_agg('step'::text ORDER BY m.id) AS outcomes,
           array_agg(m.s_wait ORDER BY m.id) AS wait_keys, array_agg(m.s_node ORDER BY m.id) AS wait_nodes,
           array_agg(m.s_revision ORDER BY m.id) AS revisions,
           array_agg(CASE WHEN m.kind = 'input' THEN m.s_state || jsonb_build_object('last', m.payload, 'order', coalesce(m.s_state -> 'order', '[]') || m.payload)
                          ELSE m.s_state END ORDER BY m.id) AS states,
           array_agg(CASE WHEN m.kind = 'input' THEN 'work' ELSE 'ask' END ORDER BY m.id) AS nodes,
           array_agg(CASE WHEN m.kind = 'input' THEN jsonb_build_object('for', 'task', 'key', m.s_id || ':work:' || (m.s_revision + 1))
                          ELSE jsonb_build_object('for', 'input', 'key', m.s_id || ':ask:' || (m.s_revision + 1)) END ORDER BY m.id) AS waits,
           array_agg('active'::text ORDER BY m.id) AS statuses, array_agg(CASE WHEN m.kind = 'input' THEN 'webhook' END ORDER BY m.id) AS next_kinds,
           array_fill(NULL::text, ARRAY[count(*)::int]) AS texts, array_fill(NULL::int, ARRAY[count(*)::int]) AS places,
           array_fill(NULL::timestamptz, ARRAY[count(*)::int]) AS times
      INTO batch FROM mine m WHERE m.kind <> 'timer';
    IF batch.ids IS NOT NULL THEN
      BEGIN
        FOR c IN SELECT * FROM sluice_private.commit_steps(process, batch.ids, batch.tokens, batch.outcomes, batch.wait_keys, batch.wait_nodes, batch.revisions, batch.states, batch.texts,
                                  batch.nodes, batch.places, batch.waits, batch.places, batch.statuses, batch.next_kinds, batch.nodes, batch.times,
                                  batch.places, batch.texts, '{}', '{}', '{}', '{}', '{}', 0) LOOP
          -- what has to be made again is left to the claim of whoever comes next
          IF c.outcome = 'restamped' THEN
            PERFORM sluice_private.release_tasks(ARRAY[c.task_id], ARRAY[(SELECT m.token FROM mine m WHERE m.id = c.task_id)]);
          END IF;
        END LOOP;
      EXCEPTION WHEN serialization_failure OR deadlock_detected THEN
        INSERT INTO test.claims VALUES (-1, -1, process);
        PERFORM sluice_private.release_tasks(batch.ids, batch.tokens);
      END;
    END IF;
    COMMIT;
    IF empty > 0 THEN
      PERFORM pg_sleep(0.1);
    END IF;
  END LOOP;
END
$$;
SQL
# The claim as a function of its own: in a procedure the statement's time is that of the CALL, so the clock's is put in its place.
sql -c "$(sql -c "SELECT replace(replace(pg_get_functiondef('test.claim'::regproc), 'test.claim(', 'test.claim_now('), 'statement_timestamp()', '(SELECT clock_timestamp())')")"

sql -c "SELECT sluice.start_session('small') FROM generate_series(1, $sessions)" >/dev/null
pids=()
for w in $(seq "$workers"); do
  sql -c "CALL test.work(0.$w, clock_timestamp() + interval '50 s')" & pids+=($!)
done
for c in $(seq "$clients"); do
  # each client speaks in sessions of its own, so the order in which it sends is known; it patches them too
  sql <<SQL & pids+=($!)
SELECT setseed(0.9$c);
SELECT format('BEGIN; INSERT INTO test.sent SELECT sluice.send_input(%L, to_jsonb(%s)), %L, %s; COMMIT;%s', s.session_token, n, s.id, n,
              CASE WHEN random() < 0.3 THEN format('SELECT sluice.patch_state(%L, jsonb_build_object(%L, %s));', s.session_token, 'patch', n) END)
  FROM generate_series(1, $inputs) AS n,
       (SELECT *, row_number() OVER (ORDER BY id) AS place FROM sluice.conversation_sessions) AS s
 WHERE s.place % $clients = $c - 1 ORDER BY n, s.id \gexec
SQL
done
for pid in "${pids[@]}"; do wait "$pid"; done >/dev/null

total=$((sessions * inputs))
check "every input was accepted" "$(sql -c 'SELECT count(DISTINCT id) FROM test.sent')" "$total"
check "every session took all of its inputs once and in order" \
  "$(sql -c "SELECT count(*) FROM sluice.conversation_sessions WHERE state -> 'order' = (SELECT jsonb_agg(n) FROM generate_series(1, $inputs) AS n)")" "$sessions"
check "nothing is left to do" "$(sql -c "SELECT count(*) FROM sluice_private.tasks WHERE kind <> 'timer'")/$(sql -c 'SELECT count(*) FROM sluice_private.session_inputs')" "0/0"
check "revisions follow one another" "$(sql -c "SELECT count(*) FROM (SELECT revision - lag(revision, 1, 1) OVER (PARTITION BY session_id ORDER BY revision) AS step FROM test.seen) AS x WHERE step <> 1")" 0
check "each revision was written once" "$(sql -c 'SELECT count(*) - count(DISTINCT (session_id, revision)) FROM test.seen')" 0
check "no token was given twice" "$(sql -c 'SELECT count(*) - count(DISTINCT token) FROM test.claims WHERE token > 0')" 0
check "each webhook has one record" "$(sql -c "SELECT count(*) - count(DISTINCT idempotency_key) FROM sluice.task_idempotency_records WHERE status = 'completed'")" 0
check "and there are as many as inputs" "$(sql -c "SELECT count(*) FROM sluice.task_idempotency_records WHERE status = 'completed' AND kind = 'webhook'")" "$total"
