// The checker finds what it is there to find: a small world in which all invariants hold, and for each a way to break it, after which it
// is the one that is broken. Needs PGHOST and so on of a server with the template of a test run.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { judge } from './checker.mjs';

const pg = createRequire(new URL('../node/package.json', import.meta.url))('pg');
const kDatabase = `soak_checker_${process.pid}`;
const kTalk = '11111111-1111-1111-1111-111111111111';
const kLate = '22222222-2222-2222-2222-222222222222';
let client;

async function withAdmin(sql) {
  const admin = new pg.Client({ database: 'postgres' });
  await admin.connect();
  await admin.query(sql);
  await admin.end();
}

// A conversation that took an input and a patch and made a call, and one whose time ran out; one event of the user's own; a free task of each kind;
// a schedule that was due twice. All of it was seen by the handler, the log, a client that listens, and two receivers.
const kWorld = `
  select sluice.subscribe('http://127.0.0.1:9/hooks/ordered', options => '{"ordering": "session"}'), sluice.subscribe('http://127.0.0.1:9/hooks/free');
  set session_replication_role = replica; -- no flow behind the sessions, no trigger
  insert into sluice.flow_definitions (id, name) values ('${kTalk}', 'talk'), ('${kLate}', 'late');
  insert into sluice.conversation_sessions (id, flow_id, flow_version_id, session_token, status, revision, state, ended_at)
  values ('${kTalk}', '${kTalk}', 1, 'token 1', 'completed', 2, '{"variables": {"lookup": 42}, "n1-name": true}', now()),
         ('${kLate}', '${kLate}', 1, 'token 2', 'completed', 2, '{}', now());
  insert into soak.revisions (at, session_id, revision, status, deadline)
  values ('2001-01-01 00:00:00Z', '${kTalk}', 1, 'active', null), ('2001-01-01 00:00:05Z', '${kTalk}', 2, 'completed', null),
         ('2001-01-01 00:00:00Z', '${kLate}', 1, 'active', '2001-01-01 00:00:02Z'), ('2001-01-01 00:00:03Z', '${kLate}', 2, 'completed', null);
  insert into sluice.conversation_history (session_id, node_id, interaction_type, content)
  values ('${kTalk}', 'name', 'input', '{"text": "n1-name"}'), ('${kTalk}', 'age', 'input', '{"text": "n1-age"}'), ('${kTalk}', 'bye', 'message', '{}'),
         ('${kLate}', 'too_late', 'message', '{}');
  insert into sluice.task_idempotency_records (idempotency_key, status, session_id, kind) values ('k1', 'completed', '${kTalk}', 'webhook'), ('h1', 'completed', null, 'http');
  insert into soak.handled (at, id, type, session_id, revision, key)
  values ('2001-01-01 00:00:01Z', 1, 'session_started', '${kTalk}', 1, null), ('2001-01-01 00:00:06Z', 2, 'session_updated', '${kTalk}', 2, null),
         ('2001-01-01 00:00:01Z', 3, 'session_started', '${kLate}', 1, null), ('2001-01-01 00:00:04Z', 4, 'session_updated', '${kLate}', 2, null),
         ('2001-01-01 00:00:01Z', 5, 'soak.note', null, null, 'n3');
  insert into soak.changes (type, key) values ('soak.note', 'n3');
  insert into soak.ticks (key) values ('note'), ('soak run_all'), ('soak run_all');
  insert into soak.logged select generate_series(1, 5);
  insert into soak.seen (connection, session_id, type, revision) select 1, session_id, type, revision from soak.handled where session_id is not null order by id;
  insert into sluice.webhook_messages (no, event_id, session_id, id, event_type, body) select h.id * 4, h.id, h.session_id, 'msg_' || h.id, 'x', '{}' from soak.handled h;
  insert into sluice.webhook_attempts (delivery_id, endpoint_id, message_no, message_at, attempt, outcome, started_at, duration_ms, status)
  select row_number() over (order by m.no, e.url), e.id, m.no, m.created_at, 1, 'delivered', now(), 1, 204 from sluice.webhook_messages m, sluice.webhook_endpoints e;
  insert into soak.received (endpoint, id, session_id, key, type, revision, body, accepted)
  select e, 'msg_' || h.id, h.session_id, h.key, 'x', h.revision, 'hash', true from soak.handled h, unnest('{ordered,free}'::text[]) e order by h.id;
  insert into soak.calls (key) values ('k1'), ('h1');
  insert into soak.effects (key) values ('t1');
  insert into soak.orders values ('n4', 'paid');
  insert into soak.acknowledged (what, key, session_id)
  values ('session', 'n1', '${kTalk}'), ('session', 'n2', '${kLate}'), ('input', 'n1-name', '${kTalk}'), ('patch', 'n1-name', '${kTalk}'), ('sql task', 't1', null),
         ('http task', 'h1', null), ('note', 'n3', null), ('order', 'n4', null);
  insert into soak.faults values ('2001-01-01 00:00:02Z', '2001-01-01 00:00:04Z', 'table locked', null);
  update sluice.cron_schedules set created_at = next_at - interval '3 minutes' where name = 'soak run_all';
  insert into sluice_private.idempotency_keys (scope, key, target_id)
  select 'cron', name || ':' || to_char(next_at - n * interval '1 minute', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), n from sluice.cron_schedules, generate_series(1, 2) n where name = 'soak run_all';
  set session_replication_role = origin`;

before(async () => {
  await withAdmin(`create database ${kDatabase} template sluice_template`);
  client = new pg.Client({ database: kDatabase, options: '-c timezone=UTC' });
  await client.connect();
  await client.query("do $$ begin create role soak_client; exception when duplicate_object then null; end $$"); // of all databases of the server
  await client.query(readFileSync(new URL('world.sql', import.meta.url), 'utf8'));
  await client.query(kWorld);
});
after(async () => {
  await client?.end();
  await withAdmin(`drop database if exists ${kDatabase} with (force)`);
});

async function judgedAfter(change) {
  await client.query('begin');
  await client.query('set local session_replication_role = replica'); // the evidence is changed, not the world
  try {
    await client.query(change);
    const lines = [];
    await judge(client, (line) => lines.push(line));
    return lines;
  } finally {
    await client.query('rollback');
  }
}

const brokenAfter = async (change) =>
  (await judgedAfter(change)).filter((line) => line.includes('BROKEN')).map((line) => line.replace(/^ *BROKEN */, ''));

test('in the small world everything holds', async () => assert.deepEqual(await brokenAfter('select'), []));

const kBreaks = {
  'what a client was told is committed is there': "insert into soak.acknowledged (what, key) values ('sql task', 'lost')",
  'the revisions of a session rise by one': 'update soak.revisions set revision = 3 where revision = 2; update soak.handled set revision = 3 where revision = 2; update sluice.conversation_sessions set revision = 3',
  'a session is where its last committed revision left it': `update sluice.conversation_sessions set revision = 3 where id = '${kTalk}'`,
  'an input takes effect once': "insert into sluice.conversation_history (session_id, node_id, interaction_type, content) select session_id, 'other', interaction_type, content from sluice.conversation_history where node_id = 'age'",
  'a node of a session leaves its mark once': "insert into sluice.conversation_history (session_id, node_id, interaction_type, content) select session_id, node_id, interaction_type, content from sluice.conversation_history where node_id = 'bye'",
  'a session ends as its flow says, with all that led there': "update sluice.conversation_sessions set state = state - 'variables'",
  'no time runs out early by the database\'s clock, but for the half second by which a daemon may know it wrongly': `update soak.revisions set at = at - interval '2 seconds' where session_id = '${kLate}' and revision = 2`,
  'no event reaches the SQL handler twice': 'insert into soak.handled (id, type, session_id, revision) select id, type, session_id, revision from soak.handled where id = 2',
  'each committed revision reaches the SQL handler, and nothing else does': 'delete from soak.handled where id = 2',
  'the SQL handler sees the events of a session in the order of their revisions': 'update soak.handled set no = -1 where id = 2',
  'each emitted event and each change of a watched table reaches the SQL handler once': "update soak.handled set key = 'other' where id = 5",
  "each event is in a listener's log": 'delete from soak.logged where event = 1',
  "an event's task runs once": "insert into soak.ticks (key) values ('note')",
  'a client that listens misses nothing of a session while its connection lasts, and sees it in order': `update soak.seen set no = -1 where revision = 2 and session_id = '${kTalk}'`,
  'each event that the SQL handler saw was delivered to each endpoint that wants it, is dead, or is still scheduled': 'delete from sluice.webhook_attempts where delivery_id = 1',
  'an endpoint gets nothing that it does not want': "update sluice.webhook_endpoints set events = '{else}' where url like '%/free'",
  'no delivery is dead before its last attempt': "update sluice.webhook_attempts set outcome = 'dead', attempt = 3 where delivery_id = 1",
  'what is marked delivered was accepted by its receiver, under the same webhook-id': "update soak.received set accepted = false where id = 'msg_1' and endpoint = 'free'",
  'an event has one webhook-id for each receiver, however often it comes': `insert into soak.received (endpoint, id, session_id, type, revision, accepted) values ('free', 'msg_9', '${kTalk}', 'x', 1, false)`,
  'a webhook-id has one body, byte for byte': "update soak.received set body = 'other' where id = 'msg_1' and endpoint = 'free'",
  'an endpoint ordered by session accepts the messages of a session in order': "update soak.received set no = -no where endpoint = 'ordered' and revision = 2",
  'a free-standing sql task takes effect once': "insert into soak.effects (key) values ('t1')",
  'a task has one record of its end': "insert into sluice.task_idempotency_records (idempotency_key, status, kind) values ('h1', 'failed', 'http')",
  'each call that was counted as made was seen by the service, under the key of its record': "delete from soak.calls where key = 'k1'",
  'a schedule enqueues nothing but what is due, each time once; with run_all every time, and what it enqueued runs once': "delete from sluice_private.idempotency_keys where target_id = 1; delete from soak.ticks where no = (select max(no) from soak.ticks)",
  'no session stands still': 'update sluice.conversation_sessions set ended_at = null',
  'no task is left, none is dead, no event is parked': "insert into sluice_private.tasks (kind) values ('sql')",
};
for (const [sentence, change] of Object.entries(kBreaks)) {
  test(`broken: ${sentence}`, async () => assert.deepEqual(await brokenAfter(change), [sentence]));
}

// Both sessions lost an event; the history of the late one is the shorter by the webhooks that are deleted with it.
test('a broken invariant shows the shortest history, with the faults of its time and nothing of other sessions', async () => {
  const lines = await judgedAfter(`
    delete from soak.handled where id in (2, 4); delete from soak.received where session_id = '${kLate}'; delete from soak.seen where session_id = '${kLate}'`);
  const from = lines.findIndex((line) => line.includes('BROKEN  each committed revision reaches the SQL handler'));
  const history = lines.slice(from + 3, lines.findIndex((line, at) => at > from && line.includes('holds')));
  assert.deepEqual(history, [
    '      00:00:00.000  session   committed revision 1 active',
    '      00:00:01.000  handler   saw event 3 session_started revision 1',
    '      00:00:02.000  FAULT     table locked until 00:00:04.000',
    '      00:00:03.000  session   committed revision 2 completed',
  ]);
});

test('each invariant has a way to break it', () => {
  const text = readFileSync(new URL('invariants.sql', import.meta.url), 'utf8');
  assert.deepEqual([...text.matchAll(/^-- invariant: (.*)$/gm)].map(([, sentence]) => sentence), Object.keys(kBreaks));
});
