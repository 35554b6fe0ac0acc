// Runs a soak: sets up the world, lets the load and the nemesis go on for the time given, waits until all is still, and has it judged.
// Exit code 1 when an invariant is broken.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Daemons } from './daemons.mjs';
import { flowsFor } from './flows.mjs';
import { judge, storeEvidence } from './checker.mjs';
import { Load } from './load.mjs';
import { Nemesis } from './nemesis.mjs';
import { Proxy } from './proxy.mjs';
import { Random, sleep } from './random.mjs';
import { World } from './receivers.mjs';

const pg = createRequire(new URL('../node/package.json', import.meta.url))('pg');
const kSettle = 180_000; // milliseconds that all may take to become still
const kSluice = fileURLToPath(new URL('../../build/bin/sluice', import.meta.url));
const kDsn = process.env.SLUICE_SOAK_DSN;
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

async function withClient(work) {
  const client = new pg.Client({ connectionString: kDsn, application_name: 'soak' });
  client.on('error', () => {});
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => {});
  }
}
const admin = (sql) => withClient((client) => client.query(sql));

async function setUp(world) {
  const { status, stderr } = spawnSync(kSluice, ['migrate'], { env: { ...process.env, SLUICE_DATABASE_DSN: kDsn }, encoding: 'utf8' });
  if (status !== 0) throw new Error(`sluice migrate failed: ${stderr}`);
  await withClient(async (client) => {
    await client.query(readFileSync(new URL('world.sql', import.meta.url), 'utf8'));
    for (const flow of flowsFor(world.url)) await client.query('select sluice.publish_flow(sluice.import_flow($1))', [flow]);
    const schedule = { base: 0.2, factor: 1.5, max: 5, attempts: 100 };
    for (const [name, ordering] of [['ordered', 'session'], ['free', 'none']]) {
      const { rows } = await client.query('select signing_secret from sluice.subscribe($1, options => $2)',
        [`${world.url}/hooks/${name}`, { ordering, retry_schedule: schedule }]);
      world.expect(name, rows[0].signing_secret);
    }
  });
}

const kUnfinished = `
  select (select count(*) from sluice_private.tasks where kind <> 'timer')::int as tasks,
         (select count(*) from sluice.webhook_deliveries)::int as deliveries,
         (select coalesce(sum(events_behind), 0) from sluice.consumer_lag)::int as events`;

// Until nothing is under way any more, and that three times in a row; false when that takes too long.
async function becomeStill(print) {
  const until = Date.now() + kSettle;
  let still = 0;
  let left;
  while (still < 3 && Date.now() < until) {
    left = await withClient(async (client) => (await client.query(kUnfinished)).rows[0]);
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
  print(`soak of ${minutes} min, seed ${seed}`);
  const world = new World(new Random(seed + 1));
  await world.listen();
  await setUp(world);

  const url = new URL(kDsn);
  const proxy = new Proxy(Number(url.port));
  await proxy.listen();
  url.port = String(proxy.port);
  const names = ['listener', 'listener', 'worker', 'worker', 'worker', 'notifier', 'notifier'];
  const daemons = new Daemons({ sluice: kSluice, dsn: url.href, folder: kFolder, names });
  daemons.start();
  const load = new Load({ dsn: kDsn, random: new Random(seed + 2), clients: 16 });
  load.start();
  const say = (text) => print(`  ${((Date.now() - began) / 1000).toFixed(1).padStart(7)} s  ${text}`);
  const nemesis = new Nemesis({ random: new Random(seed), daemons, proxy, world, admin, say });

  let broken = 0;
  try {
    await nemesis.runFor(minutes * 60_000);
    print('the faults are over; waiting until all is still');
    await load.stop();
    if (!(await becomeStill(print))) broken += 1;
    await daemons.stop();
    broken += await withClient(async (client) => {
      await storeEvidence(client, load, world);
      return judge(client, print);
    });
    if (world.badSignatures > 0) broken += 1;
    report({ minutes, seed, nemesis, load, world, daemons, broken, print });
  } finally {
    await daemons.stop();
    await load.close();
    proxy.close();
    world.close();
  }
  process.exitCode = broken === 0 ? 0 : 1;
}

function report({ minutes, seed, nemesis, load, world, daemons, broken, print }) {
  const count = (what) => load.acknowledged.filter((entry) => entry.what === what).length;
  const figures = {
    minutes, seed, faults: Object.fromEntries(nemesis.injected), daemon_ends: daemons.running.reduce((sum, { ends }) => sum + ends, 0),
    sessions: count('session'), inputs: count('input'), tasks: count('task'), repeated_statements: load.repeats,
    calls: world.calls.length, webhooks_received: world.received.length, webhooks_accepted: world.received.filter(({ accepted }) => accepted).length,
    bad_signatures: world.badSignatures, invariants_broken: broken,
  };
  writeFileSync(join(kFolder, 'report.json'), JSON.stringify(figures, null, 2) + '\n');
  const faults = [...nemesis.injected.values()].reduce((sum, n) => sum + n, 0);
  print(`${faults} faults, ${figures.daemon_ends} daemons ended, ${figures.sessions} sessions, ${figures.inputs} inputs, ${figures.tasks} tasks, ` +
    `${figures.calls} calls, ${figures.webhooks_received} webhooks, ${figures.bad_signatures} bad signatures: ${broken} invariants broken`);
  if (broken > 0) print(`to see it again: ./dev soak --minutes ${minutes} --seed ${seed}`);
}

await main();
