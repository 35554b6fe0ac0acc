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

INSERT INTO sluice.event_failures (consumer_id, event_id, event_type, body, error, attempts)
SELECT c.id, n, 'order.paid', '{}', 'refused', 10 FROM sluice.event_consumers c, generate_series(1, 3) AS n WHERE c.name = 'relay';
SELECT sluice.retry_event('relay', 1), sluice.discard_event('relay', 2), sluice.retry_event('relay');
SELECT results_eq($$ SELECT concat_ws('|', action, target, outcome) FROM sluice.audit_log WHERE action LIKE '%\_event' ORDER BY id $$,
  ARRAY['retry_event|event 1 of consumer relay|1 tried first', 'discard_event|event 2 of consumer relay|done', 'retry_event|all events of consumer relay|2 tried first'],
  'parked events are settled on the record');

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

SELECT sluice.import_flow('{"name": "forks", "entry_node_id": "by_age", "nodes": [
  {"node_id": "by_age", "node_type": "condition", "content": {
    "conditions": [{"if": {"$ref": "child"}, "then": "toys"}, {"if": {"var": "user.age", "lt": 18}, "then": "success", "else": "books"}, {"if": "true", "then": "gone"}],
    "default_path": "tools"}},
  {"node_id": "toys", "node_type": "message", "content": {"text": "Toys."}}, {"node_id": "books", "node_type": "message", "content": {"text": "Books."}},
  {"node_id": "tools", "node_type": "message", "content": {"text": "Tools."}}],
  "connections": [{"source_node_id": "by_age", "target_node_id": "books", "connection_type": "success"}]}');
SELECT results_eq($$ SELECT concat_ws(' ', e ->> 'from', e ->> 'to', e ->> 'label') FROM json_array_elements(test.console_flow('forks')::json -> 'edges') AS e $$,
  ARRAY['by_age books success', 'by_age toys child', 'by_age books not case 2', 'by_age tools else'],
  'a flow''s edges are its connections and the nodes that conditions name; labels are no nodes, and what is not there is not drawn');

INSERT INTO sluice.conversation_history (id, session_id, interaction_type, content, created_at) OVERRIDING SYSTEM VALUE
SELECT n, :'session', 'message', to_jsonb(n), s.started_at FROM sluice.conversation_sessions s, unnest(ARRAY[105, 103, 101, 104, 102]) AS n WHERE s.id = :'session';
SELECT results_eq(format($$ SELECT e #>> '{detail,content}' FROM json_array_elements(test.console_session(%L)::json -> 'timeline') AS e WHERE e ->> 'kind' = 'message' $$, :'session'),
  ARRAY['101', '102', '103', '104', '105'], 'messages of one instant come in the order in which they were written');

SELECT * FROM finish();
ROLLBACK;
