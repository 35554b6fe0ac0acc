// How soon an idle worker starts a task: from the moment that enqueue's caller knows it committed to the first thing that the task does,
// which is to read the server's clock.
import { withDaemons } from '../harness/daemon.mjs';
import { latencyRows, sampleIdle } from '../harness/latency.mjs';
import { serverClockAhead, until, wallClock } from '../harness/measure.mjs';
import { graphileTasks } from '../peers/graphile.mjs';

export const about = 'from a committed enqueue to the start of the task, idle worker';

const kSetUp = `
  create schema bench;
  create table bench.started (n int primary key, at timestamptz not null);
  create function bench.start(argument jsonb) returns void language sql
    begin atomic insert into bench.started values ((argument ->> 'n')::int, clock_timestamp()); end`;

// Milliseconds between each commit of `enqueue(client, n)` and the row that its task writes.
async function samplesOf(client, count, enqueue) {
  const ahead = await serverClockAhead(client);
  const startedAt = async (n) => {
    const { rows } = await client.query('select extract(epoch from at)::float8 * 1000 as at from bench.started where n = $1', [n]);
    return rows[0]?.at;
  };
  return sampleIdle(count, async (n) => {
    await enqueue(client, n);
    const committed = wallClock() + ahead;
    let started;
    await until(`the start of task ${n}`, 10, async () => (started = await startedAt(n)));
    return started - committed;
  });
}

export async function run(bench) {
  const count = bench.quick ? 50 : 500;
  const databases = ['bench_tasks', 'bench_tasks_peer'];
  for (const name of databases) {
    await bench.databases.fresh(name);
    await bench.databases.with(name, (client) => client.query(kSetUp));
  }
  const enqueue = (client, n) => client.query("select sluice.enqueue('sql', $1)", [{ function: 'bench.start', argument: { n } }]);
  const samples = await withDaemons(bench, ['worker'], 'bench_tasks', () =>
    bench.databases.with('bench_tasks', (client) => samplesOf(client, count, enqueue)));
  const peer = await graphileTasks(bench, 'bench_tasks_peer', (client, enqueuePeer) => samplesOf(client, count, enqueuePeer));
  return latencyRows('task_latency', samples, { name: 'graphile-worker', samples: peer });
}
