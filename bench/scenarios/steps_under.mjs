// The same full steps with what piles up in a database that has been in use, and with more worker processes: each case in a database of its
// own, next to a run without it, because the machine's speed drifts from minute to minute.
import { join } from 'node:path';
import { withDaemons } from '../harness/daemon.mjs';
import { barChart } from '../harness/chart.mjs';
import { median } from '../harness/measure.mjs';
import { row } from '../harness/report.mjs';
import { startSessions, timedSteps, withFlow } from './steps.mjs';

export const about = 'full steps with a transaction held open, a million finished rows, 100,000 idle sessions, and 1 to 8 workers';

const kWorkers = 2;
const kWithin = 0.9; // of the rate without
const kFinished = 1_000_000;
const kIdle = 100_000;

// What stands in the way while `use` runs.
const kCases = {
  'a transaction held open': async (bench, database, use) =>
    bench.databases.with(database, async (client) => {
      await client.query('begin');
      await client.query('select pg_current_xact_id(), count(*) from sluice.conversation_sessions');
      return use();
    }),
  'a million finished rows': async (bench, database, use) => {
    await bench.databases.with(database, (client) => client.query(`
      insert into sluice.task_idempotency_records (idempotency_key, status, session_id, node_id, session_revision, task_id, kind)
      select 'finished ' || n, 'completed', gen_random_uuid(), 'node_0', 1, -n, 'action' from generate_series(1, ${kFinished}) as n`));
    await bench.databases.with(database, (client) => client.query(`
      insert into sluice.conversation_history (session_id, node_id, interaction_type, content)
      select gen_random_uuid(), 'node_0', 'action', '{"done": ["increment"]}' from generate_series(1, ${kFinished}) as n`));
    return use();
  },
  '100,000 idle sessions': async (bench, database, use) => {
    await bench.databases.with(database, async (client) => {
      await client.query("select sluice.pause_queue('default')");
      await startSessions(client, kIdle);
      await client.query("delete from sluice_private.tasks where kind = 'start'");
      await client.query("update sluice.conversation_sessions set wait = '{\"for\": \"input\"}'");
    });
    return use();
  },
};

let databases = 0;
async function freshFlow(bench) {
  const name = `bench_under_${(databases += 1)}`;
  await withFlow(bench, name);
  return name;
}

async function rateOf(bench, database, workers, sessions) {
  return withDaemons(bench, Array(workers).fill('worker'), database, async (...daemons) =>
    (await timedSteps(bench, database, daemons, sessions)).rate);
}

// Medians of rounds that alternate between the case and a database without it.
async function compare(bench, name, sessions) {
  const rates = { with: [], without: [] };
  for (let round = 0; round < (bench.quick ? 1 : 3); ++round) {
    rates.without.push(await rateOf(bench, await freshFlow(bench), kWorkers, sessions));
    const database = await freshFlow(bench);
    rates.with.push(await kCases[name](bench, database, () => rateOf(bench, database, kWorkers, sessions)));
  }
  return { rate: median(rates.with), ratio: median(rates.with.map((rate, round) => rate / rates.without[round])), without: median(rates.without) };
}

export async function run(bench) {
  const sessions = bench.quick ? 1024 : 4096;
  const rows = [];
  const bars = [];
  for (const name of Object.keys(kCases)) {
    const { rate, ratio, without } = await compare(bench, name, sessions);
    bench.note(`${name}: ${Math.round(rate)} steps/s, ${Math.round(without)} without`);
    bars.push({ label: name, value: rate });
    rows.push(row({ name: `steps_under: ${name}`, value: rate, unit: 'steps/s', limitRatio: ratio, goal: `≥ ${kWithin * 100} % of without`, met: ratio >= kWithin }));
  }
  for (const workers of [1, 2, 4, 8]) {
    const rate = await rateOf(bench, await freshFlow(bench), workers, sessions);
    bars.push({ label: `${workers} ${workers === 1 ? 'worker' : 'workers'}`, value: rate });
    rows.push(row({ name: `steps_under: ${workers} workers`, value: rate, unit: 'steps/s' }));
  }
  barChart(join(bench.folder, 'steps_under.svg'), 'full session steps a second', bars);
  bench.note('drawn in build/bench/steps_under.svg');
  return rows;
}
