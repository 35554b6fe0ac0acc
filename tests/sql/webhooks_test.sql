-- Webhooks: subscribing, fan-out, lanes, claims, outcomes, order, replay. Statements commit one by one: cursors live on commits.
SELECT no_plan();
CREATE FUNCTION test.fan_out() RETURNS int LANGUAGE sql AS $$
  SELECT sum((sluice_private.run_webhooks((SELECT id FROM sluice.event_consumers WHERE name = 'webhooks'), 1000)).produced)::int
$$;
CREATE FUNCTION test.notifier() RETURNS bigint LANGUAGE sql AS $$ SELECT sluice_private.register_process('notifier', 'test', 1) $$;
CREATE FUNCTION test.sent(process bigint, lane int DEFAULT 0, most int DEFAULT 100, after uuid DEFAULT NULL, endpoints uuid[] DEFAULT '{}', rooms int[] DEFAULT '{}',
                          floors timestamptz[] DEFAULT '{}', floor_ids bigint[] DEFAULT '{}', busy bigint[] DEFAULT '{}')
RETURNS TABLE (delivery_id bigint, endpoint_id uuid, lane_token bigint, attempt int, message_id text, body text, secrets jsonb) LANGUAGE sql AS $$
  SELECT c.delivery_id, c.endpoint_id, c.lane_token, c.attempt, c.message_id, c.body, c.secrets::jsonb
    FROM sluice_private.claim_deliveries(process, lane, most, after, endpoints, rooms, floors, floor_ids, busy) AS c
$$;
-- Ends what is due in a lane with one outcome; returns what commit_attempts answered.
CREATE FUNCTION test.answer(process bigint, what text, lane int DEFAULT 0, delay_ms bigint DEFAULT 60000, most int DEFAULT 100, disable text DEFAULT NULL) RETURNS boolean[] LANGUAGE sql AS $$
  SELECT sluice_private.commit_attempts(process, array_agg(s.delivery_id), array_agg(s.endpoint_id), array_agg(s.lane_token), array_agg(what), array_agg(delay_ms),
           array_agg(s.attempt + 1), array_agg(clock_timestamp()), array_agg(7), array_agg(CASE what WHEN 'delivered' THEN 200 ELSE 500 END),
           array_agg(NULL::text), array_agg('192.0.2.1'::text), array_agg('\x00ff'::bytea),
           CASE WHEN disable IS NULL THEN '{}' ELSE ARRAY[min(s.endpoint_id::text)::uuid] END, ARRAY[NULL::bigint], ARRAY[NULL::jsonb], ARRAY[disable])
    FROM test.sent(process, lane, most) AS s
$$;
CREATE FUNCTION test.states(endpoint uuid) RETURNS text LANGUAGE sql AS $$
  SELECT string_agg(n || ' ' || status, ', ' ORDER BY status) FROM (SELECT status, count(*) AS n FROM sluice.delivery_overview WHERE endpoint_id = endpoint GROUP BY status) AS w
$$;

-- subscribing
SELECT throws_ok(format('SELECT sluice.subscribe(%L)', u), 'SL005', NULL, u)
  FROM unnest(ARRAY['', 'ftp://a.example/', 'https://', 'https://u:p@a.example/', 'https://a.example/#f', 'https://a b.example/', E'https://a.example/\r\nx', 'https://a.example:99999999/', '/path']) AS u;
SELECT lives_ok(format('SELECT sluice.unsubscribe(endpoint_id) FROM sluice.subscribe(%L)', u), u)
  FROM unnest(ARRAY['https://a.example', 'http://a.example:8080/x?y=1', 'HTTPS://[2001:db8::1]:443/', 'http://127.0.0.1:9/']) AS u;
SELECT throws_ok(format('SELECT sluice.subscribe(%L, options => %L)', 'https://a.example/', o), 'SL005', NULL, o)
  FROM unnest(ARRAY['{"timeouts": 3}', '{"timeout": 31}', '{"timeout": "x"}', '{"max_in_flight": 0}', '{"rate_limit": -1}', '{"ordering": "lifo"}', '{"payload_version": 3}',
                    '{"filter": "$."}', '{"flow_id": "x"}', '{"headers": {"Host": "x"}}', '{"headers": {"webhook-id": "x"}}', '{"headers": {"a": "b\r\nc"}}', '{"headers": {"a b": "c"}}',
                    '{"timeout": 0}', '{"max_in_flight": 1001}', '{"rate_limit": 0}', '{"rate_limit": "NaN"}', '{"rate_limit": "Infinity"}', '{"rate_limit": 1e-300}', '{"payload_version": 0}',
                    '{"max_age": 0}', '{"max_age": "-1 day"}', '{"retry_schedule": [2592001]}', '{"retry_schedule": {"base": 1, "factor": 0.5, "max": 1, "attempts": 1}}',
                    '{"retry_schedule": {"base": 1, "factor": 1, "max": 1, "attempts": 1001}}',
                    '{"headers": []}', '{"retry_schedule": []}', '{"retry_schedule": [-1]}', '{"retry_schedule": ["x"]}', '{"retry_schedule": {"base": 1}}', '{"enabled": "perhaps"}', '[]']) AS o;
SELECT throws_ok(format('SELECT sluice.subscribe(%L, options => %L)', 'https://a.example/', jsonb_build_object('headers', jsonb_build_object(h, 'x'))), 'SL005', format('header %L cannot be set', h))
  FROM unnest(ARRAY['HOST', 'Content-Length', 'transfer-encoding', 'Connection', 'Keep-Alive', 'TE', 'Trailer', 'Upgrade', 'HTTP2-Settings', 'Proxy-Authorization', 'Proxy-Connection', 'Expect',
                    'Webhook-Signature', 'webhook-anything', 'X-Webhook-Signature']) AS h;
SELECT throws_ok(format('SELECT sluice.subscribe(%L, options => %L)', 'https://a.example/', jsonb_build_object('headers', jsonb_build_object('x', repeat('ë', 4097)))), 'SL005', NULL, 'a value of 8194 bytes');
SELECT lives_ok(format('SELECT sluice.unsubscribe(endpoint_id) FROM sluice.subscribe(%L, options => %L)', 'https://a.example/', o), o)
  FROM unnest(ARRAY['{"timeout": 1, "max_in_flight": 1, "rate_limit": 0.0001, "max_age": "1 second"}', '{"timeout": 30, "max_in_flight": 1000, "rate_limit": 1000000, "max_age": "1 month"}']) AS o;
SELECT throws_ok(format('SELECT sluice.subscribe(%L, secret => %L)', 'https://a.example/', s), 'SL005', NULL, s)
  FROM unnest(ARRAY['', 'whsec_AAAA', 'whsec_!!', 'whsk_AAAA', 'whsec_' || encode(sha256('k'), 'base64') || E'\n', 'whsec_ ' || encode(sha256('k'), 'base64'),
                    'whsec_' || repeat('A', 30) || 'AB==', 'whsec_' || encode(substr(sha512('k'), 1, 23), 'base64'), 'whsec_' || translate(encode(sha512('k') || '\x00', 'base64'), E'\n', '')]) AS s;
SELECT is((SELECT array_agg(sluice_private.secret_kind(s)) FROM unnest(ARRAY['whsec_' || encode(substr(sha512('k'), 1, 24), 'base64'), 'whsec_' || translate(encode(sha512('k'), 'base64'), E'\n', '')]) AS s),
          '{hmac,hmac}', '24 and 64 bytes');
SELECT throws_ok($$SELECT sluice.subscribe('https://a.example/', '{a b}')$$, 'SL005');
SELECT endpoint_id AS a, signing_secret AS secret FROM sluice.subscribe('https://a.example/', options => '{"max_in_flight": 3, "headers": {"x-team": "blue"}, "timeout": 5}') \gset
SELECT is(length(decode(substr(:'secret', 7), 'base64')), 32, 'a secret of 32 bytes');
SELECT is((SELECT kind FROM sluice.webhook_secrets WHERE endpoint_id = :'a'), 'hmac');
SELECT endpoint_id AS plain FROM sluice.subscribe('https://plain.example/', '{none}') \gset
SELECT is((SELECT (timeout_seconds, retry_schedule, max_in_flight, rate_limit, ordering, payload_version, max_age, enabled, flow_id, client_certificate)::text FROM sluice.webhook_endpoints WHERE id = :'plain'),
          '(15,"[0, 5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400]",8,,none,2,"7 days",t,,)', 'what an endpoint is that asks for nothing');
SELECT sluice.unsubscribe(:'plain');
SELECT is((SELECT s.kind FROM sluice.subscribe('https://l.example/', '{none}', 'old style') AS w JOIN sluice.webhook_secrets s USING (endpoint_id)), NULL, 'one statement does not see it');
SELECT is((SELECT kind FROM sluice.webhook_secrets WHERE secret = 'old style'), 'legacy');
SELECT ok(NOT has_table_privilege('sluice_reader', 'sluice.webhook_secrets', 'SELECT') AND NOT has_table_privilege('sluice_api', 'sluice.webhook_secrets', 'SELECT'), 'secrets are not readable');

-- fan-out: exactly once, by pattern, flow and filter, in two versions
SELECT endpoint_id AS b FROM sluice.subscribe('https://b.example/', '{session.completed,orders.*}', options => '{"payload_version": 1, "filter": "$.data.sum > 5 || $.event_type == \"session_status_changed\""}') \gset
SELECT endpoint_id AS c FROM sluice.subscribe('https://c.example/', options => '{"flow_id": "00000000-0000-0000-0000-0000000000f1"}') \gset
SELECT test.fan_out();
SELECT sluice.emit('orders.paid', 'k', '{"sum": 9}'), sluice.emit('orders.paid', 'k', '{"sum": 1}');
INSERT INTO sluice.conversation_sessions (flow_id, flow_version_id, session_token) VALUES ('00000000-0000-0000-0000-0000000000f1', 1, 'w1'), ('00000000-0000-0000-0000-0000000000f2', 1, 'w2');
UPDATE sluice.conversation_sessions SET status = 'completed', revision = 2 WHERE session_token = 'w1';
SELECT is(test.fan_out(), 9, 'events times matching endpoints');
SELECT is(test.fan_out(), 0, 'once');
SELECT is(test.states(:'a'), '5 pending');
SELECT is(test.states(:'b'), '2 pending');
SELECT is(test.states(:'c'), '2 pending');
SELECT ok(bool_and(m.body = e.body), 'the body is the event''s, byte for byte') FROM sluice.webhook_messages m JOIN sluice.flow_events e ON e.id = m.event_id WHERE m.no % 4 = 2;
SELECT ok(bool_and(m.body ~ '^\{"' AND m.body ~ '"\}$|\}\}$'), 'never empty, no byte order mark, no blank around it') FROM sluice.webhook_messages m;
SELECT matches(m.body, '^\{"event_type":"orders\.paid","timestamp":\d+\.\d{6},"session_id":null') FROM sluice.webhook_messages m WHERE m.no % 4 = 1 AND m.event_type = 'orders.paid';
SELECT ok(bool_and((m.body::jsonb ->> 'timestamp')::numeric = extract(epoch FROM e.created_at)), 'version 1: the time in seconds') FROM sluice.webhook_messages m JOIN sluice.flow_events e ON e.id = m.event_id WHERE m.no % 4 = 1;
SELECT matches(id, '^msg_[0-9a-f]{26}$') FROM sluice.webhook_messages LIMIT 1;
SELECT endpoint_id AS late FROM sluice.subscribe('https://late.example/') \gset
SELECT is(test.states(:'late'), NULL, 'a subscriber gets what commits after its subscription');
SELECT sluice.unsubscribe(:'late'), sluice.unsubscribe(:'c'), sluice.unsubscribe(endpoint_id) FROM sluice.endpoint_overview WHERE url = 'https://l.example/';

-- lanes: one owner each, fair shares, dead owners, fencing
SELECT test.notifier() AS p, test.notifier() AS q \gset
SELECT is((SELECT count(*) FROM test.sent(:p)), 0::bigint, 'nothing without lanes');
SELECT is((SELECT count(*) FROM sluice_private.acquire_lanes(:p)), 1::bigint, 'half of the lanes each');
SELECT is((SELECT count(*) FROM sluice_private.acquire_lanes(:q)), 1::bigint);
SELECT is_empty(format('SELECT endpoint_id FROM test.sent(%s) INTERSECT SELECT endpoint_id FROM test.sent(%s)', :p, :q), 'no endpoint is served by two');
SELECT is((SELECT count(*) FROM test.sent(:p)) + (SELECT count(*) FROM test.sent(:q)), 5::bigint, 'at most max_in_flight of an endpoint');
UPDATE sluice_private.processes SET heartbeat_at = heartbeat_at - interval '5 s' WHERE id = :q;
CREATE TABLE test.zombie AS SELECT * FROM test.sent(:q);
SELECT is((SELECT count(*) FROM sluice_private.acquire_lanes(:p)), 2::bigint, 'lanes of a process that was not heard of for 4 s are taken');
SELECT is((SELECT count(*) FROM sluice_private.acquire_lanes(:q)), 0::bigint, 'a dead process gets none');
SELECT is((SELECT sluice_private.commit_attempts(:q, array_agg(delivery_id), array_agg(endpoint_id), array_agg(lane_token), array_agg('delivered'::text), array_agg(0::bigint), array_agg(1),
             array_agg(now()), array_agg(1), array_agg(200), array_agg(NULL::text), array_agg(NULL::text), array_agg(NULL::bytea), '{}', '{}', '{}', '{}') FROM test.zombie),
          ARRAY(SELECT false FROM test.zombie), 'a zombie''s outcomes are lost');
SELECT is((SELECT sluice_private.commit_attempts(:p, array_agg(delivery_id), array_agg(endpoint_id), array_agg(lane_token), array_agg('delivered'::text), array_agg(0::bigint), array_agg(1),
             array_agg(now()), array_agg(1), array_agg(200), array_agg(NULL::text), array_agg(NULL::text), array_agg(NULL::bytea), '{}', '{}', '{}', '{}') FROM test.zombie),
          ARRAY(SELECT false FROM test.zombie), 'an old token is lost, whoever holds the lane');
SELECT is((SELECT count(*) FROM sluice.webhook_attempts), 0::bigint);

-- claims: room, busy, floor, limit, round robin
SELECT is((SELECT count(*) FROM test.sent(:p, endpoints => ARRAY[:'a']::uuid[], rooms => '{1}', floors => '{NULL}') WHERE endpoint_id = :'a'), 1::bigint, 'room');
SELECT is((SELECT count(*) FROM test.sent(:p, endpoints => ARRAY[:'a']::uuid[], rooms => '{0}', floors => '{NULL}') WHERE endpoint_id = :'a'), 0::bigint, 'no room');
SELECT is((SELECT count(*) FROM test.sent(:p, busy => ARRAY(SELECT delivery_id FROM test.sent(:p)))), 2::bigint, 'busy ones are passed over');
SELECT is((SELECT count(*) FROM test.sent(:p, endpoints => ARRAY[:'a', :'b']::uuid[], rooms => '{NULL,NULL}', floors => '{infinity,infinity}')), 0::bigint, 'floor');
SELECT is(ARRAY(SELECT s.delivery_id FROM test.sent(:p, endpoints => ARRAY[:'a']::uuid[], rooms => '{NULL}', floors => ARRAY[d.due_at], floor_ids => ARRAY[d.id]) AS s
                 WHERE s.endpoint_id = :'a' ORDER BY 1),
          ARRAY(SELECT r.id FROM (SELECT w.id FROM sluice.webhook_deliveries w WHERE w.endpoint_id = :'a' AND (w.due_at, w.id) > (d.due_at, d.id)
                                   ORDER BY w.due_at, w.id LIMIT (SELECT e.max_in_flight FROM sluice.webhook_endpoints e WHERE e.id = :'a')) AS r ORDER BY 1), 'a floor is a place among deliveries that are due at the same time')
  FROM (SELECT w.due_at, w.id FROM sluice.webhook_deliveries w WHERE w.endpoint_id = :'a' ORDER BY w.due_at, w.id LIMIT 1) AS d;
SELECT is((SELECT count(DISTINCT endpoint_id) FROM test.sent(:p, most => 2)), 2::bigint, 'a small limit is shared by the lanes');
SELECT isnt((SELECT endpoint_id FROM test.sent(:p, most => 1, after => (SELECT endpoint_id FROM test.sent(:p, most => 1)))), (SELECT endpoint_id FROM test.sent(:p, most => 1)), 'round robin');
SELECT is((SELECT (c.headers::jsonb, c.timeout_seconds, c.secrets::jsonb -> 0 ->> 'secret', c.max_in_flight)::text FROM sluice_private.claim_deliveries(:p, 0, 100, NULL, '{}', '{}', '{}', '{}', '{}') c WHERE c.endpoint_id = :'a' LIMIT 1),
          (SELECT ('{"x-team": "blue"}'::jsonb, 5, :'secret'::text, 3)::text), 'all that a request needs');

-- outcomes
SELECT sluice.unsubscribe(:'b');
SELECT is(test.answer(:p, 'retry', most => 1), '{t}');
SELECT is((SELECT (lane, attempt, due_at > now() + interval '50 s')::text FROM sluice.webhook_deliveries WHERE lane = 1), '(1,1,t)', 'a retry waits in the lane of retries');
SELECT isnt(failing_since, NULL) FROM sluice_private.lanes WHERE endpoint_id = :'a';
SELECT is(test.answer(:p, 'delivered', most => 1), '{t}');
SELECT is(failing_since, NULL, 'a success ends failing') FROM sluice_private.lanes WHERE endpoint_id = :'a';
SELECT is(test.answer(:p, 'deferred', most => 1), '{t}');
SELECT is((SELECT (lane, attempt)::text FROM sluice.webhook_deliveries WHERE due_at > now() + interval '50 s' AND lane = 0), '(0,0)', 'our own faults cost no attempt');
SELECT is(test.answer(:p, 'dead', most => 1), '{t}');
SELECT is(test.states(:'a'), '1 dead, 1 delivered, 3 pending');
SELECT is((SELECT array_agg(outcome ORDER BY created_at) FROM sluice.webhook_attempts), '{retry,delivered,dead}', 'one row an attempt');
SELECT is((SELECT (endpoint_id, attempt, duration_ms, status, address, error_class, response, started_at <= created_at)::text FROM sluice.webhook_attempts WHERE outcome = 'retry'),
          format('(%s,1,7,500,192.0.2.1,,"\\x00ff",t)', :'a'), 'with all that is known of it');
SELECT id AS waiting FROM sluice.webhook_deliveries WHERE lane = 1 \gset
SELECT message_id AS waiting_message FROM sluice.delivery_overview WHERE delivery_id = :waiting \gset
SELECT sluice.retry_delivery(:waiting);
SELECT is((SELECT (delivery_id, attempt, message_id)::text FROM test.sent(:p, 1)), (SELECT (:waiting::bigint, 1, :'waiting_message'::text)::text), 'retried at once, with the same id');
SELECT delivery_id AS dead, message_id AS dead_message FROM sluice.delivery_overview WHERE status = 'dead' \gset
SELECT sluice.retry_delivery(:dead);
SELECT is((SELECT (delivery_id, attempt, message_id)::text FROM test.sent(:p, 2)), (SELECT (:dead::bigint, 0, :'dead_message'::text)::text), 'a dead one comes back in the replay lane');
SELECT is(test.states(:'a'), '1 delivered, 4 pending');
SELECT is(test.answer(:p, 'dead', 2), '{t}');
SELECT is(sluice.replay(:'a', '-infinity'), 1::bigint, 'replay of the dead');
SELECT is(sluice.replay(:'a', '-infinity'), 0::bigint, 'not twice');
SELECT is(test.answer(:p, 'delivered', 2), '{t}');
SELECT is(sluice.replay(:'a', '-infinity'), 0::bigint, 'what was delivered in the end is not dead');
SELECT is(sluice.replay(:'a', '-infinity', only_dead => false), 2::bigint, 'replay of all that is finished');
SELECT is(test.answer(:p, 'delivered', 2), '{t,t}');
SELECT throws_ok('SELECT sluice.retry_delivery(0)', 'SL005');

-- disabling: gone, by hand, after five days; storage meanwhile
SELECT is(test.answer(:p, 'dead', most => 1, disable => 'gone'), '{t}');
SELECT is((SELECT (enabled, disabled_reason)::text FROM sluice.webhook_endpoints WHERE id = :'a'), '(f,gone)');
SELECT is((SELECT body::jsonb #>> '{data,reason}' FROM sluice.flow_events WHERE event_type = 'endpoint_disabled' AND key = :'a'), 'gone', 'an operational event');
SELECT is(test.states(:'a'), '1 dead, 2 delivered, 2 held', 'what was pending is held');
SELECT sluice.emit('while.disabled');
SELECT test.fan_out();
SELECT is(test.states(:'a'), '1 dead, 2 delivered, 4 held', 'events are still stored');
SELECT is((SELECT count(*) FROM test.sent(:p)), 0::bigint);
SELECT throws_ok(format('SELECT sluice.test_endpoint(%L)', :'a'), 'SL005');
SELECT throws_ok(format('SELECT sluice.replay(%L, %L)', :'a', '-infinity'), 'SL005');
SELECT sluice.enable_endpoint(:'a');
SELECT is((SELECT count(*) FROM test.sent(:p)), 0::bigint, 'enabled without replay: nothing old is sent');
SELECT is(sluice.replay(:'a', '-infinity'), 5::bigint, 'the held and the dead are replayed on demand');
SELECT is((SELECT count(*) FROM test.sent(:p, 2, endpoints => ARRAY[:'a']::uuid[], rooms => '{100}', floors => '{NULL}')), 5::bigint);
SELECT sluice.disable_endpoint(:'a'), sluice.enable_endpoint(:'a', true);
UPDATE sluice_private.lanes SET failing_since = now() - interval '4 days 23 hours' WHERE endpoint_id = :'a';
SELECT test.answer(:p, 'retry', 2, most => 1);
SELECT ok(enabled, 'not yet five days') FROM sluice.webhook_endpoints WHERE id = :'a';
UPDATE sluice_private.lanes SET failing_since = now() - interval '5 days 1 minute' WHERE endpoint_id = :'a';
SELECT test.answer(:p, 'retry', 2, most => 1);
SELECT is((SELECT disabled_reason FROM sluice.webhook_endpoints WHERE id = :'a'), 'no success for five days');
SELECT sluice.unsubscribe(:'a');
SELECT is((SELECT count(*) FROM sluice.webhook_deliveries), 0::bigint);
SELECT test.fan_out();

-- order: per session and per endpoint
SELECT endpoint_id AS o FROM sluice.subscribe('https://o.example/', '{session_updated}', options => '{"ordering": "session"}') \gset
UPDATE sluice.conversation_sessions SET revision = revision + 1;
UPDATE sluice.conversation_sessions SET revision = revision + 1;
SELECT is(test.fan_out(), 4);
UPDATE sluice.conversation_sessions SET revision = revision + 1;
SELECT is(test.fan_out(), 2);
SELECT count(*) FROM sluice_private.acquire_lanes(:p) \gset lanes_
SELECT is((SELECT count(*) FROM test.sent(:p)), 2::bigint, 'the first of each session');
SELECT test.answer(:p, 'retry', most => 1);
SELECT is((SELECT count(*) FROM test.sent(:p)), 1::bigint, 'a failing message holds back its session');
SELECT test.answer(:p, 'delivered');
SELECT isnt((SELECT body::jsonb ->> 'session_id' FROM test.sent(:p)), (SELECT order_key::text FROM sluice.webhook_deliveries WHERE lane = 1), 'and no other');
SELECT test.answer(:p, 'delivered');
SELECT test.answer(:p, 'delivered');
SELECT is((SELECT count(*) FROM test.sent(:p)), 0::bigint);
UPDATE sluice.webhook_deliveries SET due_at = now() WHERE lane = 1;
SELECT is(test.answer(:p, 'dead', 1), '{t}');
SELECT is((SELECT count(*) FROM test.sent(:p)), 1::bigint, 'when it is dead the next one goes');
SELECT test.answer(:p, 'delivered');
SELECT test.answer(:p, 'delivered');
SELECT is(test.states(:'o'), '1 dead, 5 delivered');
SELECT sluice.unsubscribe(:'o');
SELECT endpoint_id AS o FROM sluice.subscribe('https://o.example/', '{session_updated}', options => '{"ordering": "endpoint"}') \gset
UPDATE sluice.conversation_sessions SET revision = revision + 1;
UPDATE sluice.conversation_sessions SET revision = revision + 1;
SELECT is(test.fan_out(), 4);
SELECT count(*) FROM sluice_private.acquire_lanes(:p) \gset lanes_
SELECT is((SELECT count(*) FROM test.sent(:p)), 1::bigint, 'one at a time');
DO $$ BEGIN FOR n IN 1..4 LOOP PERFORM test.answer((SELECT max(owner) FROM sluice_private.lanes), 'delivered'); END LOOP; END $$;
SELECT is((SELECT array_agg(delivery_id ORDER BY finished_at) = array_agg(delivery_id ORDER BY delivery_id) FROM sluice.delivery_overview WHERE endpoint_id = :'o' AND status = 'delivered'), true, 'in order');

-- a crash of the server undid a fan-out that was not flushed: it is made again under the same ids, and outcomes of before are not those of whoever got the numbers
BEGIN;
UPDATE sluice.conversation_sessions SET revision = revision + 1;
SAVEPOINT before_the_crash;
SELECT is(test.fan_out(), 2);
SELECT array_agg(id ORDER BY no) AS ids FROM sluice.webhook_messages \gset
ROLLBACK TO before_the_crash;
SELECT is(test.fan_out(), 2);
SELECT is(array_agg(id ORDER BY no), :'ids', 'the same webhook-ids') FROM sluice.webhook_messages;
SELECT isnt(sluice_private.message_id(4, now()), sluice_private.message_id(4, now() + interval '1 us'), 'another event of the same number has another id');
SELECT is(sluice_private.commit_attempts(:p, array_agg(id ORDER BY n, moved DESC), array_agg(endpoint_id ORDER BY n, moved DESC), array_agg(token ORDER BY n, moved DESC), array_agg(outcome ORDER BY n, moved DESC), array_agg(0::bigint), array_agg(1), array_agg(now()), array_agg(1),
                                         array_agg(200), array_agg(NULL::text), array_agg(NULL::text), array_agg(NULL::bytea), '{}', '{}', '{}', '{}', array_agg(created_at + moved ORDER BY n, moved DESC)),
          ARRAY[false, false, true], 'the time of the delivery names it, too')
  FROM (SELECT d.id, d.endpoint_id, d.created_at, l.token, row_number() OVER (ORDER BY d.id) AS n FROM sluice.webhook_deliveries d JOIN sluice_private.lanes l USING (endpoint_id)
         WHERE l.owner = :p) AS d
  JOIN (VALUES (1, 'delivered', interval '1 us'), (1, 'retry', '-1 us'), (2, 'delivered', '0')) AS o (n, outcome, moved) USING (n);
ROLLBACK;

-- outcomes in any order, each its own delivery's; one for another endpoint than the delivery's is lost
BEGIN;
DO $$ BEGIN FOR n IN 1..6 LOOP UPDATE sluice.conversation_sessions SET revision = revision + 1; END LOOP; END $$;
SELECT cmp_ok(test.fan_out(), '>=', 6);
CREATE TABLE test.mixed AS
SELECT d.id, d.n, CASE WHEN d.n > 4 THEN gen_random_uuid() ELSE d.endpoint_id END AS endpoint, d.token, (ARRAY['delivered', 'retry', 'dead', 'deferred', 'delivered', 'retry'])[d.n] AS outcome
  FROM (SELECT w.id, w.endpoint_id, l.token, row_number() OVER (ORDER BY w.id)::int AS n FROM sluice.webhook_deliveries w JOIN sluice_private.lanes l USING (endpoint_id) WHERE l.owner = :p) AS d
 WHERE d.n <= 6;
SELECT is(sluice_private.commit_attempts(:p, array_agg(id ORDER BY n DESC), array_agg(endpoint ORDER BY n DESC), array_agg(token ORDER BY n DESC), array_agg(outcome ORDER BY n DESC), array_agg(0::bigint),
                                         array_agg(n ORDER BY n DESC), array_agg(now()), array_agg(n ORDER BY n DESC), array_agg(200 + n ORDER BY n DESC), array_agg('e' || n ORDER BY n DESC),
                                         array_agg(NULL::text), array_agg(NULL::bytea), '{}', '{}', '{}', '{}'),
          '{f,f,t,t,t,t}', 'those of another endpoint are lost') FROM test.mixed;
SELECT is(string_agg(format('%s %s %s %s %s', m.n, a.outcome, a.attempt, a.duration_ms, a.error_class), ', ' ORDER BY m.n), '1 delivered 1 1 e1, 2 retry 2 2 e2, 3 dead 3 3 e3', 'each is logged as its own')
  FROM test.mixed m JOIN sluice.webhook_attempts a ON a.delivery_id = m.id;
SELECT is(string_agg(m.n || ' ' || d.attempt, ', ' ORDER BY m.n), '2 2, 4 0, 5 0, 6 0', 'those that ended are gone') FROM test.mixed m JOIN sluice.webhook_deliveries d USING (id);
ROLLBACK;

-- pauses, ping, rotation
SELECT sluice.test_endpoint(:'o') AS ping \gset
SELECT is((SELECT (delivery_id, body::jsonb ->> 'type')::text FROM test.sent(:p)), format('(%s,ping)', :ping));
SELECT sluice_private.commit_attempts(:p, array_agg(delivery_id), array_agg(endpoint_id), array_agg(lane_token), '{retry}', '{0}', '{1}', ARRAY[now()], '{1}', '{429}', '{NULL}', '{NULL}', '{NULL}',
  array_agg(endpoint_id), '{60000}', ARRAY['{"state": "open"}'::jsonb], '{NULL}') FROM test.sent(:p);
SELECT is((SELECT count(*) FROM test.sent(:p, 1)), 0::bigint, 'a paused lane gives nothing');
SELECT is((SELECT (paused_ms > 50000, breaker)::text FROM sluice_private.acquire_lanes(:p)), '(t,"{""state"": ""open""}")', 'its state is kept for a successor');
SELECT sluice.enable_endpoint(:'o');
SELECT is((SELECT count(*) FROM test.sent(:p, 1)), 1::bigint);
SELECT sluice.rotate_secret(:'o') AS fresh \gset
SELECT is((SELECT (jsonb_array_length(secrets), secrets -> 0 ->> 'secret')::text FROM test.sent(:p, 1)), (SELECT (2, :'fresh'::text)::text), 'the new key signs first, the old one too');
SELECT sluice.rotate_secret(:'o', '0') AS fresh \gset
SELECT is((SELECT (jsonb_array_length(secrets), secrets -> 0 ->> 'secret')::text FROM test.sent(:p, 1)), (SELECT (1, :'fresh'::text)::text), 'until its overlap ends');
SELECT throws_ok(format('SELECT sluice.rotate_secret(%L, %L)', :'o', overlap), 'SL005', format('bad overlap %s', overlap::interval)) FROM unnest(ARRAY['7 days 1 second', '-1 second']) AS overlap;
SELECT sluice.rotate_secret(:'o'), sluice.rotate_secret(:'o', '7 days');
SELECT is((SELECT array_agg(round(extract(epoch FROM valid_until - clock_timestamp()) / 3600) ORDER BY id) FROM sluice.webhook_secrets WHERE endpoint_id = :'o' AND valid_until > clock_timestamp()),
          '{24,168}', 'an overlap is 24 h unless said otherwise, and never longer for a later rotation');
SELECT count(sluice.rotate_secret(:'o')) FROM generate_series(1, 7) \gset rotated_
SELECT is((SELECT jsonb_array_length(secrets) FROM test.sent(:p, 1)), 10, 'ten sign');
SELECT throws_ok(format('SELECT sluice.rotate_secret(%L)', :'o'), 'SL005', 'the endpoint has 10 valid secrets already');
SELECT sluice.rotate_secret(:'o', '0') AS fresh \gset
SELECT is((SELECT (jsonb_array_length(secrets), secrets -> 0 ->> 'secret')::text FROM test.sent(:p, 1)), (SELECT (1, :'fresh'::text)::text), 'unless the old ones end at once');
SELECT throws_ok('SELECT sluice.unsubscribe(gen_random_uuid())', 'SL005');
INSERT INTO sluice.webhook_deliveries (message_no, message_at, endpoint_id, due_at, status)
VALUES (1, now() - interval '31 days', :'o', 'infinity', 'held'), (1, now() - interval '29 days', :'o', 'infinity', 'held');
SELECT is(sluice_private.expire_deliveries(), 1, 'what is held longer than its message is kept ends');
SELECT is((SELECT (outcome, error_class)::text FROM sluice.webhook_attempts ORDER BY created_at DESC LIMIT 1), '(dead,message_gone)');
SELECT is((SELECT array_agg(DISTINCT retention) FROM sluice_private.partitioned_logs WHERE log LIKE 'sluice.webhook_%'), '{30 days}');
SELECT date_trunc('day', now()) - interval '1 hour' AS yesterday \gset
CREATE TABLE sluice.webhook_attempts_old PARTITION OF sluice.webhook_attempts FOR VALUES FROM ('2001-01-01') TO (:'yesterday'::timestamptz - interval '30 days');
CREATE TABLE sluice.webhook_attempts_kept PARTITION OF sluice.webhook_attempts FOR VALUES FROM (:'yesterday'::timestamptz - interval '30 days') TO (:'yesterday'::timestamptz - interval '28 days');
SELECT sluice_private.ensure_partitions();
SELECT is((to_regclass('sluice.webhook_attempts_old'), to_regclass('sluice.webhook_attempts_kept'))::text, '(,sluice.webhook_attempts_kept)', 'a partition goes when all of it is past its retention');
SELECT is(sluice_private.release_lanes(:p), 1);
SELECT is((SELECT count(*) FROM test.sent(:p, 1)), 0::bigint, 'released lanes are not ours');
SELECT is((SELECT secrets FROM (SELECT to_jsonb(e) ?| '{secret,secrets,ciphertext}' AS secrets FROM sluice.endpoint_overview e LIMIT 1) AS w), false);
SELECT * FROM finish();
