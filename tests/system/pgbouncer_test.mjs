// Behind PgBouncer. In transaction mode, with fewer connections to the server than clients: what applications call, the command line, workers,
// notifiers and the console; what needs a session has one apart, or says that it has none. In session mode all.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
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
async function pooler(mode, size, server = '127.0.0.1') {
  const folder = mkdtempSync('/var/tmp/sluice-pgbouncer.');
  const port = await freePort();
  writeFileSync(`${folder}/pgbouncer.ini`, `
[databases]
* = host=${server} port=${kServerPort} user=postgres
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
  await query(kDirect, `
    create table results (argument jsonb);
    create function done(argument jsonb) returns void language sql security definer set search_path = public, pg_temp as 'insert into results values (argument)'`);
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

// A pool in session mode is named twice: then its sessions are relied upon.
for (const wake of ['notify', 'poll']) {
  test(`daemons work in session mode, woken by ${wake}`, async () => {
    const pooled = await pooler('session', 40);
    const daemons = ['worker', 'worker', 'listener', 'listener', 'notifier'].map(
      (name) => new Daemon(pooled, name, '--database.session_dsn', pooled, '--database.wake', wake));
    try {
      await playThrough(kDirect, wake === 'notify' ? 100 : 200);
      await expectAllSeen();
    } finally {
      for (const daemon of daemons) assert.equal(await daemon.end(), 0, daemon.output);
    }
  });
}

// What a client would meet on each of the pool's server connections, all of them held at once.
async function sessionsOf(pooled, size) {
  const clients = Array.from({ length: size }, () => new pg.Client({ connectionString: pooled }));
  await Promise.all(clients.map((client) => client.connect()));
  const rows = [];
  for (const client of clients) await client.query('begin');
  for (const client of clients) {
    rows.push(...(await client.query(`select pg_backend_pid() as pid, current_user as "user",
      (select json_object_agg(name, setting) from pg_settings where source = 'session' and name not in ('application_name', 'client_encoding', 'DateStyle', 'TimeZone')) as set,
      (select count(*)::int from pg_prepared_statements) as prepared, (select count(*)::int from pg_listening_channels()) as listening,
      (select count(*)::int from pg_locks where pid = pg_backend_pid() and locktype = 'advisory') as locks`)).rows);
  }
  for (const client of clients) await client.query('rollback');
  await Promise.all(clients.map((client) => client.end()));
  assert.equal(new Set(rows.map(({ pid }) => pid)).size, size);
  return rows;
}

async function askConsole(daemon, path) {
  await until('the console', () => /\?token=\S+/.test(daemon.output));
  const link = /http:\S+\?token=\S+/.exec(daemon.output)[0];
  const entered = await fetch(link, { redirect: 'manual' });
  const answer = await fetch(new URL(path, link), { headers: { cookie: entered.headers.get('set-cookie').split(';')[0] } });
  assert.equal(answer.status, 200, daemon.output);
  return answer.json();
}

// Fewer connections to the server than any one of these daemons has to the pooler.
const kPool = 3;

for (const wake of ['notify', 'poll']) {
  test(`workers, notifiers and the console work in transaction mode, woken by ${wake}, and leave nothing behind`, async () => {
    const pooled = await pooler('transaction', kPool);
    const service = await receive();
    const words = ['--database.wake', wake, ...(wake === 'notify' ? ['--database.session_dsn', kDirect] : [])];
    const daemons = ['worker', 'worker', 'notifier', 'notifier'].map((name) => new Daemon(pooled, name, ...words));
    daemons.push(new Daemon(pooled, 'listener', '--database.session_dsn', kDirect, '--database.wake', wake));
    const console_ = new Daemon(pooled, 'console', '--console.listen', '127.0.0.1:0', '--allow-actions');
    daemons.push(console_);
    try {
      await query(pooled, "select sluice.enqueue('sql', jsonb_build_object('function', 'public.done', 'argument', n)) from generate_series(1, 300) as n");
      await query(pooled, "select sluice.enqueue('http', jsonb_build_object('url', $1::text, 'method', 'POST', 'body', n)) from generate_series(1, 50) as n", [service.url]);
      const me = await askConsole(console_, '/api/me');
      assert.equal(me.role, 'sluice_reader');
      assert.equal(me.read_only, true);
      for (const part of [0, 10, 20]) await playThrough(pooled, (wake === 'notify' ? 300 : 400) + part);
      await waitUntil(kDirect, "select count(*) from sluice_private.tasks where kind in ('sql', 'http')", 0);
      await expectAllSeen();
      const [{ n, different }] = await query(kDirect, 'select count(*)::int as n, count(distinct argument)::int as different from results');
      assert.deepEqual({ n, different }, { n: 300, different: 300 });
      assert.equal(new Set(service.got.map(({ body }) => body)).size, 50);
      await query(kDirect, 'truncate results');
      for (const { pid, ...left } of await sessionsOf(pooled, kPool)) {
        assert.deepEqual(left, { user: 'postgres', set: null, prepared: 0, listening: 0, locks: 0 }, `server process ${pid}`);
      }
      for (const { output } of daemons) assert.doesNotMatch(output, /does not exist|already exists|cannot be reached|declared dead/);
    } finally {
      service.close();
      for (const daemon of daemons) assert.equal(await daemon.end(), 0, daemon.output);
    }
  });
}

// Answers the first request when it is told to, the others at once.
function gatedService() {
  const seen = [];
  const waiting = [];
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      seen.push(request.headers['idempotency-key']);
      const answer = (n) => response.setHeader('content-type', 'application/json').end(JSON.stringify({ n }));
      if (seen.length === 1) waiting.push(() => answer('first'));
      else answer(7);
    });
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve({
    seen, url: `http://127.0.0.1:${server.address().port}/`,
    open: () => waiting.splice(0).forEach((answer) => answer()),
    close: () => (server.closeAllConnections(), server.close()),
  })));
}

for (const [fault, signal] of [['killed', 'SIGKILL'], ['frozen', 'SIGSTOP']]) {
  for (const wake of ['notify', 'poll']) {
    test(`a worker that is ${fault} behind a pooler in transaction mode is recovered from, and changes nothing later (${wake})`, async () => {
      const pooled = await pooler('transaction', kPool);
      const service = await gatedService();
      const words = ['--database.wake', wake, '--log.level', 'debug', ...(wake === 'notify' ? ['--database.session_dsn', kDirect] : [])];
      const first = new Daemon(pooled, 'worker', ...words);
      let second;
      try {
        await query(kDirect, 'select sluice.publish_flow(sluice.import_flow($1))', [JSON.stringify({
          name: `hook ${fault} ${wake}`, entry_node_id: 'call', nodes: [
            { node_id: 'call', node_type: 'webhook', content: { url: service.url, response_mapping: { n: '$.n' }, retry: { attempts: 1 } } },
            { node_id: 'bye', node_type: 'message', content: { messages: [{ type: 'text', text: 'got {{variables.n}}' }] } }],
          connections: [{ source_node_id: 'call', target_node_id: 'bye', connection_type: 'default' }] })]);
        const [{ token }] = await query(pooled, 'select session_token as token from sluice.start_session($1)', [`hook ${fault} ${wake}`]);
        await until('the call', () => service.seen.length === 1);
        second = new Daemon(pooled, 'worker', ...words);
        await waitUntil(kDirect, "select count(*) from sluice_private.processes where kind = 'worker' and heartbeat_at > clock_timestamp() - interval '2 seconds'", 2);
        const began = Date.now();
        first.child.kill(signal);
        await waitUntil(kDirect, `select sluice.session('${token}') ->> 'status'`, 'completed');
        console.log(`# ${fault}, ${wake}: recovered after ${Date.now() - began} ms`);
        const [{ before }] = await query(kDirect, 'select sluice.session($1)::text as before', [token]);
        service.open();
        if (fault === 'frozen') {
          first.child.kill('SIGCONT');
          assert.equal(await first.end(), 0, first.output);
          assert.match(first.output, /outcome=lost/);
        }
        const [after_] = await query(kDirect, `select sluice.session($1)::text as after, (sluice.session($1) ->> 'revision')::int as revision,
          sluice.session($1) #>> '{state,variables,n}' as n`, [token]);
        assert.deepEqual(after_, { after: before, revision: 3, n: '7' });
        assert.equal(new Set(service.seen).size, 1);
      } finally {
        service.close();
        first.child.kill('SIGKILL');
        await first.ended;
        if (second) assert.equal(await second.end(), 0, second.output);
      }
    });
  }
}

test('a notifier that is killed behind a pooler in transaction mode is recovered from', async () => {
  const pooled = await pooler('transaction', kPool);
  const words = ['--database.session_dsn', kDirect];
  const silent = createServer((request) => request.resume()); // accepts and never answers
  await new Promise((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const first = new Daemon(pooled, 'notifier', ...words);
  const others = [new Daemon(kDirect, 'listener')];
  try {
    const [{ id }] = await query(kDirect, "select endpoint_id as id from sluice.subscribe($1, '{kill.test}')", [`http://127.0.0.1:${silent.address().port}/`]);
    const called = new Promise((resolve) => silent.once('request', resolve));
    await query(pooled, "select sluice.emit('kill.test', 'k')");
    await called;
    first.child.kill('SIGKILL');
    await query(kDirect, 'update sluice.webhook_endpoints set url = $2 where id = $1', [id, receiver.url]);
    others.push(new Daemon(pooled, 'notifier', ...words));
    const began = Date.now();
    await waitUntil(kDirect, 'select count(*) from sluice.webhook_deliveries', 0);
    console.log(`# notifier killed: recovered after ${Date.now() - began} ms`);
    await expectAllSeen();
  } finally {
    silent.closeAllConnections();
    silent.close();
    first.child.kill('SIGKILL');
    await first.ended;
    for (const daemon of others) assert.equal(await daemon.end(), 0, daemon.output);
  }
});

// Neither is a destination, even inside a network that is allowed. What the server is reached by, the pooler's own way or a session's, decides from where its
// address is known.
for (const { way, server, words } of [
  { way: 'the pooler reaches the server by TCP', server: async () => '127.0.0.1', words: ['--database.wake', 'poll'] },
  { way: 'the pooler reaches the server by a socket file, and a session by TCP', server: async () => (await query(kDirect, 'show unix_socket_directories'))[0].unix_socket_directories,
    words: ['--database.session_dsn', kDirect] },
]) {
  test(`requests lead neither to the pooler nor to the server (${way})`, async () => {
    const pooled = await pooler('transaction', kPool, await server());
    const targets = [new URL(pooled).port, kServerPort].map((port) => `http://127.0.0.1:${port}/`);
    const daemons = ['worker', 'notifier'].map((name) => new Daemon(pooled, name, ...words));
    daemons.push(new Daemon(kDirect, 'listener'));
    const endpoints = [];
    try {
      for (const url of targets) {
        await query(kDirect, "select sluice.enqueue('http', jsonb_build_object('url', $1::text, 'method', 'POST'), max_attempts => 1)", [url]);
        const [{ id }] = await query(kDirect, "select endpoint_id as id from sluice.subscribe($1, '{address.test}')", [url]);
        endpoints.push(id);
      }
      await query(kDirect, "select sluice.emit('address.test')");
      await waitUntil(kDirect, "select count(*) from sluice_private.tasks where kind = 'http'", 0);
      const failures = await query(kDirect, "select payload ->> 'url' as url, reason, errors::text as errors from sluice.task_failures where kind = 'http'");
      assert.deepEqual(failures.map(({ url }) => url).sort(), [...targets].sort());
      for (const { reason, errors } of failures) assert.match(reason + errors, /own_service/);
      await waitUntil(kDirect, `select count(distinct endpoint_id) from sluice.webhook_attempts where endpoint_id in ('${endpoints.join("', '")}')`, 2);
      const attempts = await query(kDirect, 'select distinct error_class from sluice.webhook_attempts where endpoint_id = any($1::uuid[])', [endpoints]);
      assert.deepEqual(attempts, [{ error_class: 'refused_address' }]);
    } finally {
      for (const id of endpoints) await query(kDirect, 'select sluice.unsubscribe($1)', [id]);
      await query(kDirect, 'truncate sluice.task_failures');
      for (const daemon of daemons) assert.equal(await daemon.end(), 0, daemon.output);
    }
  });
}

test('what needs a session says so', async () => {
  const pooled = await pooler('transaction', kPool);
  for (const name of ['worker', 'notifier', 'listener']) {
    const daemon = new Daemon(pooled, name);
    assert.equal(await daemon.ended, 78, daemon.output);
    assert.match(daemon.output, /leads to a pooler.*needs a session/);
    assert.match(daemon.output, /database\.session_dsn/);
  }
  const refused = sluice(pooled, 'migrate');
  assert.equal(refused.status, 78, refused.output);
  const done = sluice(pooled, 'migrate', '--database.session_dsn', kDirect);
  assert.equal(done.status, 0, done.output);
});
