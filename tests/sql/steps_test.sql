-- claim_tasks and commit_steps: each outcome, and each check that an outcome rests on.
BEGIN;
SELECT no_plan();
SELECT test.process() AS p1, test.process() AS p2 \gset

-- applied: the whole of a step
SELECT (s).id AS id, (s).session_token AS token FROM test.session_at('work') AS s \gset
SELECT (s).id AS b_id FROM test.session_at('work') AS s \gset b_
SELECT c.id AS task, c.claim_token AS claim FROM test.claim(:p1) c WHERE c.session_id = :'id' \gset
SELECT is((SELECT count(*) FROM test.claim(:p2)), 0::bigint, 'what is claimed is not claimed again');
SELECT results_eq($$SELECT c.result FROM test.commit($$ || :p1 || ',' || :task || ',' || :claim || $$, 'step',
    '{"revision": 3, "node": "bye", "status": "completed", "state": {"x": 1}, "history": ["one", "two"], "result": {"status": 200}}') c$$, $$VALUES ('applied')$$);
SELECT results_eq($$SELECT revision, status, current_node_id, state, state_hash, wait IS NULL, ended_at IS NOT NULL FROM sluice.conversation_sessions WHERE id = '$$ || :'id' || $$'$$,
                  $$VALUES (4, 'completed', 'bye', '{"x": 1}'::jsonb, sluice.state_hash('{"x": 1}'), true, true)$$, 'a step changes the session');
SELECT results_eq($$SELECT content ->> 'text' FROM sluice.history('$$ || :'token' || $$')$$, $$VALUES ('one'), ('two')$$, 'adds history in order');
SELECT results_eq($$SELECT status, session_revision, result_data FROM sluice.task_idempotency_records WHERE idempotency_key = '$$ || :'id' || $$:work:3'$$,
                  $$VALUES ('completed', 3, '{"status": 200}'::jsonb)$$, 'leaves a record');
SELECT is((SELECT count(*) FROM sluice_private.tasks WHERE session_id = :'id'), 0::bigint, 'removes its task and the ended session''s timer');
SELECT results_eq($$SELECT c.result FROM test.commit($$ || :p1 || ',' || :task || ',' || :claim || $$, 'step', '{"revision": 4, "node": "bye"}') c$$, $$VALUES ('lost')$$,
                  'the same commit again is lost');

-- lost: another has the claim (the token check)
SELECT c.id AS task, c.claim_token AS claim FROM sluice_private.tasks c WHERE c.session_id = :'b_b_id' AND kind = 'webhook' \gset
SELECT test.kill(:p1);
SELECT c.claim_token AS claim2 FROM test.claim(:p2) c WHERE c.id = :task \gset
SELECT isnt(:claim2::bigint, :claim::bigint, 'a dead process''s task is claimed by another');
SELECT results_eq($$SELECT c.result FROM test.commit($$ || :p1 || ',' || :task || ',' || :claim || $$, 'step', '{"revision": 3, "node": "bye", "state": {"zombie": 1}}') c$$,
                  $$VALUES ('lost')$$, 'a zombie commits nothing');
SELECT is((SELECT revision FROM sluice.conversation_sessions WHERE id = :'b_b_id'), 3);
SELECT is((SELECT count(*) FROM sluice_private.retry_tasks(ARRAY[:task::bigint], ARRAY[:claim::bigint], ARRAY[interval '1 s'], ARRAY['x'])), 0::bigint, 'nor retries');
SELECT is((SELECT count(*) FROM sluice_private.release_tasks(ARRAY[:task::bigint], ARRAY[:claim::bigint])), 0::bigint, 'nor releases');
SELECT results_eq($$SELECT c.result FROM test.commit($$ || :p2 || ',' || :task || ',' || :claim2 || $$, 'step', '{"revision": 3, "node": "bye", "status": "completed"}') c$$,
                  $$VALUES ('applied')$$, 'the new owner does');

-- restamped: patched while the task ran (the revision check)
SELECT (s).id AS id, (s).session_token AS token FROM test.session_at('work') AS s \gset
SELECT c.id AS task, c.claim_token AS claim FROM test.claim(:p2) c WHERE c.session_id = :'id' \gset
SELECT sluice.patch_state(:'token', '{"patched": 1}');
SELECT results_eq($$SELECT c.result FROM test.commit($$ || :p2 || ',' || :task || ',' || :claim || $$, 'step', '{"revision": 3, "node": "bye", "state": {"stale": 1}}') c$$,
                  $$VALUES ('restamped')$$, 'an outcome made from an older revision is to be made again');
SELECT results_eq($$SELECT state ->> 'patched', state ? 'stale', revision FROM sluice.conversation_sessions WHERE id = '$$ || :'id' || $$'$$, $$VALUES ('1', false, 4)$$, 'and changes nothing');
SELECT results_eq($$SELECT key, revision FROM sluice_private.tasks WHERE id = $$ || :task, $$VALUES ('$$ || :'id' || $$:work:3', 4)$$, 'key unchanged, revision re-stamped');
SELECT results_eq($$SELECT c.result FROM test.commit($$ || :p2 || ',' || :task || ',' || :claim || $$, 'step', '{"revision": 4, "node": "bye", "status": "completed"}') c$$,
                  $$VALUES ('applied')$$, 'made again it is applied');

-- discarded: the session moved on (the wait key check), ended, or is gone
SELECT (s).id AS id FROM test.session_at('work') AS s \gset
SELECT c.id AS task, c.claim_token AS claim FROM test.claim(:p2) c WHERE c.session_id = :'id' \gset
UPDATE sluice.conversation_sessions SET wait = '{"for": "input", "key": "elsewhere"}' WHERE id = :'id';
SELECT results_eq($$SELECT c.result, c.reason FROM test.commit($$ || :p2 || ',' || :task || ',' || :claim || $$, 'step', '{"revision": 3, "node": "bye"}') c$$,
                  $$VALUES ('discarded', 'its session is at revision 3 and no longer waits for it')$$, 'an outcome nobody waits for is discarded, although the revision fits');
SELECT results_eq($$SELECT status, error_message FROM sluice.task_idempotency_records WHERE idempotency_key = '$$ || :'id' || $$:work:3'$$,
                  $$VALUES ('discarded', 'its session is at revision 3 and no longer waits for it')$$, 'and recorded');
SELECT is((SELECT revision FROM sluice.conversation_sessions WHERE id = :'id'), 3, 'and changes nothing');
SELECT is((SELECT count(*) FROM sluice_private.tasks WHERE id = :task), 0::bigint, 'the task is gone');
SELECT (s).id AS id, (s).session_token AS token FROM test.session_at('work') AS s \gset
SELECT c.id AS task, c.claim_token AS claim FROM test.claim(:p2) c WHERE c.session_id = :'id' \gset
SELECT sluice.end_session(:'token');
SELECT results_eq($$SELECT c.result, c.reason FROM test.commit($$ || :p2 || ',' || :task || ',' || :claim || $$, 'step', '{"revision": 4, "node": "bye"}') c$$,
                  $$VALUES ('discarded', 'its session is completed')$$);
SELECT (s).id AS id, (s).session_token AS token FROM test.session_at('ask') AS s \gset
SELECT sluice.send_input(:'token', '"x"');
SELECT c.id AS task, c.claim_token AS claim FROM test.claim(:p2) c WHERE c.session_id = :'id' \gset
SELECT sluice.end_session(:'token', 'abandoned');
SELECT results_eq($$SELECT c.result, c.reason FROM test.commit($$ || :p2 || ',' || :task || ',' || :claim || $$, 'step', '{"revision": 3, "node": "bye"}') c$$,
                  $$VALUES ('discarded', 'its session is abandoned')$$, 'an input that comes too late is discarded, even by a worker that knows the last revision');
SELECT (s).id AS id FROM test.session_at('work') AS s \gset
SELECT c.id AS task, c.claim_token AS claim FROM test.claim(:p2) c WHERE c.session_id = :'id' \gset
DELETE FROM sluice.conversation_sessions WHERE id = :'id';
SELECT results_eq($$SELECT c.result, c.reason FROM test.commit($$ || :p2 || ',' || :task || ',' || :claim || $$, 'step', '{"revision": 3, "node": "bye"}') c$$,
                  $$VALUES ('discarded', 'its session is gone')$$);

-- next tasks, taken on or queued; the input that waited
SELECT (s).id AS id, (s).session_token AS token FROM test.session_at('ask') AS s \gset
SELECT sluice.send_input(:'token', '"1"') AS i1, sluice.send_input(:'token', '"2"') AS i2 \gset
SELECT c.id AS task, c.claim_token AS claim FROM test.claim(:p2) c WHERE c.session_id = :'id' \gset
SELECT is(:task::bigint, :i1::bigint, 'inputs are taken in order');
SELECT is((SELECT c.result FROM test.commit(:p2, :task, :claim, 'step', jsonb_build_object('revision', 2, 'node', 'work', 'next', 'webhook',
  'wait', jsonb_build_object('for', 'task', 'key', :'id' || ':work:3'), 'deadline', now() + interval '1 hour'), 1) c), 'applied');
SELECT results_eq($$SELECT kind, node_id, key, revision, claimed_by, claim_token FROM sluice_private.tasks WHERE id = $$ || :task,
                  $$VALUES ('webhook', NULL, NULL, NULL::int, $$ || :p2 || '::bigint, ' || :claim || '::bigint)', 'the next task may stay its worker''s; its row follows the session');
SELECT results_eq($$SELECT node_id, idempotency_key, session_revision, status FROM sluice.task_overview WHERE task_id = $$ || :task,
                  $$VALUES ('work', '$$ || :'id' || $$:work:3', 3, 'running')$$, 'whose wait says which task it is');
SELECT is((SELECT count(*) FROM sluice_private.tasks WHERE session_id = :'id' AND kind = 'timer' AND key = :'id' || ':work:3'), 1::bigint, 'its deadline is a timer');
SELECT results_eq($$SELECT c.result FROM test.commit($$ || :p2 || ',' || :task || ',' || :claim || $$, 'step',
    '{"revision": 3, "node": "ask", "wait": {"for": "input", "key": "again"}}') c$$, $$VALUES ('applied')$$);
SELECT results_eq($$SELECT id, kind, revision, payload FROM sluice_private.tasks WHERE session_id = '$$ || :'id' || $$' AND kind <> 'timer'$$,
                  $$VALUES ($$ || :i2 || $$::bigint, 'input', 4, '"2"'::jsonb)$$, 'a queued input becomes the task, under its reserved id, once the session waits for one');

-- a timer overtakes the pending task; an input it overtakes is queued again
SELECT (s).id AS id, (s).session_token AS token FROM test.session_at('work') AS s \gset
INSERT INTO sluice_private.tasks (session_id, kind, key, revision) VALUES (:'id', 'timer', :'id' || ':work:3', 3);
SELECT c.id AS task, c.claim_token AS claim FROM test.claim(:p2) c WHERE c.session_id = :'id' AND c.kind = 'timer' \gset
SELECT c.id AS slow, c.claim_token AS slow_claim FROM sluice_private.tasks c WHERE c.session_id = :'id' AND c.kind = 'webhook' \gset
SELECT results_eq($$SELECT c.result FROM test.commit($$ || :p2 || ',' || :task || ',' || :claim || $$, 'step',
    '{"revision": 3, "node": "work", "next": "webhook", "wait": {"for": "task", "key": "w4"}}') c$$, $$VALUES ('applied')$$, 'a deadline moves the session');
SELECT results_eq($$SELECT status, error_message FROM sluice.task_idempotency_records WHERE idempotency_key = '$$ || :'id' || $$:work:3'$$,
                  $$VALUES ('discarded', 'its deadline passed')$$, 'the task it overtook is recorded');
SELECT results_eq($$SELECT c.result FROM test.commit($$ || :p2 || ',' || :slow || ',' || :slow_claim || $$, 'step', '{"revision": 3, "node": "bye"}') c$$, $$VALUES ('lost')$$,
                  'its late result is lost');
SELECT results_eq($$SELECT key FROM sluice_private.tasks WHERE session_id = '$$ || :'id' || $$' AND kind <> 'timer'$$, $$VALUES ('w4')$$);
INSERT INTO sluice_private.tasks (session_id, kind, key, revision) VALUES (:'id', 'timer', 'outdated', 3);
SELECT c.id AS task, c.claim_token AS claim FROM test.claim(:p2) c WHERE c.session_id = :'id' AND c.kind = 'timer' \gset
SELECT results_eq($$SELECT c.result FROM test.commit($$ || :p2 || ',' || :task || ',' || :claim || $$, 'step', '{"revision": 4, "node": "bye"}') c$$, $$VALUES ('discarded')$$);
SELECT is((SELECT count(*) FROM sluice.task_idempotency_records WHERE kind = 'timer'), 0::bigint, 'a timer whose wait has moved on goes silently');

-- free-standing tasks, retries, dead letters
SELECT sluice.enqueue('http', '{"url": "https://example.org/"}', max_attempts => 2, idempotency_key => 'e1') AS e1,
       sluice.enqueue('http', '{"url": "https://example.org/"}') AS e2 \gset
SELECT is(sluice.enqueue('http', '{"url": "https://example.org/2"}', idempotency_key => 'e1'), :e1::bigint, 'a key used before gives the same task');
SELECT c.claim_token AS c1 FROM test.claim(:p2) c WHERE c.id = :e1 \gset
SELECT c.claim_token AS c2 FROM sluice_private.tasks c WHERE c.id = :e2 \gset
SELECT results_eq($$SELECT c.result FROM test.commit($$ || :p2 || ',' || :e2 || ',' || :c2 || $$, 'done') c$$, $$VALUES ('applied')$$);
SELECT results_eq($$SELECT status FROM sluice.task_idempotency_records WHERE idempotency_key = 'task:$$ || :e2 || $$'$$, $$VALUES ('completed')$$);
SELECT results_eq($$SELECT sluice_private.retry_tasks(ARRAY[$$ || :e1 || '::bigint], ARRAY[' || :c1 || $$::bigint], ARRAY[interval '0'], ARRAY['boom'])$$, 'VALUES (' || :e1 || '::bigint)');
SELECT results_eq($$SELECT attempt, errors #>> '{0,error}', claimed_by FROM sluice_private.tasks WHERE id = $$ || :e1, $$VALUES (2, 'boom', NULL::bigint)$$, 'a retry counts and keeps the error');
SELECT pg_sleep(0);
SELECT c.claim_token AS c1 FROM test.claim(:p2) c WHERE c.id = :e1 \gset
SELECT results_eq($$SELECT c.result FROM test.commit($$ || :p2 || ',' || :e1 || ',' || :c1 || $$, 'failed', '{"error": "boom again"}') c$$, $$VALUES ('applied')$$);
SELECT results_eq($$SELECT reason, attempts, retryable, jsonb_array_length(errors), idempotency_key FROM sluice.task_failures WHERE task_id = $$ || :e1,
                  $$VALUES ('boom again', 2, true, 2, 'e1')$$, 'out of attempts it is a dead letter with its history');
SELECT lives_ok('SELECT sluice.retry_task(' || :e1 || ')', 'which may be run again');
SELECT results_eq($$SELECT key, attempt, max_attempts FROM sluice_private.tasks WHERE id = $$ || :e1, $$VALUES ('e1', 3, 4)$$, 'with its key and new attempts');
SELECT throws_ok('SELECT sluice.retry_task(-1)', 'SL005');
SELECT lives_ok('SELECT sluice.discard(' || :e1 || ')');
SELECT throws_ok('SELECT sluice.discard(' || :e1 || ')', 'SL005');

SELECT sluice.enqueue('http', '{"url": "https://example.org/"}') AS e3 \gset
SELECT c.claim_token AS old_claim FROM test.claim(:p2) c WHERE c.id = :e3 \gset
SELECT test.kill(:p2), test.process() AS p3 \gset
SELECT c.claim_token AS new_claim FROM test.claim(:p3) c WHERE c.id = :e3 \gset
SELECT results_eq($$SELECT c.result FROM test.commit($$ || :p2 || ',' || :e3 || ',' || :old_claim || $$, 'done') c$$, $$VALUES ('lost')$$, 'a zombie ends no free-standing task');
SELECT results_eq($$SELECT c.result FROM test.commit($$ || :p3 || ',' || :e3 || ',' || :new_claim || $$, 'done') c$$, $$VALUES ('applied')$$);
SELECT sluice_private.heartbeat(:p2);

-- a failed session task: the failure edge, and a dead letter that no longer fits
SELECT (s).id AS id FROM test.session_at('work') AS s \gset
SELECT c.id AS task, c.claim_token AS claim FROM test.claim(:p2) c WHERE c.session_id = :'id' \gset
SELECT results_eq($$SELECT c.result FROM test.commit($$ || :p2 || ',' || :task || ',' || :claim || $$, 'failed', '{"revision": 3, "node": "bye", "status": "completed", "error": "503"}') c$$,
                  $$VALUES ('applied')$$);
SELECT results_eq($$SELECT retryable, reason FROM sluice.task_failures WHERE task_id = $$ || :task, $$VALUES (false, '503')$$);
SELECT throws_ok('SELECT sluice.retry_task(' || :task || ')', 'SL005');
SELECT (s).id AS id, (s).session_token AS token FROM test.session_at('work') AS s \gset
SELECT c.id AS task, c.claim_token AS claim FROM test.claim(:p2) c WHERE c.session_id = :'id' \gset
SELECT test.commit(:p2, :task, :claim, 'failed', jsonb_build_object('revision', 3, 'node', 'work', 'error', '503', 'info', '{"last_error": "503"}'::jsonb,
                                                                   'wait', jsonb_build_object('for', 'task', 'key', :'id' || ':work:3')));
SELECT sluice.send_input(:'token', '"while it is dead"') AS late \gset
SELECT is((SELECT count(*) FROM sluice_private.session_inputs WHERE id = :late), 1::bigint, 'an input for a session whose task is a dead letter queues');
SELECT is(sluice.retry_tasks('{"kind": "webhook", "reason": "503"}'), 1, 'a session that stayed takes its task back');
SELECT results_eq($$SELECT key, revision, attempt FROM sluice_private.tasks WHERE id = $$ || :task, $$VALUES ('$$ || :'id' || $$:work:3', 4, 2)$$);
SELECT throws_ok($$SELECT sluice.retry_tasks('{"colour": "red"}')$$, 'SL005');
SELECT is(sluice.retry_tasks(), 0);

-- an outcome without a step
SELECT c.claim_token AS claim FROM test.claim(:p2) c WHERE c.id = :task \gset
SELECT results_eq($$SELECT c.result, c.reason FROM test.commit($$ || :p2 || ',' || :task || ',' || :claim || $$, 'discarded', '{"error": "no longer wanted"}') c$$,
                  $$VALUES ('discarded', 'no longer wanted')$$);
SELECT is((SELECT revision FROM sluice.conversation_sessions WHERE id = :'id'), 4);

-- taken on: the row of a task is the next one's, with id and token, and follows its session
SELECT (s).id AS id, (s).session_token AS token FROM test.session_at('work') AS s \gset
SELECT c.id AS task, c.claim_token AS claim FROM test.claim(:p2) c WHERE c.session_id = :'id' \gset
CREATE FUNCTION pg_temp.step_to(session text, revision int, node text, kind text) RETURNS jsonb LANGUAGE sql
RETURN jsonb_build_object('revision', revision, 'node', node, 'next', kind, 'wait', jsonb_build_object('for', 'task', 'key', format('%s:%s:%s', session, node, revision + 1)));
CREATE FUNCTION pg_temp.row_of(session text) RETURNS TABLE (id bigint, kind text, node_id text, key text, revision int, claimed_by bigint, claim_token bigint, attempt int) LANGUAGE sql AS $$
  SELECT t.id, t.kind, t.node_id, t.key, t.revision, t.claimed_by, t.claim_token, t.attempt FROM sluice_private.tasks t WHERE t.kind <> 'timer' AND t.session_id = session::uuid $$;
-- committed under another id of its process, as after a lost connection: the row is that one's now
SELECT is((SELECT result FROM test.commit(:p1, :task, :claim, 'step', pg_temp.step_to(:'id', 3, 'next', 'action'), 1)), 'applied');
SELECT results_eq($$SELECT * FROM pg_temp.row_of('$$ || :'id' || $$')$$,
                  $$VALUES ($$ || :task || $$::bigint, 'action', NULL, NULL, NULL::int, $$ || :p1 || '::bigint, ' || :claim || '::bigint, 1)');
SELECT results_eq($$SELECT idempotency_key, status, node_id, session_revision, kind FROM sluice.task_idempotency_records WHERE session_id = '$$ || :'id' || $$'$$,
                  $$VALUES ('$$ || :'id' || $$:work:3', 'completed', 'work', 3, 'webhook')$$, 'the record is of the task that ended');
SELECT results_eq($$SELECT node_id, key, task_revision FROM test.load_claimed_session($$ || :task || ',' || :claim || ')',
                  $$VALUES ('next', '$$ || :'id' || $$:next:4', 4)$$, 'whoever claims it is told which task it is');

-- a following row is written to when the kind changes, after an attempt that failed, and when another id of its worker commits; else not at all
CREATE FUNCTION pg_temp.version_of(session text) RETURNS text LANGUAGE sql AS $$ SELECT t.ctid::text FROM sluice_private.tasks t WHERE t.kind <> 'timer' AND t.session_id = session::uuid $$;
SELECT pg_temp.version_of(:'id') AS version \gset
SELECT is((SELECT result FROM test.commit(:p1, :task, :claim, 'step', pg_temp.step_to(:'id', 4, 'more', 'action'), 1)), 'applied');
SELECT is(pg_temp.version_of(:'id'), :'version', 'the next task of the kind writes nothing to the row');
SELECT results_eq($$SELECT node_id, idempotency_key, session_revision FROM sluice.task_overview WHERE task_id = $$ || :task, $$VALUES ('more', '$$ || :'id' || $$:more:5', 5)$$);
SELECT is((SELECT idempotency_key || ' ' || node_id || ' ' || session_revision FROM sluice.task_idempotency_records WHERE session_id = :'id' AND node_id = 'next'), :'id' || ':next:4 next 4',
          'though it leaves a record of the one that ended');
SELECT is((SELECT result FROM test.commit(:p2, :task, :claim, 'step', pg_temp.step_to(:'id', 5, 'more', 'action'), 1)), 'applied');
SELECT is((SELECT claimed_by FROM pg_temp.row_of(:'id')), :p2::bigint, 'committed under another id it is that one''s');
SELECT is((SELECT result FROM test.commit(:p2, :task, :claim, 'step', pg_temp.step_to(:'id', 6, 'work', 'webhook'), 1)), 'applied');
SELECT is((SELECT kind FROM pg_temp.row_of(:'id')), 'webhook');
SELECT is((SELECT count(*) FROM sluice_private.retry_tasks(ARRAY[:task::bigint], ARRAY[:claim::bigint], ARRAY[interval '0'], ARRAY['boom'])), 1::bigint);
SELECT c.claim_token AS claim2 FROM test.claim(:p2) c WHERE c.id = :task \gset
SELECT results_eq($$SELECT attempt, idempotency_key, status FROM sluice.task_overview WHERE task_id = $$ || :task, $$VALUES (2, '$$ || :'id' || $$:work:7', 'running')$$, 'it is run again with its key');
SELECT is((SELECT result FROM test.commit(:p2, :task, :claim2, 'step', pg_temp.step_to(:'id', 7, 'work', 'webhook'), 1)), 'applied');
SELECT results_eq($$SELECT t.attempt, t.errors FROM sluice_private.tasks t WHERE t.id = $$ || :task, 'VALUES (1, NULL::jsonb)', 'the next task begins with its first attempt');

-- what is late by the revision: a commit that is repeated because its answer was lost, or a former worker's that came first
SELECT is((SELECT result FROM test.commit(:p2, :task, :claim2, 'step', pg_temp.step_to(:'id', 7, 'work', 'webhook') || jsonb_build_object('wait_key', :'id' || ':work:7'), 1)), 'lost',
          'a commit that is repeated does not touch the task that followed');
SELECT results_eq($$SELECT s.revision, s.wait ->> 'key' FROM sluice.conversation_sessions s WHERE s.id = '$$ || :'id' || $$'$$, $$VALUES (8, '$$ || :'id' || $$:work:8')$$);
SELECT results_eq($$SELECT r.id, r.claimed_by, r.claim_token FROM pg_temp.row_of('$$ || :'id' || $$') r$$, $$VALUES ($$ || :task || '::bigint, NULL::bigint, NULL::bigint)', 'which is anybody''s now');
SELECT is((SELECT count(*) FROM sluice.task_idempotency_records WHERE idempotency_key = :'id' || ':work:7'), 1::bigint, 'and it has the one record');
SELECT c.claim_token AS claim FROM test.claim(:p2) c WHERE c.id = :task \gset

-- patched from outside it goes on to follow, and when its session is ended it gets words of its own
SELECT sluice.patch_state(:'token', '{"patched": 1}');
SELECT results_eq($$SELECT o.node_id, o.idempotency_key, o.session_revision FROM sluice.task_overview o WHERE o.task_id = $$ || :task, $$VALUES ('work', '$$ || :'id' || $$:work:8', 9)$$);
SELECT is((SELECT result FROM test.commit(:p2, :task, :claim, 'step', pg_temp.step_to(:'id', 8, 'work', 'webhook'), 1)), 'restamped');
SELECT is((SELECT result FROM test.commit(:p2, :task, :claim, 'step', pg_temp.step_to(:'id', 7, 'work', 'webhook') || jsonb_build_object('wait_key', :'id' || ':work:7'), 1)), 'lost',
          'a commit that is repeated does not touch it now, either');
SELECT c.claim_token AS claim FROM test.claim(:p2) c WHERE c.id = :task \gset
SELECT is((SELECT result FROM test.commit(:p2, :task, :claim, 'step', pg_temp.step_to(:'id', 9, 'work', 'webhook'), 1)), 'applied');
SELECT sluice.end_session(:'token');
SELECT results_eq($$SELECT c.result, c.reason FROM test.commit($$ || :p2 || ',' || :task || ',' || :claim || $$, 'step', '{"revision": 10, "node": "bye"}') c$$,
                  $$VALUES ('discarded', 'its session is completed')$$);
SELECT results_eq($$SELECT status, node_id, session_revision FROM sluice.task_idempotency_records WHERE idempotency_key = '$$ || :'id' || $$:work:10'$$, $$VALUES ('discarded', 'work', 10)$$);

-- a deadline overtakes a task whose row follows
SELECT (s).id AS id FROM test.session_at('work') AS s \gset
SELECT c.id AS task, c.claim_token AS claim FROM test.claim(:p2) c WHERE c.session_id = :'id' \gset
SELECT is((SELECT result FROM test.commit(:p2, :task, :claim, 'step', pg_temp.step_to(:'id', 3, 'next', 'action') || jsonb_build_object('deadline', now() - interval '1 s'), 1)), 'applied');
SELECT c.id AS timer, c.claim_token AS timer_claim FROM test.claim(:p2) c WHERE c.session_id = :'id' AND c.kind = 'timer' \gset
SELECT is((SELECT result FROM test.commit(:p2, :timer, :timer_claim, 'step', pg_temp.step_to(:'id', 4, 'late', 'action') || jsonb_build_object('wait_key', :'id' || ':next:4'), 1)), 'applied');
SELECT results_eq($$SELECT status, error_message, session_revision FROM sluice.task_idempotency_records WHERE idempotency_key = '$$ || :'id' || $$:next:4'$$,
                  $$VALUES ('discarded', 'its deadline passed', 4)$$);
SELECT results_eq($$SELECT r.id <> $$ || :task || $$, r.key FROM pg_temp.row_of('$$ || :'id' || $$') r$$, $$VALUES (true, '$$ || :'id' || $$:late:5')$$);

-- one that failed for good
SELECT (s).id AS id FROM test.session_at('work') AS s \gset
SELECT c.id AS task, c.claim_token AS claim FROM test.claim(:p2) c WHERE c.session_id = :'id' \gset
SELECT is((SELECT result FROM test.commit(:p2, :task, :claim, 'step', pg_temp.step_to(:'id', 3, 'next', 'action'), 1)), 'applied');
SELECT is((SELECT result FROM test.commit(:p2, :task, :claim, 'failed', pg_temp.step_to(:'id', 4, 'work', 'webhook') || '{"error": "503"}', 1)), 'applied');
SELECT results_eq($$SELECT id <> $$ || :task || $$, kind, claimed_by FROM pg_temp.row_of('$$ || :'id' || $$')$$, $$VALUES (true, 'webhook', NULL::bigint)$$, 'a task that failed keeps its id for its dead letter');
SELECT results_eq($$SELECT f.node_id, f.idempotency_key, f.session_revision, f.kind FROM sluice.task_failures f WHERE f.task_id = $$ || :task, $$VALUES ('next', '$$ || :'id' || $$:next:4', 4, 'action')$$);
SELECT * FROM finish();
ROLLBACK;
