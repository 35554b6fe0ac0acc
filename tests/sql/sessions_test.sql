-- The session API: start, speak, patch, end; its errors; what direct updates of the table do.
BEGIN;
SELECT no_plan();

SELECT * FROM sluice.start_session('small', initial_state => '{"user": {"name": "Ada"}}') \gset s_
SELECT results_eq($$SELECT revision, status, current_node_id, wait ->> 'for', wait ->> 'key', state_hash = sluice.state_hash(state)
                      FROM sluice.conversation_sessions WHERE id = '$$ || :'s_session_id' || $$'$$,
                  $$VALUES (1, 'active', 'ask', 'task', '$$ || :'s_session_id' || $$:ask:1', true)$$, 'a session starts at revision 1, waiting for its start task');
SELECT results_eq($$SELECT kind, revision, key FROM sluice_private.tasks WHERE session_id = '$$ || :'s_session_id' || $$' ORDER BY id$$,
                  $$VALUES ('start', 1, '$$ || :'s_session_id' || $$:ask:1'), ('timer', 1, 'session')$$, 'with a start task and its timeout');
SELECT ok((SELECT run_at - created_at BETWEEN interval '3599 s' AND interval '3601 s' FROM sluice_private.tasks WHERE kind = 'timer'), 'which is the flow''s');
SELECT matches(:'s_session_id'::text, '^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$', 'its id is of version 7');
SELECT cmp_ok(to_timestamp(('x' || replace(left(:'s_session_id', 13), '-', ''))::bit(48)::bigint / 1000.0), '<=', clock_timestamp(), 'and tells the time');
SELECT cmp_ok(to_timestamp(('x' || replace(left(:'s_session_id', 13), '-', ''))::bit(48)::bigint / 1000.0), '>', clock_timestamp() - interval '1 minute');
SELECT is((SELECT count(DISTINCT sluice_private.new_session_id()) FROM generate_series(1, 1000)), 1000::bigint, 'ids of one moment differ');
SELECT throws_ok($$SELECT sluice.start_session('nothing')$$, 'SL001');
SELECT throws_ok($$SELECT sluice.start_session(NULL)$$, 'SL001');
SELECT throws_ok($$SELECT sluice.start_session('small', initial_state => '[]')$$, 'SL005');
SELECT throws_ok(format($$SELECT sluice.start_session('small', initial_state => jsonb_build_object('x', repeat('y', 1048576)))$$), 'SL006');
SELECT is((SELECT count(*) FROM sluice.conversation_sessions), 1::bigint, 'a refused start leaves nothing');
SELECT lives_ok(format('SELECT sluice.start_session(%L)', (SELECT id FROM sluice.flow_definitions WHERE name = 'small')), 'a flow is known by its id');
UPDATE sluice.flow_definitions SET is_active = false;
SELECT throws_ok($$SELECT sluice.start_session('small')$$, 'SL001', 'flow small is not active');
UPDATE sluice.flow_definitions SET is_active = true;

SELECT * FROM sluice.start_session('small', idempotency_key => 'k') \gset k1_
SELECT * FROM sluice.start_session('small', idempotency_key => 'k') \gset k2_
SELECT is(:'k1_session_id' || :'k1_session_token', :'k2_session_id' || :'k2_session_token', 'a key used before gives the same session and token');
SELECT is((SELECT count(*) FROM sluice_private.tasks WHERE session_id = :'k1_session_id'), 2::bigint, 'and starts nothing');

-- inputs
SELECT sluice.send_input(:'s_session_token', '{"text": "1"}') AS first \gset
SELECT is((SELECT count(*) FROM sluice_private.session_inputs WHERE id = :first), 1::bigint, 'an input queues while the start task is pending');
SELECT throws_ok($$SELECT sluice.send_input('nobody', '"x"')$$, 'SL002');
SELECT throws_ok(format('SELECT sluice.send_input(%L, %L)', :'s_session_token', '[]'), 'SL005');
SELECT throws_ok(format('SELECT sluice.send_input(%L, NULL)', :'s_session_token'), 'SL005');
SELECT is(sluice.send_input(:'s_session_token', '"x"', 'i'), sluice.send_input(:'s_session_token', '"y"', 'i'), 'a key used before gives the same id');
SELECT isnt(sluice.send_input(:'k1_session_token', '"x"', 'i'), sluice.send_input(:'s_session_token', '"y"', 'i'), 'keys are per session');

SELECT (s).session_token AS a_token, (s).id AS a_id FROM test.session_at('ask') AS s \gset
SELECT sluice.send_input(:'a_token', '"x"') AS taken \gset
SELECT results_eq($$SELECT kind, revision, payload FROM sluice_private.tasks WHERE id = $$ || :taken, $$VALUES ('input', 2, '"x"'::jsonb)$$,
                  'an input becomes a task when the session waits for it');
SELECT sluice.send_input(:'a_token', '"y"') AS behind \gset
SELECT is((SELECT count(*) FROM sluice_private.session_inputs WHERE id = :behind), 1::bigint, 'the next one queues behind it');
SELECT is((SELECT revision FROM sluice.conversation_sessions WHERE id = :'a_id'), 2, 'accepting an input changes no revision');

-- patches
SELECT is(sluice.patch_state(:'a_token', '{"user": {"a": {"b": 1}, "l": [1, 2]}}'), 3, 'a patch raises the revision');
SELECT is(sluice.patch_state(:'a_token', '{"user": {"a": {"c": 2}, "l": [3]}}', 3), 4);
SELECT is((SELECT state FROM sluice.conversation_sessions WHERE id = :'a_id'), '{"user": {"a": {"b": 1, "c": 2}, "l": [3]}}'::jsonb, 'objects merge, arrays replace');
SELECT is((SELECT state_hash FROM sluice.conversation_sessions WHERE id = :'a_id'), sluice.state_hash('{"user": {"a": {"b": 1, "c": 2}, "l": [3]}}'), 'the hash follows');
SELECT results_eq($$SELECT revision FROM sluice_private.tasks WHERE id = $$ || :taken, 'VALUES (4)', 'the pending task is re-stamped');
SELECT throws_ok(format('SELECT sluice.patch_state(%L, %L, 3)', :'a_token', '{"user": 1}'), '40001');
SELECT throws_ok(format('SELECT sluice.patch_state(%L, %L)', :'a_token', '3'), 'SL005');
SELECT throws_ok(format('SELECT sluice.patch_state(%L, jsonb_build_object(%L, repeat(%L, 1048576)))', :'a_token', 'x', 'y'), 'SL006');
SELECT throws_ok($$SELECT sluice.patch_state('nobody', '{}')$$, 'SL002');
SELECT is((SELECT revision FROM sluice.conversation_sessions WHERE id = :'a_id'), 4, 'a refused patch changes nothing');

-- a patch inside a composite, whose caller's scopes are put by
UPDATE sluice.conversation_sessions SET stack = '[{"node": "c", "saved": {"variables": {"mine": 1}, "temp": {}}}, {"node": "d", "saved": {}}]',
                                        state = '{"user": {}, "variables": {"its": 1}}' WHERE session_token = :'k1_session_token';
SELECT is(sluice.patch_state(:'k1_session_token', '{"variables": {"patched": 2}, "user": {"age": 3}}'), 2);
SELECT results_eq($$SELECT state, stack FROM sluice.conversation_sessions WHERE id = '$$ || :'k1_session_id' || $$'$$,
  $$VALUES ('{"user": {"age": 3}, "variables": {"its": 1, "patched": 2}}'::jsonb,
            '[{"node": "c", "saved": {"variables": {"mine": 1, "patched": 2}, "temp": {}}}, {"node": "d", "saved": {}}]'::jsonb)$$,
  'a patch of variables inside a composite is not lost when that returns');

-- direct updates
UPDATE sluice.conversation_sessions SET state = '{"direct": true}' WHERE id = :'a_id';
SELECT is((SELECT state_hash FROM sluice.conversation_sessions WHERE id = :'a_id'), sluice.state_hash('{"direct": true}'), 'a direct update keeps the hash true');
INSERT INTO sluice.conversation_sessions (flow_id, flow_version_id, session_token, state) SELECT flow_id, id, 'direct', '{"x": 1}' FROM sluice.flow_versions LIMIT 1;
SELECT is((SELECT state_hash FROM sluice.conversation_sessions WHERE session_token = 'direct'), sluice.state_hash('{"x": 1}'), 'so does a direct insert');

-- the event of a step tells its path, that of another change does not
CREATE FUNCTION pg_temp.last_data() RETURNS jsonb LANGUAGE sql AS $$ SELECT body::jsonb -> 'data' FROM sluice.flow_events ORDER BY id DESC LIMIT 1 $$;
SELECT (s).session_token AS p_token, (s).id AS p_id FROM test.session_at('ask') AS s \gset
UPDATE sluice.conversation_sessions SET current_node_id = 'work', revision = revision + 1,
       info = jsonb_build_object('path', jsonb_build_array(revision + 1, 'by', 'w"ork')) WHERE id = :'p_id';
SELECT is(pg_temp.last_data(), '{"current_node": "work", "previous_node": "ask", "status": "active", "previous_status": "active", "revision": 3,
  "previous_revision": 2, "path": ["by", "w\"ork"]}'::jsonb, 'a step that changes node tells the nodes it passed');
SELECT sluice.patch_state(:'p_token', '{}');
SELECT is(pg_temp.last_data() -> 'path', NULL, 'a patch after it passed none');
UPDATE sluice.conversation_sessions SET current_node_id = 'ask' WHERE id = :'p_id';
SELECT is(pg_temp.last_data() -> 'path', NULL, 'nor did who moved it by hand');

-- looking
SELECT is(sluice.session(:'a_token') - '{started_at,last_activity_at,state_hash,flow_id,correlation_id}'::text[],
          jsonb_build_object('session_id', :'a_id', 'flow', 'small', 'flow_version', '1.0', 'user_id', NULL, 'status', 'active', 'current_node_id', 'ask',
                             'revision', 4, 'state', '{"direct": true}'::jsonb, 'wait', jsonb_build_object('for', 'input', 'key', :'a_id' || ':ask:2'),
                             'info', '{}'::jsonb, 'ended_at', NULL, 'queued_inputs', 1), 'session shows everything');
SELECT throws_ok($$SELECT sluice.session('nobody')$$, 'SL002');
SELECT throws_ok($$SELECT sluice.history('nobody')$$, 'SL002');
SELECT is((SELECT count(*) FROM sluice.session_overview), (SELECT count(*) FROM sluice.conversation_sessions), 'the overview has every session');
SELECT results_eq($$SELECT status, kind FROM sluice.task_overview WHERE session_id = '$$ || :'a_id' || $$' ORDER BY task_id$$,
                  $$VALUES ('scheduled', 'timer'), ('ready', 'input'), ('queued', 'input')$$, 'tasks, timers and queued inputs are seen');

-- the end
SELECT throws_ok(format('SELECT sluice.end_session(%L, %L)', :'a_token', 'paused'), 'SL005');
SELECT is(sluice.end_session(:'a_token', 'abandoned'), 5, 'ending is a step');
SELECT results_eq($$SELECT status, wait IS NULL, ended_at IS NOT NULL FROM sluice.conversation_sessions WHERE id = '$$ || :'a_id' || $$'$$, $$VALUES ('abandoned', true, true)$$);
SELECT results_eq($$SELECT kind FROM sluice_private.tasks WHERE session_id = '$$ || :'a_id' || $$'$$, $$VALUES ('input')$$, 'timers and queued inputs go; the pending task is left to be discarded');
SELECT is((SELECT count(*) FROM sluice_private.session_inputs WHERE session_id = :'a_id'), 0::bigint);
SELECT throws_ok(format('SELECT sluice.send_input(%L, %L)', :'a_token', '"x"'), 'SL003');
SELECT throws_ok(format('SELECT sluice.patch_state(%L, %L)', :'a_token', '{}'), 'SL003');
SELECT throws_ok(format('SELECT sluice.end_session(%L)', :'a_token'), 'SL003');
SELECT lives_ok($$DELETE FROM sluice.conversation_sessions WHERE id = '$$ || :'k1_session_id' || $$'$$, 'a session may be deleted; its key goes with it');
SELECT is((SELECT count(*) FROM sluice_private.session_keys), 0::bigint);

-- another version
SELECT (s).session_token AS m_token, (s).id AS m_id FROM test.session_at('ask') AS s \gset
UPDATE sluice.flow_nodes SET content = content || '{"question": "What now?"}' WHERE node_id = 'ask';
SELECT sluice.publish_flow(id) FROM sluice.flow_definitions WHERE name = 'small';
SELECT is(sluice.session(:'m_token') ->> 'flow_version', '1.0', 'a session stays on its version');
SELECT is(sluice.migrate_session(:'m_token'), 3, 'until it is moved on purpose');
SELECT is(sluice.session(:'m_token') ->> 'flow_version', '1.1');
SELECT throws_ok(format('SELECT sluice.migrate_session(%L, %L)', :'m_token', '7'), 'SL005');
SELECT (s).session_token AS w_token FROM test.session_at('work') AS s \gset
SELECT throws_ok(format('SELECT sluice.migrate_session(%L)', :'w_token'), 'SL005');
SELECT * FROM finish();
ROLLBACK;
