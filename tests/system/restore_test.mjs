// A dump taken in the middle of work and restored into another cluster, as docs/operations.md has it: a listener refuses to run, resync makes it fit,
// and everything that was under way goes on; nothing is lost and nothing happens twice.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { after, before, test } from 'node:test';
import { Daemon, dsnOf, freePort, kPostgres, kWorld, must, query, receive, sluice, waitUntil } from './place.mjs';

const kSource = dsnOf(process.env.PGPORT, `restore_${process.pid}`);
let place;
let target; // DSN of the database in the other cluster
let receiver;

// What the page says is what is done.
const kBlocks = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8').match(/(?<=^```sh restore\n)[^]*?(?=^```$)/gm);
function follow(block) {
  const env = { ...process.env, PATH: `${kPostgres}:${dirname(process.env.SLUICE)}:${process.env.PATH}`, old: kSource, new: target.replace(/\/sluice$/, '') };
  const { status, stdout, stderr } = spawnSync('bash', ['-euo', 'pipefail', '-c', block], { encoding: 'utf8', cwd: place, env });
  assert.equal(status, 0, stderr);
  return stdout + stderr;
}

const tool = (name, ...words) => must([`${kPostgres}/${name}`, ...words], { asServer: true });

before(async () => {
  place = mkdtempSync('/var/tmp/sluice-restore.');
  if (process.getuid() === 0) must(['chown', 'postgres', place]);
  const port = await freePort();
  tool('initdb', `--pgdata=${place}/data`, '--username=postgres', '--auth=trust', '--encoding=UTF8', '--locale=C.UTF-8');
  tool('pg_ctl', 'start', `--pgdata=${place}/data`, `--log=${place}/log`, '--wait', '--silent',
    `--options=-p ${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=${place} -c fsync=off`);
  target = dsnOf(port, 'sluice');
  await query(dsnOf(process.env.PGPORT, 'postgres'), `create database restore_${process.pid} template sluice_template`);
  receiver = await receive();
});
after(async () => {
  tool('pg_ctl', 'stop', `--pgdata=${place}/data`, '--mode=immediate', '--silent');
  rmSync(place, { recursive: true });
  receiver?.close();
  await query(dsnOf(process.env.PGPORT, 'postgres'), `drop database if exists restore_${process.pid} with (force)`);
});

async function withDaemons(dsn, names, work) {
  const daemons = names.map((name) => new Daemon(dsn, name));
  try {
    await work();
  } finally {
    for (const daemon of daemons) assert.equal(await daemon.end(), 0, daemon.output);
  }
}

const started = async (key) => (await query(kSource, 'select session_token as token from sluice.start_session($1, idempotency_key => $2)', ['ask', key]))[0].token;

test('what was under way when the dump was taken goes on in another cluster', async () => {
  // Under way: a session that waits for its answer, one that has not begun, an input that nobody took, a free task, events that the handler
  // saw and events that it did not, deliveries that were made and deliveries that were not.
  await query(kSource, kWorld);
  await query(kSource, `create table ran (n int); create function act(argument jsonb) returns void language sql security definer set search_path = public, pg_temp as
    $$ insert into ran values ((argument ->> 'n')::int) $$`);
  await query(kSource, 'select sluice.subscribe($1)', [receiver.url]);
  const waiting = await started('waiting');
  const answered = await started('answered');
  await withDaemons(kSource, ['worker', 'listener', 'notifier'], async () => {
    await waitUntil(kSource, "select count(*) from sluice.conversation_sessions where wait ->> 'for' = 'input'", 2);
    await waitUntil(kSource, "select count(*) from sluice_private.tasks where kind <> 'timer'", 0);
    await waitUntil(kSource, 'select count(*) from seen', 4);
    await waitUntil(kSource, 'select count(*) from sluice.webhook_deliveries', 0);
  });
  const before = receiver.got.map(({ id }) => id);
  await query(kSource, "select sluice.send_input($1, '{\"text\": \"Ada\"}', 'name')", [answered]);
  await started('fresh');
  await query(kSource, "select sluice.enqueue('sql', '{\"function\": \"public.act\", \"argument\": {\"n\": 1}}', idempotency_key => 'one')");
  await query(kSource, "select sluice.emit('test.unseen')");

  assert.equal(kBlocks.length, 2);
  follow(kBlocks[0]);

  const refused = sluice(target, 'listener');
  assert.notEqual(refused.status, 0);
  assert.match(refused.output, /the database comes from another cluster/);
  assert.match(refused.output, /sluice events resync/);
  assert.equal((await query(target, 'select count(*) from seen'))[0].count, '4', 'a listener that refuses changes nothing');
  assert.match(follow(kBlocks[1]), /2 events are to be handled/);

  await withDaemons(target, ['worker', 'listener', 'notifier'], async () => {
    await query(target, "select sluice.send_input($1, '{\"text\": \"Bob\"}', 'name')", [waiting]);
    await waitUntil(target, "select string_agg(status, ',' order by status) from sluice.conversation_sessions", 'active,completed,completed');
    await waitUntil(target, "select count(*) from sluice_private.tasks where kind <> 'timer'", 0);
    await waitUntil(target, 'select coalesce(sum(events_behind), 0) from sluice.consumer_lag', 0);
    await waitUntil(target, 'select count(*) from sluice.webhook_deliveries', 0);
  });
  // What was enqueued under a key before the dump is not enqueued again after it.
  await query(target, "select sluice.enqueue('sql', '{\"function\": \"public.act\", \"argument\": {\"n\": 1}}', idempotency_key => 'one')");
  assert.equal((await query(target, "select count(*) from sluice_private.tasks where kind <> 'timer'"))[0].count, '0');
  assert.deepEqual(await query(target, 'select n from ran'), [{ n: 1 }]);
  const [{ events, once }] = await query(target, `select count(*)::int as events, (select count(distinct id) = count(*) from seen) as once from seen`);
  assert.equal(events, 9, 'four before, and after: a start, an event, a step of it, two last steps');
  assert.ok(once, 'no event came twice');
  // Each event has come under one id; those of before the dump did not come again.
  const ids = receiver.got.map(({ id }) => id);
  assert.equal(ids.length, 9);
  assert.equal(new Set(ids).size, 9);
  assert.deepEqual(ids.slice(0, 4), before);
});
