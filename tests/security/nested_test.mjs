// JSON nested as deep as it may be, in everything that a caller can hand over, and deeper where the session table is written directly: all of it
// comes to an end, no daemon falls over, and others' work goes on.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Daemon, dsnOf, kWorld, query, receive, waitUntil } from '../system/place.mjs';

const kDatabase = `nested_${process.pid}`;
const kServer = dsnOf(process.env.PGPORT, 'postgres');
const kDsn = dsnOf(process.env.PGPORT, kDatabase);
const kLevels = 127; // and one for the object that it stands in
const deep = (levels) => '['.repeat(levels) + '1' + ']'.repeat(levels);
const kDeep = deep(kLevels);
const kDeepObjects = '{"a":'.repeat(kLevels) + '1' + '}'.repeat(kLevels);
const kDirect = 300; // of more, the server runs out of stack in the trigger that hashes the state, and refuses
let receiver;
let daemons = [];

before(async () => {
  await query(kServer, `create database ${kDatabase} template sluice_template`);
  await query(kDsn, kWorld);
  receiver = await receive();
  await query(kDsn, 'select sluice.subscribe($1)', [receiver.url]);
  daemons = ['worker', 'listener', 'notifier'].map((name) => new Daemon(kDsn, name));
});
after(async () => {
  for (const daemon of daemons) daemon.child.kill('SIGKILL');
  await Promise.all(daemons.map(({ ended }) => ended));
  receiver?.close();
  await query(kServer, `drop database if exists ${kDatabase} with (force)`);
});

const start = async (state) => (await query(kDsn, 'select session_token as token from sluice.start_session($1, initial_state => $2)', ['ask', state]))[0].token;
const waits = (token, until = 'input') => waitUntil(kDsn, `select sluice.session('${token}') -> 'wait' ->> 'for'`, until);

test('deep JSON comes to an end everywhere', async () => {
  const inState = await start(`{"deep": ${kDeep}, "objects": ${kDeepObjects}}`);
  await waits(inState);
  await query(kDsn, 'select sluice.patch_state($1, $2)', [inState, `{"objects": ${kDeepObjects}, "more": ${kDeep}}`]);
  const asInput = await start('{}');
  await waits(asInput);
  await query(kDsn, 'select sluice.send_input($1, $2)', [asInput, `{"text": "Ada", "value": ${kDeep}, "more": ${kDeepObjects}}`]);
  await query(kDsn, 'select sluice.send_input($1, $2)', [inState, '{"text": "Grace"}']);
  const direct = await start('{}');
  await waits(direct);
  await query(kDsn, 'update sluice.conversation_sessions set state = state || $2 where session_token = $1', [direct, `{"deep": ${deep(kDirect)}}`]);
  await query(kDsn, 'select sluice.send_input($1, $2)', [direct, '{"text": "Alan"}']);
  await query(kDsn, 'select sluice.emit($1, $2, $3)', ['deep.told', 'key', kDeepObjects]);
  await query(kDsn, 'select sluice.enqueue($1, $2, max_attempts => 1)', ['http', `{"url": "${receiver.url}", "method": "POST", "body": ${kDeep}, "headers": ${kDeepObjects}}`]);
  await query(kDsn, 'select sluice.enqueue($1, $2, max_attempts => 1)', ['http', `{"url": "${receiver.url}", "method": "POST", "body": ${kDeepObjects}}`]);

  for (const token of [inState, asInput, direct]) await waitUntil(kDsn, `select sluice.session('${token}') ->> 'status' <> 'active'`, true);
  await waitUntil(kDsn, "select count(*) from sluice_private.tasks where kind <> 'timer'", 0);
  await waitUntil(kDsn, 'select count(*) from sluice.webhook_deliveries', 0);
  await waitUntil(kDsn, "select count(*) from seen where type = 'deep.told'", 1);

  // The same daemons take what is ordinary.
  const next = await start('{}');
  await waits(next);
  await query(kDsn, 'select sluice.send_input($1, $2)', [next, '{"text": "Ada"}']);
  await waitUntil(kDsn, `select sluice.session('${next}') ->> 'status'`, 'completed');
  for (const daemon of daemons) assert.equal(daemon.child.exitCode, null, daemon.output);
});
