// Runs a soak: sets up the world, lets the load and the nemesis go on for the time given, waits until all is still, and has it judged.
// Exit code 1 when an invariant is broken.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { Daemons } from './daemons.mjs';
import { flowsFor } from './flows.mjs';
import { countEvidence, judge, storeEvidence } from './checker.mjs';
import { Load } from './load.mjs';
import { Nemesis } from './nemesis.mjs';
import { Random, sleep } from './random.mjs';
import { World } from './receivers.mjs';
import { Servers } from './servers.mjs';
import { Subscriber } from './subscriber.mjs';

const pg = createRequire(new URL('../node/package.json', import.meta.url))('pg');
const kSettle = 180_000; // milliseconds that all may take to become still
const kEnough = 10_000; // deliveries, events, tasks or sessions under way, beyond which the clients pause
const kSluice = process.env.SLUICE;
const kFolder = process.env.SLUICE_SOAK_FOLDER;

function options() {
  const { values } = parseArgs({ options: { minutes: { type: 'string', default: '3' }, seed: { type: 'string' } } });
  const minutes = Number(values.minutes);
  const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);
  if (!(minutes > 0) || !Number.isInteger(seed)) {
    console.error('error: --minutes wants a number above 0, --seed a whole number');
    process.exit(2);
  }
  return { minutes, seed };
}

async function withClient(dsn, work) {
  const client = new pg.Client({ connectionString: dsn, application_name: 'soak' });
  client.on('error', () => {});
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => {});
  }
}

// What the daemons may do, as GRANT and REVOKE take it.
const kGrants = `
  select format('%s on %I.%I', privilege_type, table_schema, table_name) as privilege, 'sluice_daemon' as role
    from information_schema.role_table_grants where grantee = 'sluice_daemon'
   union all select format('execute on function %s', p.oid::regprocedure), 'sluice_daemon'
    from pg_proc p where pronamespace in ('sluice'::regnamespace, 'sluice_private'::regnamespace)
     and p.proacl is not null and exists (select from aclexplode(p.proacl) a where a.grantee = 'sluice_daemon'::regrole)
   union all values ('usage on schema sluice_private', 'sluice_daemon'), ('sluice_daemon', 'soak_daemon') order by 1`;

async function setUp(servers, world, random) {
  await withClient(servers.dsn('postgres'), (client) => client.query('create database soak'));
  const { status, stderr } = spawnSync(kSluice, ['migrate'], { env: { ...process.env, SLUICE_DATABASE_DSN: servers.dsn() }, encoding: 'utf8' });
  if (status !== 0) throw new Error(`sluice migrate failed: ${stderr}`);
  return withClient(servers.dsn(), async (client) => {
    await servers.createRoles(client);
    await client.query(readFileSync(new URL('world.sql', import.meta.url), 'utf8'));
    for (const flow of flowsFor(world.url)) await client.query('select sluice.publish_flow(sluice.import_flow($1))', [flow]);
    const schedule = { base: 0.2, factor: 1.5, max: 5, attempts: 100 };
    for (const [name, events, options] of [
      ['ordered', '{*}', { ordering: 'session' }], ['free', '{*}', { ordering: 'none' }], ['orders', '{order.*,soak.note}', { ordering: 'session', max_in_flight: 2 }],
    ]) {
      const { rows } = await client.query('select signing_secret from sluice.subscribe($1, $2, options => $3)',
        [`${world.url}/hooks/${name}`, events, { ...options, retry_schedule: schedule }]);
      world.expect(name, rows[0].signing_secret);
    }
    // A client that listens gets events from the relay or, in direct mode, from their writers.
    const direct = random.next() < 0.3;
    if (direct) {
      await client.query(`update sluice.event_consumers set enabled = false where name = 'relay'`);
      await client.query(`insert into sluice.settings (key, value) values ('notify', '"direct"')`);
    }
    const { rows: grants } = await client.query(kGrants);
    return { direct, grants };
  });
}

const kUnfinished = `
  select (select count(*) from sluice_private.tasks where kind not in ('timer', 'cron'))::int as tasks,
         (select count(*) from sluice.conversation_sessions where ended_at is null)::int as sessions,
         (select count(*) from sluice.webhook_deliveries)::int as deliveries,
         (select coalesce(sum(events_behind), 0) from sluice.consumer_lag where enabled)::int as events`;

// The clients pause while more is under way than the daemons take off in a while, as a service in front of them would: else an hour of load on
// a slow machine ends in hours of draining. The faults go on.
async function holdBack(load, servers) {
  while (!load.stopped) {
    const left = await withClient(servers.dsn(), async (client) => (await client.query(kUnfinished)).rows[0]).catch(() => null);
    if (left) load.held = Object.values(left).some((count) => count > kEnough);
    await sleep(1000);
  }
}

// Until nothing is under way any more, and that three times in a row; false when that takes too long.
async function becomeStill(servers, print) {
  const until = Date.now() + kSettle;
  let still = 0;
  let left;
  while (still < 3 && Date.now() < until) {
    left = await withClient(servers.dsn(), async (client) => (await client.query(kUnfinished)).rows[0]);
    still = Object.values(left).every((count) => count === 0) ? still + 1 : 0;
    await sleep(500);
  }
  if (still < 3) print(`  not still after ${kSettle / 1000} s: ${JSON.stringify(left)}`);
  return still === 3;
}

async function main() {
  const { minutes, seed } = options();
  const print = (text) => console.log(text);
  const began = Date.now();
  const unable = unableTo();
  const world = new World(new Random(seed + 1));
  await world.listen();
  const servers = new Servers();
  await servers.start();
  const { direct, grants } = await setUp(servers, world, new Random(seed + 3));
  print(`soak of ${minutes} min, seed ${seed}, notifications by ${direct ? 'the writers (direct mode)' : 'the relay'}`);
  for (const [kind, why] of Object.entries(unable)) print(`  no '${kind}' here: ${why}`);

  const names = ['listener', 'listener', 'worker', 'worker', 'worker', 'notifier', 'notifier'];
  const daemons = new Daemons({ sluice: kSluice, dsn: servers.daemonDsn, folder: kFolder, names });
  daemons.start();
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, () => {
      daemons.kill();
      process.exit(1);
    });
  }
  const subscriber = new Subscriber({ dsn: () => servers.clientDsn });
  subscriber.start();
  const load = new Load({ dsn: () => servers.clientDsn, service: world.url, random: new Random(seed + 2), clients: 24 });
  load.start();
  holdBack(load, servers);
  const say = (text) => print(`  ${((Date.now() - began) / 1000).toFixed(1).padStart(7)} s  ${text}`);
  const admin = (sql) => withClient(servers.dsn(), (client) => client.query(sql));
  const nemesis = new Nemesis({ random: new Random(seed), unable: Object.keys(unable), say, daemons, servers, world, admin, grants });

  let broken = 0;
  try {
    await nemesis.runFor(minutes * 60_000);
    print('the faults are over; waiting until all is still');
    await load.stop();
    if (!(await becomeStill(servers, print))) broken += 1;
    await daemons.stop();
    await subscriber.stop();
    const rows = await withClient(servers.dsn(), async (client) => {
      const logs = readdirSync(kFolder).filter((name) => /^listener-.*\.log$/.test(name)).map((name) => join(kFolder, name));
      await storeEvidence(client, { load, world, subscriber, nemesis, logs });
      broken += await judge(client, print);
      return countEvidence(client);
    });
    if (world.badSignatures > 0) broken += 1;
    report({ minutes, seed, direct, nemesis, load, world, daemons, rows, broken, print });
  } finally {
    await daemons.stop();
    await subscriber.stop();
    await load.close();
    servers.close();
    world.close();
  }
  process.exitCode = broken === 0 ? 0 : 1;
}

// Kinds of faults that this machine or user cannot do, and why.
function unableTo() {
  const unable = {};
  if (process.env.SLUICE_SOAK_MOUNTS !== 'yes') unable['disk full'] = 'this user cannot mount a tmpfs';
  if (!Daemons.canSetClocks) unable['clock stepped'] = 'the Debian package libfaketime is missing, or sluice is built with a sanitizer';
  return unable;
}

function report({ minutes, seed, direct, nemesis, load, world, daemons, rows, broken, print }) {
  const sum = (numbers) => numbers.reduce((total, n) => total + n, 0);
  const count = (what) => load.acknowledged.filter((entry) => entry.what === what).length;
  const figures = {
    minutes, seed, direct, faults: nemesis.injected.length, faults_by_kind: nemesis.counts(), daemon_ends: sum(daemons.running.map(({ ends }) => ends)),
    acknowledged: Object.fromEntries(['session', 'input', 'patch', 'sql task', 'http task', 'note', 'order'].map((what) => [what, count(what)])),
    repeated_statements: load.repeats, webhooks_refused_for_their_time: world.untimely, bad_signatures: world.badSignatures, rows_checked: rows, violations: broken,
  };
  writeFileSync(join(kFolder, 'report.json'), JSON.stringify(figures, null, 2) + '\n');
  print(`${figures.faults} faults of ${nemesis.kinds.length} kinds, ${figures.daemon_ends} daemons ended, ${count('session')} sessions, ${world.received.length} webhooks, ` +
    `${figures.bad_signatures} bad signatures, ${sum(Object.values(rows))} rows checked: ${broken} violations`);
  if (broken > 0) print(`to see it again: ./dev soak --minutes ${minutes} --seed ${seed}`);
}

await main();
