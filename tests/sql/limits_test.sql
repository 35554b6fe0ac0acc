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

SELECT lives_ok('SELECT sluice.start_session(''small'', initial_state => test.sized(1048576))', 'a state of a mebibyte');
SELECT throws_ok('SELECT sluice.start_session(''small'', initial_state => test.sized(1048577))', 'SL006',
                 'the state has 1048577 bytes, the limit is 1048576 (1 MiB)');
SELECT throws_ok(format('SELECT sluice.patch_state(%L, test.sized(1048577))', :'token'), 'SL006',
                 'the state has 1048577 bytes, the limit is 1048576 (1 MiB)');
-- Inside a composite a patch also goes to what the session has put by, which is bounded as well.
SELECT session_id AS inside, session_token AS inside_token FROM sluice.start_session('small') \gset
UPDATE sluice.conversation_sessions SET stack = jsonb_build_array(jsonb_build_object('saved', jsonb_build_object('variables', jsonb_build_object('a', repeat('x', 600000)))))
 WHERE id = :'inside';
SELECT throws_ok(format('SELECT sluice.patch_state(%L, jsonb_build_object(''variables'', jsonb_build_object(''b'', repeat(''x'', 600000))))', :'inside_token'), 'SL006',
                 NULL, 'a patch that makes what is put by too large');
SELECT lives_ok(format('SELECT sluice.patch_state(%L, jsonb_build_object(''user'', jsonb_build_object(''b'', repeat(''x'', 600000))))', :'inside_token'), 'a patch of what is not put by');
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

-- An event's body is what is sent: the data with what it is wrapped in.
SELECT sluice.emit('test.sized', 'key', '{"text": ""}') AS event \gset
SELECT 1048576 - octet_length(e.body) AS room FROM sluice.flow_events AS e WHERE e.id = :event \gset
SELECT lives_ok(format('SELECT sluice.emit(''test.sized'', ''key'', jsonb_build_object(''text'', repeat(''x'', %s)))', :room), 'an event of a mebibyte');
SELECT is(octet_length(e.body), 1048576, 'is kept whole') FROM sluice.flow_events AS e WHERE e.event_type = 'test.sized' AND e.id > :event;
SELECT throws_ok(format('SELECT sluice.emit(''test.sized'', ''key'', jsonb_build_object(''text'', repeat(''x'', %s + 1)))', :room), 'SL005',
                 'the body of event test.sized has 1048577 bytes');

-- Keys, and what names a conversation.
SELECT lives_ok(format('SELECT sluice.start_session(''small'', idempotency_key => %L)', repeat('x', 1000)), 'a key of 1000 bytes');
SELECT throws_ok(format('SELECT sluice.start_session(''small'', idempotency_key => %L)', repeat('x', 1001)), 'SL005', 'idempotency_key has 1001 bytes');
SELECT lives_ok(format('SELECT sluice.send_input(%L, ''1'', idempotency_key => %L)', :'token', repeat('ü', 500)), 'a key of 1000 bytes');
SELECT throws_ok(format('SELECT sluice.send_input(%L, ''1'', idempotency_key => %L)', :'token', repeat('ü', 501)), 'SL005', 'idempotency_key has 1002 bytes');
SELECT throws_ok(format($$SELECT sluice.enqueue('http', '{"url": "http://a.example/"}', idempotency_key => %L)$$, repeat('x', 1001)), 'SL005',
                 'idempotency_key has 1001 bytes');
SELECT lives_ok(format('SELECT sluice.emit(''test.key'', %L, ''{}'', %L)', repeat('x', 1000), repeat('y', 1000)), 'a key of 1000 bytes');
SELECT throws_ok(format('SELECT sluice.emit(''test.key'', %L)', repeat('x', 1001)), 'SL005', 'key has 1001 bytes');
SELECT throws_ok(format('SELECT sluice.emit(''test.key'', ''k'', ''{}'', %L)', repeat('y', 1001)), 'SL005', 'correlation_id has 1001 bytes');
SELECT set_config('sluice.correlation_id', repeat('z', 251), true);
SELECT session_id FROM sluice.start_session('small') \gset
SELECT is(s.correlation_id, repeat('z', 250), 'what is ambient is cut') FROM sluice.conversation_sessions AS s WHERE s.id = :'session_id';
SELECT sluice.enqueue('http', '{"url": "http://a.example/"}') AS task \gset
SELECT is(t.correlation_id, repeat('z', 250), 'for tasks too') FROM sluice_private.tasks AS t WHERE t.id = :task;
SELECT set_config('sluice.correlation_id', '', true);

-- Names.
SELECT lives_ok(format('SELECT sluice.emit(%L)', repeat('x', 100)), 'an event type of 100 characters');
SELECT throws_ok(format('SELECT sluice.emit(%L)', repeat('x', 101)), 'SL005', format('bad event type %L', repeat('x', 101)));
SELECT lives_ok(format($$SELECT sluice.enqueue('http', '{"url": "http://a.example/"}', queue => %L)$$, repeat('q', 100)), 'a queue''s name of 100 characters');
SELECT throws_ok(format($$SELECT sluice.enqueue('http', '{"url": "http://a.example/"}', queue => %L)$$, repeat('q', 101)), 'SL005',
                 'the queue''s name is empty or longer than 100 characters');
SELECT lives_ok(format($$SELECT sluice.schedule(%L, '* * * * *', 'http', '{"url": "http://a.example/"}')$$, repeat('s', 200)), 'a schedule''s name of 200 characters');
SELECT throws_ok(format($$SELECT sluice.schedule(%L, '* * * * *', 'http', '{"url": "http://a.example/"}')$$, repeat('s', 201)), 'SL005',
                 'the schedule''s name is empty or longer than 200 characters');
SELECT lives_ok(format('SELECT sluice.import_flow(%L)', jsonb_build_object('name', repeat('f', 255), 'entry_node_id', 'a', 'nodes', '[]'::jsonb)), 'a flow''s name of 255 characters');
SELECT throws_ok(format('SELECT sluice.import_flow(%L)', jsonb_build_object('name', repeat('f', 256), 'entry_node_id', 'a', 'nodes', '[]'::jsonb)), 'SL005',
                 'the flow has no name, or one over 255 characters');
SELECT lives_ok(format('SELECT sluice.subscribe(%L)', 'https://a.example/' || repeat('u', 1982)), 'an endpoint''s URL of 2000 characters');
SELECT throws_ok(format('SELECT sluice.subscribe(%L)', 'https://a.example/' || repeat('u', 1983)), 'SL005',
                 'bad endpoint url: it is longer than 2000 characters');

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
