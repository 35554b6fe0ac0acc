// The checker finds what it is there to find: a small world in which all invariants hold, and for each a way to break it, after which it
// is the one that is broken. Needs PGHOST and so on of a server with the template of a test run.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { judge } from './checker.mjs';

const pg = createRequire(new URL('../node/package.json', import.meta.url))('pg');
const kDatabase = `soak_checker_${process.pid}`;
const kSession = '11111111-1111-1111-1111-111111111111';
let client;

async function withAdmin(sql) {
  const admin = new pg.Client({ database: 'postgres' });
  await admin.connect();
  await admin.query(sql);
  await admin.end();
}

// One session of two revisions that took one input and made one call, seen by a handler and two receivers; one free task.
const kWorld = `
  select sluice.subscribe('http://127.0.0.1:9/hooks/ordered', options => '{"ordering": "session"}'), sluice.subscribe('http://127.0.0.1:9/hooks/free');
  set session_replication_role = replica; -- no flow behind the session, no trigger
  insert into sluice.conversation_sessions (id, flow_id, flow_version_id, session_token, status, revision, state, ended_at)
  values ('${kSession}', gen_random_uuid(), 1, 'token', 'completed', 2, '{}', now());
  insert into soak.revisions (session_id, revision, status) values ('${kSession}', 1, 'active'), ('${kSession}', 2, 'completed');
  insert into sluice.conversation_history (session_id, node_id, interaction_type, content) values ('${kSession}', 'n', 'input', '{"text": "n1-name"}');
  insert into sluice.task_idempotency_records (idempotency_key, status, session_id, kind) values ('k1', 'completed', '${kSession}', 'webhook');
  insert into soak.handled (id, type, session_id, revision) values (1, 'session_started', '${kSession}', 1), (2, 'session_updated', '${kSession}', 2);
  insert into sluice.webhook_messages (no, event_id, session_id, id, event_type, body)
  select n * 4, n, '${kSession}', 'msg_' || n, 'x', '{}' from generate_series(1, 2) n;
  insert into sluice.webhook_attempts (delivery_id, endpoint_id, message_no, message_at, attempt, outcome, started_at, duration_ms, status)
  select row_number() over (), e.id, m.no, m.created_at, 1, 'delivered', now(), 1, 204 from sluice.webhook_messages m, sluice.webhook_endpoints e;
  insert into soak.received (endpoint, id, session_id, type, revision, accepted)
  select e, 'msg_' || n, '${kSession}', 'x', n, true from generate_series(1, 2) n, unnest('{ordered,free}'::text[]) e order by n;
  insert into soak.calls (key) values ('k1');
  insert into soak.effects (key) values ('t1');
  insert into soak.acknowledged values ('session', 'n1', '${kSession}'), ('input', 'n1-name', '${kSession}'), ('task', 't1', null);
  set session_replication_role = origin`;

before(async () => {
  await withAdmin(`create database ${kDatabase} template sluice_template`);
  client = new pg.Client({ database: kDatabase });
  await client.connect();
  await client.query(readFileSync(new URL('world.sql', import.meta.url), 'utf8'));
  await client.query(kWorld);
});
after(async () => {
  await client?.end();
  await withAdmin(`drop database if exists ${kDatabase} with (force)`);
});

async function brokenAfter(change) {
  await client.query('begin');
  await client.query('set local session_replication_role = replica'); // the evidence is changed, not the world
  await client.query(change);
  const lines = [];
  await judge(client, (line) => lines.push(line));
  await client.query('rollback');
  return lines.filter((line) => line.includes('BROKEN')).map((line) => line.replace(/^ *BROKEN */, ''));
}

test('in the small world everything holds', async () => assert.deepEqual(await brokenAfter('select'), []));

const kBreaks = {
  'a session, an input and a task whose commit was acknowledged are there': "insert into soak.acknowledged values ('task', 'lost', null)",
  'the revisions of a session rise by one': 'update soak.revisions set revision = 3 where revision = 2; update soak.handled set revision = 3 where revision = 2',
  'an input takes effect once': "insert into sluice.conversation_history (session_id, node_id, interaction_type, content) select session_id, node_id, interaction_type, content from sluice.conversation_history",
  'no event reaches the SQL handler twice': "insert into soak.handled (id, type, session_id, revision) select id, type, session_id, revision from soak.handled where id = 2",
  'each committed revision reaches the SQL handler, and nothing else does': 'delete from soak.handled where id = 2',
  'the SQL handler sees the events of a session in the order of their revisions': 'update soak.handled set no = -1 where id = 2',
  'each event that the SQL handler saw was delivered to each endpoint, or is dead': 'delete from sluice.webhook_attempts where delivery_id = 1',
  'what is marked delivered was accepted by its receiver, under the same webhook-id': "update soak.received set accepted = false where id = 'msg_1' and endpoint = 'free'",
  'an event has one webhook-id for each receiver, however often it comes': "insert into soak.received (endpoint, id, session_id, type, revision, accepted) values ('free', 'msg_9', '" + kSession + "', 'x', 1, false)",
  'an endpoint ordered by session accepts the messages of a session in order': "update soak.received set no = -1 where endpoint = 'ordered' and revision = 2",
  'a free-standing sql task takes effect once': "insert into soak.effects (key) values ('t1')",
  'each call that a session counts as made was seen by the service, under the key of its record': 'delete from soak.calls',
  'no session stands still': 'update sluice.conversation_sessions set ended_at = null',
  'no task is left, none is dead, no event is parked': "insert into sluice_private.tasks (kind) values ('sql')",
};
for (const [sentence, change] of Object.entries(kBreaks)) {
  test(`broken: ${sentence}`, async () => assert.deepEqual(await brokenAfter(change), [sentence]));
}

test('each invariant has a way to break it', () => {
  const text = readFileSync(new URL('invariants.sql', import.meta.url), 'utf8');
  assert.deepEqual([...text.matchAll(/^-- invariant: (.*)$/gm)].map(([, sentence]) => sentence), Object.keys(kBreaks));
});
