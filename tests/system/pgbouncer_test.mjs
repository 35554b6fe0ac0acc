// Behind PgBouncer. In transaction mode, with fewer connections to the server than clients: what applications call, and the command line. In
// session mode the daemons too, woken by notifications or polling. Daemons in transaction mode do not work, and say why.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { Daemon, dsnOf, freePort, kWorld, must, pg, query, receive, sleep, sluice, waitUntil } from './place.mjs';

const kServerPort = process.env.PGPORT;
const kDatabase = `pgbouncer_${process.pid}`;
const kPatience = 60_000; // milliseconds
const kDirect = dsnOf(kServerPort, kDatabase);
const poolers = [];
let receiver;

// A PgBouncer in that mode; the DSN of the test's database behind it. It is a child that the kernel ends should this process die in any way. It
// refuses to be root.
async function pooler(mode, size) {
  const folder = mkdtempSync('/var/tmp/sluice-pgbouncer.');
  const port = await freePort();
  writeFileSync(`${folder}/pgbouncer.ini`, `
[databases]
* = host=127.0.0.1 port=${kServerPort} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = ${mode}
default_pool_size = ${size}
`);
  const asRoot = process.getuid() === 0;
  if (asRoot) must(['chown', '-R', 'postgres', folder]);
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', ...(asRoot ? ['--reuid', 'postgres', '--regid', 'postgres', '--init-groups'] : []),
    '/usr/sbin/pgbouncer', `${folder}/pgbouncer.ini`], { stdio: ['ignore', 'ignore', 'pipe'] });
  const started = { child, folder, output: '', ended: once(child, 'exit') };
  child.stderr.on('data', (text) => (started.output += text));
  poolers.push(started);
  const dsn = dsnOf(port, kDatabase);
  for (const until = Date.now() + kPatience; ; await sleep(50)) {
    try {
      await query(dsn, 'select 1');
      return dsn;
    } catch (error) {
      if (error.code !== 'ECONNREFUSED' || child.exitCode !== null || Date.now() > until) throw new Error(started.output, { cause: error });
    }
  }
}

before(async () => {
  await query(dsnOf(kServerPort, 'postgres'), `create database ${kDatabase} template sluice_template`);
  await query(kDirect, kWorld);
  receiver = await receive();
});
after(async () => {
  for (const { child, folder, ended } of poolers) {
    child.kill('SIGKILL');
    await ended;
    rmSync(folder, { recursive: true });
  }
  receiver?.close();
  await query(dsnOf(kServerPort, 'postgres'), `drop database if exists ${kDatabase} with (force)`);
});

async function until(what, isSo) {
  for (const end = Date.now() + kPatience; !(await isSo()); await sleep(5)) assert.ok(Date.now() < end, `waited in vain for ${what}`);
}

async function converse(client, n) {
  const ask = async (text, values) => Object.values((await client.query(text, values)).rows[0])[0];
  const token = await ask('select session_token from sluice.start_session($1, idempotency_key => $2)', ['ask', `s${n}`]);
  await until('the question', async () => (await ask('select sluice.session($1)', [token])).wait?.for === 'input');
  await client.query('begin');
  await client.query("set local sluice.correlation_id = 'pooled'");
  await ask('select sluice.emit($1, $2)', ['test.named', `s${n}`]);
  await ask('select sluice.send_input($1, $2, $3)', [token, { text: `n${n}` }, 'name']);
  await client.query('commit');
  await until('the end', async () => (await ask('select sluice.session($1)', [token])).status === 'completed');
}

async function playThrough(dsn, from) {
  const clients = Array.from({ length: 6 }, () => new pg.Client({ connectionString: dsn }));
  await Promise.all(clients.map((client) => client.connect()));
  await Promise.all(clients.map((client, n) => converse(client, from + n)));
  await Promise.all(clients.map((client) => client.end()));
}

// Each event once, at the handler and at the receiver.
async function expectAllSeen() {
  const [{ count }] = await query(kDirect, 'select count(*) from sluice.flow_events');
  await waitUntil(kDirect, 'select count(*) from seen', count);
  await waitUntil(kDirect, 'select count(*) from sluice.webhook_deliveries', 0);
  assert.equal((await query(kDirect, 'select count(distinct id) from seen'))[0].count, count);
  assert.equal(new Set(receiver.got.map(({ id }) => id)).size, Number(count));
}

test('applications and the command line work in transaction mode', async () => {
  const pooled = await pooler('transaction', 3);
  await query(pooled, 'select sluice.subscribe($1)', [receiver.url]);
  const daemons = ['worker', 'listener', 'notifier'].map((name) => new Daemon(kDirect, name));
  try {
    await playThrough(pooled, 0);
    await expectAllSeen();
    const [{ n }] = await query(kDirect, "select count(*)::int as n from sluice.flow_events where event_type = 'test.named' and correlation_id = 'pooled'");
    assert.equal(n, 6);
    for (const words of [['status'], ['session', 'list'], ['tasks', 'list'], ['events', 'list'], ['endpoints', 'list'], ['migrate', '--check']]) {
      const { status, output } = sluice(pooled, ...words);
      assert.equal(status, 0, `${words.join(' ')}: ${output}`);
    }
    assert.match(sluice(pooled, 'session', 'list').output, /completed/);
  } finally {
    for (const daemon of daemons) assert.equal(await daemon.end(), 0, daemon.output);
  }
});

for (const wake of ['notify', 'poll']) {
  test(`daemons work in session mode, woken by ${wake}`, async () => {
    const pooled = await pooler('session', 40);
    const daemons = ['worker', 'worker', 'listener', 'listener', 'notifier'].map((name) => new Daemon(pooled, name, '--database.wake', wake));
    try {
      await playThrough(kDirect, wake === 'notify' ? 100 : 200);
      await expectAllSeen();
    } finally {
      for (const daemon of daemons) assert.equal(await daemon.end(), 0, daemon.output);
    }
  });
}

test('daemons that are pooled by the transaction say so', async () => {
  const pooled = await pooler('transaction', 3);
  const daemons = ['worker', 'listener', 'notifier', 'worker'].map((name) => new Daemon(pooled, name, '--database.wake', 'poll'));
  try {
    const says = ({ output }) => /prepared statement .* (does not exist|already exists)/.test(output);
    await until(`a daemon's complaint:\n${daemons.map(({ output }) => output).join('\n')}`, () => daemons.some(says));
  } finally {
    for (const daemon of daemons) daemon.child.kill('SIGKILL');
    await Promise.all(daemons.map(({ ended }) => ended));
  }
});
