-- What the console stands on: the audit of what is done by hand, a delivery that is given up, the changes of states, and tasks without the others.
BEGIN;
SELECT no_plan();

SELECT set_config('application_name', 'console test', true);
SELECT sluice.enqueue('http', '{"url": "https://example.org/"}') AS task \gset
SELECT sluice.discard(:task);
SELECT is((SELECT concat_ws('|', actor, program, action, target, outcome) FROM sluice.audit_log),
  concat_ws('|', session_user, 'console test', 'discard', 'task ' || :task, 'done'), 'a discarded task is noted, with who did it from what program');
SELECT throws_ok('SELECT sluice.retry_task(-1)', 'SL005');
SELECT is(count(*), 1::bigint, 'what was refused is not noted') FROM sluice.audit_log;

SELECT endpoint_id AS endpoint FROM sluice.subscribe('https://example.org/hooks') \gset
SELECT sluice.test_endpoint(:'endpoint') AS first \gset
SELECT sluice.test_endpoint(:'endpoint') AS second \gset
UPDATE sluice.webhook_deliveries SET order_key = :'endpoint', due_at = CASE id WHEN :first THEN due_at ELSE 'infinity' END;
SELECT sluice.discard_delivery(:first);
SELECT is((SELECT status FROM sluice.delivery_overview WHERE delivery_id = :first), 'dead', 'a discarded delivery is dead');
SELECT ok((SELECT due_at < 'infinity' FROM sluice.webhook_deliveries WHERE id = :second), 'what waited for it is due');
SELECT throws_ok(format('SELECT sluice.discard_delivery(%s)', :first), 'SL005');
SELECT is(sluice.replay(:'endpoint', now() - interval '1 day', clock_timestamp() + interval '1 day'), 1::bigint, 'it can be replayed');
SELECT sluice.disable_endpoint(:'endpoint');
SELECT is((SELECT state FROM sluice.endpoint_health WHERE endpoint_id = :'endpoint'), 'disabled');
SELECT is((SELECT waiting FROM sluice.endpoint_health WHERE endpoint_id = :'endpoint'), 2::bigint);
SELECT sluice.enable_endpoint(:'endpoint');
SELECT set_eq('SELECT DISTINCT action FROM sluice.audit_log', ARRAY['discard', 'test_endpoint', 'discard_delivery', 'replay', 'disable_endpoint', 'enable_endpoint']);

-- Ids of tasks and inputs come from one sequence; the newest first.
SELECT count(sluice.enqueue('http', '{"url": "https://example.org/"}')) FROM generate_series(1, 20);
SELECT results_eq('SELECT task_id FROM sluice.newest_tasks(NULL, 5)', 'SELECT task_id FROM sluice.task_overview ORDER BY task_id DESC LIMIT 5');
SELECT results_eq('SELECT task_id FROM sluice.newest_tasks((SELECT max(id) FROM sluice_private.tasks), 1)',
                  'SELECT task_id FROM sluice.task_overview ORDER BY task_id DESC OFFSET 1 LIMIT 1');

SELECT is(sluice_private.state_changes('{"user": {"name": "Ada", "age": 1}, "variables": {}}', '{"user": {"name": "Bob"}, "variables": {"x": [1]}}'),
  '[{"path": "user.age", "before": 1, "after": null}, {"path": "user.name", "before": "Ada", "after": "Bob"}, {"path": "variables.x", "before": null, "after": [1]}]'::jsonb,
  'added, changed and removed variables');
SELECT is(jsonb_array_length(sluice_private.state_changes('{}', (SELECT jsonb_object_agg('k' || n, n) FROM generate_series(1, 1000) AS n))), 100, 'at most 100 of them');
SELECT cmp_ok(length((sluice_private.state_changes('{}', jsonb_build_object('a', repeat('x', 100000))) #>> '{0,after}')), '<', 2010, 'and none of them long');

INSERT INTO sluice.conversation_sessions (flow_id, flow_version_id, session_token, state) VALUES (gen_random_uuid(), 1, 'tok', '{"user": {}}') RETURNING id AS session \gset
UPDATE sluice.conversation_sessions SET state = '{"user": {"a": 1}}', revision = 2 WHERE id = :'session';
SELECT is(count(*), 0::bigint, 'nothing is kept unasked') FROM sluice.session_changes;
SELECT sluice.keep_state_changes();
UPDATE sluice.conversation_sessions SET state = '{"user": {"a": 2}}', revision = 3 WHERE id = :'session';
UPDATE sluice.conversation_sessions SET info = '{"no": "step"}' WHERE id = :'session';
SELECT results_eq('SELECT revision, changes FROM sluice.session_changes', $$VALUES (3, '[{"path": "user.a", "before": 1, "after": 2}]'::jsonb)$$);
SELECT sluice.keep_state_changes(false);
UPDATE sluice.conversation_sessions SET state = '{"user": {"a": 3}}', revision = 4 WHERE id = :'session';
SELECT is(count(*), 1::bigint, 'nor after it was switched off') FROM sluice.session_changes;

SELECT * FROM finish();
ROLLBACK;
