-- What callers hand over is bounded before it is kept: one byte more than the limit is refused in Sluice's words, the limit itself is taken.
BEGIN;
SELECT no_plan();
SELECT test.flow('small');
SELECT session_token AS token FROM sluice.start_session('small') \gset

-- A JSON object of exactly that many bytes as text.
CREATE FUNCTION test.sized(bytes int, extra jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql AS $$
  SELECT extra || jsonb_build_object('text', repeat('x', bytes - octet_length((extra || '{"text": ""}')::text)))
$$;
SELECT is(octet_length(test.sized(1000, '{"url": "http://a.example/"}')::text), 1000, 'the test measures right');

SELECT lives_ok(format('SELECT sluice.send_input(%L, test.sized(1048576))', :'token'), 'an input of a mebibyte');
SELECT throws_ok(format('SELECT sluice.send_input(%L, test.sized(1048577))', :'token'), 'SL005', 'input has 1048577 bytes');
SELECT lives_ok($$SELECT sluice.enqueue('http', test.sized(1048576, '{"url": "http://a.example/"}'))$$, 'a payload of a mebibyte');
SELECT throws_ok($$SELECT sluice.enqueue('http', test.sized(1048577, '{"url": "http://a.example/"}'))$$, 'SL005',
                 'payload has 1048577 bytes');
SELECT throws_ok($$SELECT sluice.schedule('large', '* * * * *', 'http', test.sized(1048577, '{"url": "http://a.example/"}'))$$, 'SL005',
                 'payload has 1048577 bytes');
SELECT lives_ok($$SELECT sluice.import_flow(test.sized(16777216, '{"name": "large", "entry_node_id": "a", "nodes": []}'))$$, 'a flow of 16 MiB');
SELECT throws_ok($$SELECT sluice.import_flow(test.sized(16777217, '{"name": "large", "entry_node_id": "a", "nodes": []}'))$$, 'SL005',
                 'flow_data has 16777217 bytes');

-- A value nested that many levels, in a JSON object.
CREATE FUNCTION test.nested(levels int, extra jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql AS $$
  SELECT extra || jsonb_build_object('deep', (repeat('[', levels - 1) || '1' || repeat(']', levels - 1))::jsonb)
$$;
SELECT lives_ok('SELECT sluice.start_session(''small'', initial_state => test.nested(128))', 'a state of 128 levels');
SELECT throws_ok('SELECT sluice.start_session(''small'', initial_state => test.nested(129))', 'SL006', 'the state is nested deeper than 128 levels');
SELECT throws_ok(format('SELECT sluice.patch_state(%L, test.nested(129))', :'token'), 'SL006', 'the state is nested deeper than 128 levels');
SELECT lives_ok(format('SELECT sluice.send_input(%L, test.nested(128))', :'token'), 'an input of 128 levels');
SELECT throws_ok(format('SELECT sluice.send_input(%L, test.nested(129))', :'token'), 'SL005', 'input is nested deeper than 128 levels');
SELECT throws_ok($$SELECT sluice.enqueue('http', test.nested(129, '{"url": "http://a.example/"}'))$$, 'SL005', 'payload is nested deeper than 128 levels');
SELECT throws_ok($$SELECT sluice.import_flow(test.nested(129, '{"name": "deep", "nodes": []}'))$$, 'SL005', 'flow_data is nested deeper than 128 levels');
SELECT lives_ok($$SELECT sluice.emit('test.deep', 'key', test.nested(128))$$, 'an event of 128 levels');
SELECT throws_ok($$SELECT sluice.emit('test.deep', 'key', test.nested(129))$$, 'SL005', 'the body of event test.deep is nested deeper than 128 levels');
SELECT throws_ok(format('SELECT sluice.send_input(%L, %L)', :'token', repeat('[', 5000) || repeat(']', 5000)), 'SL005', 'input is array',
                 'what the server itself can hardly take is refused in Sluice''s words');

SELECT * FROM finish();
ROLLBACK;
