// Tasks that do nothing, from a deep backlog: what a task costs besides its work. Ours are calls of an SQL function that is empty, each ended
// with a record; the peer's are JavaScript functions that are empty. Both backlogs are one transaction; the clock runs from its commit.
import { walPosition } from '../harness/database.mjs';
import { withDaemons } from '../harness/daemon.mjs';
import { median, untilCounted } from '../harness/measure.mjs';
import { row } from '../harness/report.mjs';
import { graphileNoops } from '../peers/graphile.mjs';

export const about = 'tasks that do nothing, from a deep backlog, one worker process';

const kGoal = 2; // times the peer
const kMostMebibytes = 64;

async function ours(bench, worker, client, count) {
  await client.query('checkpoint');
  await client.query("select sluice.enqueue('sql', jsonb_build_object('function', 'bench.noop', 'argument', jsonb_build_object('n', n))) from generate_series(1, $1::int) as n", [count]);
  const [walBefore, cpuBefore, started] = [await walPosition(client), worker.cpuSeconds(), performance.now()];
  await untilCounted('the tasks', count, 600, async () => {
    const { rows } = await client.query("select count(*)::int as left from sluice_private.tasks where kind = 'sql'");
    return count - rows[0].left;
  });
  const rate = count / ((performance.now() - started) / 1000);
  return { rate, cpu: ((worker.cpuSeconds() - cpuBefore) / count) * 1e6, wal: ((await walPosition(client)) - walBefore) / count };
}

// Every task left its record.
async function check(client, count) {
  const { rows } = await client.query("select count(*)::int as records from sluice.task_idempotency_records where status = 'completed' and kind = 'sql'");
  if (rows[0].records !== count) throw new Error(`tasks: ${rows[0].records} records, expected ${count}`);
}

export async function run(bench) {
  const count = bench.quick ? 30_000 : 200_000;
  const rounds = 3;
  await bench.databases.fresh('bench_noops');
  let memory;
  const results = await bench.databases.with('bench_noops', async (client) => {
    await client.query("create schema bench; create function bench.noop(argument jsonb) returns void language plpgsql as 'begin end'");
    return withDaemons(bench, ['worker'], 'bench_noops', async (worker) => {
      const all = [];
      for (let round = 0; round < rounds; ++round) all.push(await ours(bench, worker, client, count));
      await check(client, rounds * count);
      memory = worker.peakMebibytes();
      return all;
    });
  });
  await bench.databases.fresh('bench_noops_peer');
  const peers = [];
  for (let round = 0; round < rounds; ++round) peers.push(await graphileNoops(bench, 'bench_noops_peer', count));
  const of = (name) => median(results.map((result) => result[name]));
  const peerRatio = of('rate') / median(peers);
  bench.note(`rounds of ${results.map(({ rate }) => Math.round(rate)).join(', ')} tasks/s; graphile-worker ${peers.map(Math.round).join(', ')}`);
  return [
    row({ name: 'tasks', value: of('rate'), unit: 'tasks/s', peer: 'graphile-worker', peerRatio, goal: `≥ ${kGoal} × peer`, met: peerRatio >= kGoal }),
    row({ name: 'tasks.cpu', value: of('cpu'), unit: 'µs/task of the worker' }),
    row({ name: `tasks.memory with ${count} queued`, value: memory, unit: 'MiB at most', goal: `≤ ${kMostMebibytes} MiB`, met: memory <= kMostMebibytes }),
    row({ name: 'tasks.wal', value: of('wal'), unit: 'WAL bytes/task' }),
  ];
}
