// The same work done with graphile-worker, as somebody would who keeps sessions in a table and one named queue for each session.
import { join } from 'node:path';
import { start } from '../harness/children.mjs';
import { until, untilCounted } from '../harness/measure.mjs';

async function withGraphile(bench, database, use) {
  const command = ['node', join(bench.root, 'bench/peers/graphile_worker.mjs'), bench.databases.dsnOf(database)];
  const child = start(command, { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    await new Promise((resolve, reject) => {
      child.stdout.once('data', resolve);
      child.ended.then(({ code, signal }) => reject(new Error(`graphile-worker ended by itself (${signal ?? `exit code ${code}`})`)));
    });
    return await bench.databases.with(database, use);
  } finally {
    child.kill('SIGTERM');
    const late = setTimeout(() => child.kill('SIGKILL'), 10_000);
    await child.ended;
    clearTimeout(late);
  }
}

// Steps a second of the `sessions` sessions that the database's table holds; each session's next job is added by the transaction of its step.
export function graphileSteps(bench, database, sessions, stepsOfSession) {
  return withGraphile(bench, database, async (client) => {
    await bench.databases.psql(database, 'bench/peers/graphile_steps.sql', { last_revision: stepsOfSession });
    const started = performance.now();
    await client.query(`select graphile_worker.add_job('step', json_build_object('session', id, 'revision', revision), queue_name => id::text)
                          from sluice.conversation_sessions`);
    await until('the steps of graphile-worker', 600, async () => {
      const { rows } = await client.query("select count(*)::int as completed from sluice.conversation_sessions where status = 'completed'");
      return rows[0].completed === sessions;
    });
    return (sessions * stepsOfSession) / ((performance.now() - started) / 1000);
  });
}

// What `measure(client, enqueue)` makes of tasks of graphile-worker in `database`, which has a function bench.start.
export function graphileTasks(bench, database, measure) {
  const enqueue = (client, n) => client.query("select graphile_worker.add_job('start', json_build_object('n', $1::int))", [n]);
  return withGraphile(bench, database, (client) => measure(client, enqueue));
}

// Deliveries a second from a backlog, from the start of the first request to that of the last; each is logged. The worker that makes the tables goes
// before the jobs are added, so that they are a backlog, as ours is.
export async function graphileDeliveries(bench, database, receiver, body, events, endpoints) {
  await withGraphile(bench, database, async (client) => {
    await bench.databases.psql(database, 'bench/peers/graphile_deliveries.sql');
  });
  await bench.databases.with(database, (client) => client.query('select bench.add_deliveries($1, $2, $3, $4)', [receiver.url, body, events, endpoints]));
  const seen = await receiver.count();
  return withGraphile(bench, database, async (client) => {
    const count = events * endpoints;
    await until('the deliveries of graphile-worker', 600, async () => {
      const { rows } = await client.query('select count(*)::int as logged from bench.attempts');
      return rows[0].logged === count;
    });
    const requests = (await receiver.count()) - seen;
    if (requests !== count) throw new Error(`graphile-worker: ${requests} requests of ${count}`);
    const { rows } = await client.query('select extract(epoch from max(started_at) - min(started_at))::float8 as seconds from bench.attempts');
    return count / rows[0].seconds;
  });
}

// Tasks a second that do nothing, from a backlog of `count` that commits at once.
export function graphileNoops(bench, database, count) {
  return withGraphile(bench, database, async (client) => {
    await client.query('checkpoint');
    await client.query(`select graphile_worker.add_jobs(array_agg(json_populate_record(
                          null::graphile_worker.job_spec, json_build_object('identifier', 'noop', 'payload', json_build_object('n', n)))))
                          from generate_series(1, $1::int) as n`, [count]);
    const started = performance.now();
    await untilCounted('the tasks of graphile-worker', count, 600, async () => {
      const { rows } = await client.query('select count(*)::int as left from graphile_worker._private_jobs');
      return count - rows[0].left;
    });
    return count / ((performance.now() - started) / 1000);
  });
}
