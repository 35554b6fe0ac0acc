-- Flows: import with its leniency, validation rule by rule, frozen versions, pins.
BEGIN;
SELECT no_plan();

CREATE FUNCTION pg_temp.rules(document jsonb) RETURNS text LANGUAGE sql AS $$
  SELECT string_agg(DISTINCT r.severity || ' ' || r.rule, ', ' ORDER BY r.severity || ' ' || r.rule)
    FROM sluice.validate_flow(sluice.import_flow(document || '{"name": "checked"}')) AS r
$$;
CREATE FUNCTION pg_temp.with_node(node jsonb, settings jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql AS $$
  SELECT jsonb_build_object('entry_node_id', 'a', 'settings', settings, 'nodes', jsonb_build_array(node || '{"node_id": "a"}'), 'connections', '[]'::jsonb)
$$;

-- import
SELECT sluice.import_flow('{"name": "lenient", "entry_node_id": "a", "variables": {"age": {}},
  "nodes": [{"id": "a", "type": "Message", "data": {"text": "Hi {user.name}, {age}, {secret:key}, {other}"}, "connections": {"COMPLETE": "b"}},
            {"node_key": "b", "node_type": "action", "content": {"action": "increment", "params": {"variable": "n"}, "timeout": 5000}},
            {"data": {"id": "c", "type": "message", "content": {"text": "c"}}}],
  "edges": [{"source": "b", "target": "c", "label": "Error"}, {"from": "b", "to": "c", "type": "CONDITIONAL", "condition": "user.age > 3"}]}') AS lenient \gset
SELECT results_eq($$SELECT node_id, node_type, content FROM sluice.flow_nodes WHERE flow_id = '$$ || :'lenient' || $$' ORDER BY seq$$,
  $$VALUES ('a', 'message', '{"text": "Hi {{user.name}}, {{variables.age}}, {{secret:key}}, {other}"}'::jsonb),
           ('b', 'action', '{"timeout": 5, "actions": [{"type": "increment", "variable": "n"}]}'), ('c', 'message', '{"text": "c"}')$$,
  'ids under any name, single actions, single braces and milliseconds are read');
SELECT results_eq($$SELECT source_node_id, target_node_id, connection_type, condition FROM sluice.flow_connections WHERE flow_id = '$$ || :'lenient' || $$' ORDER BY id$$,
  $$VALUES ('b', 'c', 'failure', NULL), ('b', 'c', 'default', 'user.age > 3'), ('a', 'b', 'default', NULL)$$, 'edges under any name, inline ones, label aliases');
SELECT is(sluice.import_flow('{"name": "lenient", "entry_node_id": "z", "nodes": [{"node_id": "z", "node_type": "message"}], "extra": 1}'), :'lenient',
          'importing a name again keeps the flow');
SELECT is((SELECT flow_data FROM sluice.flow_definitions WHERE id = :'lenient'),
          '{"name": "lenient", "version": "1.0", "entry_node_id": "z", "extra": 1, "connections": [],
            "nodes": [{"node_id": "z", "node_type": "message", "content": {}}]}'::jsonb, 'and replaces its graph; other keys stay');
SELECT sluice.import_flow('{"name": "slow", "entry_node_id": "a", "nodes": [{"id": "a", "type": "action", "content": {"actions": [
    {"type": "api_call", "url": "https://x.example/", "timeout": 45000}, {"type": "set_variable", "variable": "v", "value": {"if": {"timeout": 7000}}}]}},
  {"id": "c", "type": "composite", "content": {"entry_node_id": "i", "nodes": [{"id": "i", "type": "question", "data": {"text": "?", "timeout": 1800000}}]}}]}') AS slow \gset
SELECT results_eq($$SELECT coalesce(content #> '{actions,0,timeout}', content #> '{nodes,0,content,timeout}'), content #> '{actions,1,value,if,timeout}'
                      FROM sluice.flow_nodes WHERE flow_id = '$$ || :'slow' || $$' ORDER BY seq$$,
                  $$VALUES ('45'::jsonb, '7000'::jsonb), ('1800', NULL)$$, 'milliseconds are read at any depth, but not in expressions');
SELECT is((SELECT flow_data ->> 'timeout_unit' FROM sluice.flow_definitions WHERE id = :'slow'), 'seconds', 'a document with a long timeout says that it is in seconds');
SELECT sluice.clone_flow(:'slow', 'slow too') AS slow_too \gset
SELECT is((SELECT flow_data - 'name' FROM sluice.flow_definitions WHERE id = :'slow_too'),
          (SELECT flow_data - 'name' FROM sluice.flow_definitions WHERE id = :'slow'), 'and is not divided again');
SELECT throws_ok($$SELECT sluice.import_flow('{"name": "x", "nodes": []}', format => 'typebot')$$, 'SL005');
SELECT throws_ok($$SELECT sluice.import_flow('[]')$$, 'SL005');
SELECT throws_ok($$SELECT sluice.import_flow('{"name": "x"}')$$, 'SL005');
SELECT throws_ok($$SELECT sluice.import_flow('{"nodes": []}')$$, 'SL005');
SELECT throws_ok($$SELECT sluice.import_flow('{"name": "x", "nodes": [{"id": "a", "type": "message"}, {"id": "a", "type": "message"}]}')$$, 'SL004');
SELECT throws_ok($$SELECT sluice.import_flow('{"name": "x", "nodes": [{"type": "message"}]}')$$, 'SL004');
SELECT is((SELECT count(*) FROM sluice.flow_definitions WHERE name = 'x'), 0::bigint, 'a refused flow leaves nothing');

-- validation, a rule a line
SELECT is(pg_temp.rules(pg_temp.with_node('{"node_type": "message", "content": {"text": "hi"}}')), NULL, 'a good flow has an empty report');
SELECT is(pg_temp.rules(d), r, r) FROM (VALUES
  ('{"nodes": [{"node_id": "a", "node_type": "message", "content": {"text": "x"}}]}'::jsonb, 'ERROR missing-entry'),
  ('{"entry_node_id": "b", "nodes": [{"node_id": "a", "node_type": "message", "content": {"text": "x"}}]}', 'ERROR unknown-entry'),
  (pg_temp.with_node('{"node_type": "teleport"}'), 'ERROR unknown-node-type'),
  (pg_temp.with_node('{"node_type": "message"}'), 'ERROR missing-content'),
  (pg_temp.with_node('{"node_type": "question"}'), 'ERROR missing-content'),
  (pg_temp.with_node('{"node_type": "condition"}'), 'ERROR missing-content'),
  (pg_temp.with_node('{"node_type": "action"}'), 'ERROR missing-content'),
  (pg_temp.with_node('{"node_type": "webhook", "content": {"headers": {"Authorization": "x"}}}'), 'ERROR missing-content, WARNING missing-failure-edge'),
  (pg_temp.with_node('{"node_type": "composite"}'), 'ERROR missing-content'),
  (pg_temp.with_node('{"node_type": "composite", "content": {"flow": "nowhere"}}'), 'ERROR unknown-subflow'),
  (pg_temp.with_node('{"node_type": "action", "content": {"actions": [{"type": "explode"}]}}'), 'ERROR unknown-action'),
  (pg_temp.with_node('{"node_type": "action", "content": {"actions": [{"type": "clear", "variable": "a; drop"}]}}'), 'ERROR unsafe-variable-name'),
  (pg_temp.with_node('{"node_type": "question", "content": {"question": "x", "variable": "1x"}}'), 'ERROR unsafe-variable-name'),
  (pg_temp.with_node('{"node_type": "question", "content": {"question": "x", "input_type": "smell"}}'), 'ERROR unknown-input-type'),
  (pg_temp.with_node('{"node_type": "question", "content": {"question": "x", "input_type": "choice", "options": [1]}}'), 'WARNING number-of-choices'),
  (pg_temp.with_node('{"node_type": "question", "content": {"question": "x", "timeout": 600}}'), 'WARNING missing-timeout-edge'),
  (pg_temp.with_node('{"node_type": "message", "content": {"text": ""}}'), 'WARNING empty-message'),
  (pg_temp.with_node('{"node_type": "message", "content": {"text": "{{sky.blue}}"}}'), 'WARNING unknown-scope'),
  (pg_temp.with_node('{"node_type": "webhook", "content": {"url": "https://a:b@example.org/"}}', '{"fallback_node": "a"}'), 'ERROR credentials-in-url, INFO missing-auth-header'),
  (pg_temp.with_node('{"node_type": "webhook", "content": {"url": "http://example.org/"}}', '{"fallback_node": "a"}'), 'INFO missing-auth-header, WARNING not-https'),
  (pg_temp.with_node('{"node_type": "webhook", "content": {"url": "http://example.org/"}}', '{"fallback_node": "a", "require_https": true}'), 'ERROR not-https, INFO missing-auth-header'),
  (pg_temp.with_node('{"node_type": "webhook", "content": {"url": "https://10.0.0.1/"}}', '{"fallback_node": "a"}'), 'INFO missing-auth-header, WARNING private-host'),
  (pg_temp.with_node('{"node_type": "webhook", "content": {"url": "ftp://example.org/"}}', '{"fallback_node": "a"}'), 'ERROR bad-url, INFO missing-auth-header'),
  (pg_temp.with_node('{"node_type": "webhook", "content": {"url": "https://example.org/", "timeout": 301}}', '{"fallback_node": "a"}'), 'ERROR timeout-out-of-range, INFO missing-auth-header'),
  (pg_temp.with_node('{"node_type": "webhook", "content": {"url": "https://example.org/", "timeout": 121}}', '{"fallback_node": "a"}'), 'INFO missing-auth-header, WARNING long-timeout'),
  (pg_temp.with_node('{"node_type": "message", "content": {"text": "x"}}', '{"fallback_node": "q"}'), 'ERROR unknown-fallback'),
  (pg_temp.with_node('{"node_type": "message", "content": {"text": "x"}}', '{"max_steps": "many"}'), 'ERROR bad-setting'),
  (pg_temp.with_node('{"node_type": "condition", "content": {"conditions": [{"if": "true", "then": "nowhere"}]}}'), 'ERROR dangling-edge'),
  (pg_temp.with_node('{"node_type": "message", "content": {"text": "x"}}') || '{"connections": [{"source": "a", "target": "nowhere"}]}', 'ERROR dangling-edge'),
  (pg_temp.with_node('{"node_type": "message", "content": {"text": "x"}}') || '{"connections": [{"source": "a", "target": "a"}]}', 'ERROR cycle-without-wait'),
  (pg_temp.with_node('{"node_type": "question", "content": {"text": "x"}}') || '{"connections": [{"source": "a", "target": "a"}]}', NULL),
  (pg_temp.with_node('{"node_type": "question", "content": {"text": "x"}}') || '{"connections": [{"source": "a", "target": "a", "type": "perhaps"}]}', 'ERROR unknown-label'),
  (pg_temp.with_node('{"node_type": "composite", "content": {"entry_node_id": "i", "nodes": [{"id": "i", "type": "what"}]}}'), 'ERROR unknown-node-type'),
  (pg_temp.with_node('{"node_type": "message", "content": {"text": "x"}}') || '{"nodes": [{"id": "a", "type": "message", "content": {"text": "x"}}, {"id": "b", "type": "message", "content": {"text": "x"}}]}',
   'WARNING unreachable-node')) AS c (d, r);

-- publishing
SELECT sluice.import_flow(pg_temp.with_node('{"node_type": "teleport"}') || '{"name": "bad"}') AS bad \gset
SELECT throws_ok(format('SELECT sluice.publish_flow(%L)', :'bad'), 'SL004');
SELECT throws_ok($$SELECT sluice.start_session('bad')$$, 'SL001', 'flow bad was never published');
SELECT sluice.import_flow(pg_temp.with_node('{"node_type": "message", "content": {"text": "1"}}') || '{"name": "child"}') AS child \gset
SELECT is(sluice.publish_flow(:'child'), '1.0', 'the declared version');
SELECT is(sluice.publish_flow(:'child'), '1.0', 'a draft that did not change gives the version there is');
SELECT sluice.import_flow(pg_temp.with_node('{"node_type": "composite", "content": {"flow": "child"}}') || '{"name": "parent"}') AS parent \gset
SELECT is(sluice.publish_flow(:'parent'), '1.0');
SELECT is((SELECT pins FROM sluice.flow_versions WHERE flow_id = :'parent'),
          (SELECT jsonb_build_object('child', id) FROM sluice.flow_versions WHERE flow_id = :'child'), 'a called flow is pinned');
SELECT sluice.import_flow(pg_temp.with_node('{"node_type": "message", "content": {"text": "2"}}') || '{"name": "child"}');
SELECT is(sluice.publish_flow(:'child'), '1.1', 'a version that is taken is raised');
SELECT is((SELECT count(*) FROM sluice.flow_versions v JOIN sluice.flow_versions p ON p.flow_id = :'parent' AND p.pins ->> 'child' = v.id::text
            WHERE v.version = '1.0'), 1::bigint, 'the caller stays on the version it was published with');
SELECT is(sluice.publish_flow(:'parent'), '1.1', 'publishing the caller again moves it on');
SELECT sluice.import_flow(pg_temp.with_node('{"node_type": "composite", "content": {"flow": "self"}}') || '{"name": "self"}') AS self \gset
SELECT is(sluice.publish_flow(:'self'), '1.0', 'a flow may call itself');
SELECT is(sluice.publish_flow(:'self'), '1.0', 'and is recognised as unchanged');
SELECT is((SELECT pins ->> 'self' FROM sluice.flow_versions WHERE flow_id = :'self'), (SELECT id::text FROM sluice.flow_versions WHERE flow_id = :'self'),
          'it calls its own version');
SELECT throws_ok($$UPDATE sluice.flow_versions SET document = '{}'$$, 'SL005');
SELECT throws_ok($$DELETE FROM sluice.flow_versions$$, 'SL005');
SELECT ok(EXISTS (SELECT 1 FROM sluice.secrets_used WHERE name = 'token'), 'names of secrets are noted');

SELECT sluice.clone_flow(:'parent', 'copy') AS copy \gset
SELECT is((SELECT flow_data - 'name' FROM sluice.flow_definitions WHERE id = :'copy'), (SELECT flow_data - 'name' FROM sluice.flow_definitions WHERE id = :'parent'),
          'a clone has the same draft');
SELECT throws_ok(format('SELECT sluice.clone_flow(%L, %L)', :'parent', 'copy'), 'SL005');
SELECT throws_ok($$SELECT sluice.clone_flow(gen_random_uuid(), 'other')$$, 'SL001');
SELECT * FROM finish();
ROLLBACK;
