// Full session steps: sessions that each go through ten action nodes, by a worker, against set-based SQL that knows beforehand which rows
// it writes (bench/sql). Both write, for each step: claim, session, one row of history, record, event, task gone, next task; of a
// session's eleven steps the first leaves no history and no record, and the last no next task.
import { walPosition } from '../harness/database.mjs';
import { withDaemons } from '../harness/daemon.mjs';
import { alternate, untilCounted } from '../harness/measure.mjs';
import { row } from '../harness/report.mjs';
import { graphileSteps } from '../peers/graphile.mjs';

export const about = 'full session steps, each with claim, state, history, event, record and next task committed';

const kNodes = 10;
const kStepsOfSession = kNodes + 1; // the start step enters the first node
const kWorkers = 2; // processes; the limit has as many connections
const kBatch = 128; // what a worker commits at once
const kGoal = 0.75;
const kPeerGoal = 10;
const kState = { user: { name: 'Ada Lovelace', age: 36 }, variables: { n: 1, text: 'words '.repeat(60) }, temp: {} };

function flow() {
  const nodes = Array.from({ length: kNodes }, (_, index) => ({
    node_id: `node_${index}`,
    node_type: 'action',
    content: {
      actions: index % 2 === 0
        ? [{ type: 'increment', variable: 'n' }]
        : [{ type: 'set_variable', variable: 'greeting', value: 'Hello {{user.name}}' }],
    },
  }));
  const connections = nodes.slice(1).map(({ node_id }, index) => ({
    source_node_id: nodes[index].node_id, target_node_id: node_id, connection_type: 'success',
  }));
  return { name: 'ten actions', entry_node_id: 'node_0', nodes, connections };
}

export async function withFlow(bench, name) {
  await bench.databases.fresh(name);
  await bench.databases.with(name, (client) => client.query('select sluice.publish_flow(sluice.import_flow($1))', [flow()]));
}

export const startSessions = (client, count) =>
  client.query("select sluice.start_session('ten actions', initial_state => $1) from generate_series(1, $2)", [kState, count]);

// What came before is swept away and on disk, and neither side pays for waking a listener: the flag says that one is awake.
async function settle(client) {
  await client.query('vacuum analyze sluice.conversation_sessions, sluice_private.tasks');
  await client.query('checkpoint');
  await client.query("select sluice_private.lower_flag('events')");
}

export async function limit(bench, sessions) {
  const clients = 2;
  const transactions = Math.ceil((sessions * kStepsOfSession) / kBatch / clients);
  const variables = { batch: kBatch, per_client: Math.floor(sessions / clients / kBatch) * kBatch };
  return bench.databases.with('bench_steps_limit', async (client) => {
    await settle(client);
    const before = await walPosition(client);
    const tps = await bench.databases.pgbench('bench_steps_limit', 'bench/sql/steps_limit.sql', { clients, transactions, variables });
    return { rate: tps * kBatch, wal: ((await walPosition(client)) - before) / (transactions * clients * kBatch) };
  });
}

// The sessions wait in a paused queue while the workers are idle; the clock runs from the end of the pause to the last commit.
export async function timedSteps(bench, database, workers, sessions) {
  return bench.databases.with(database, async (client) => {
    await client.query("select sluice.pause_queue('default')");
    await startSessions(client, sessions);
    await settle(client);
    const sum = (values) => values.reduce((total, value) => total + value, 0);
    const ended = async () => sum(await Promise.all(workers.map((worker) => worker.metric('sluice_tasks_ended_total', 'outcome="applied"'))));
    const cpuSeconds = () => sum(workers.map((worker) => worker.cpuSeconds()));
    const steps = sessions * kStepsOfSession;
    const goal = (await ended()) + steps;
    const walBefore = await walPosition(client);
    const cpuBefore = cpuSeconds();
    await client.query("select sluice.resume_queue('default')");
    const started = performance.now();
    await untilCounted(`${steps} steps`, goal, 600, ended);
    const seconds = (performance.now() - started) / 1000;
    const cpu = cpuSeconds() - cpuBefore;
    const wal = (await walPosition(client)) - walBefore;
    return { rate: steps / seconds, cpu: (cpu / steps) * 1e6, wal: wal / steps, memory: Math.max(...workers.map((worker) => worker.peakMebibytes())) };
  });
}

async function ours(bench, workers, round, sessions) {
  const result = await timedSteps(bench, 'bench_steps', workers, sessions);
  await bench.databases.with('bench_steps', (client) => check(client, sessions * (round + 1)));
  return result;
}

// All sessions so far went all the way, and each step left what it should.
async function check(client, sessions) {
  const { rows } = await client.query(`
    select (select count(*)::int from sluice.conversation_sessions where status = 'completed' and revision = $1) as completed,
           (select count(*)::int from sluice.conversation_history) as history,
           (select count(*)::int from sluice.task_idempotency_records where status = 'completed') as records,
           (select count(*)::int from sluice.flow_events) as events`, [kStepsOfSession + 1]);
  const expected = { completed: sessions, history: sessions * kNodes, records: sessions * kNodes, events: sessions * (kStepsOfSession + 1) };
  for (const [what, count] of Object.entries(expected)) {
    if (rows[0][what] !== count) throw new Error(`steps: ${rows[0][what]} rows of ${what}, expected ${count}`);
  }
}

// The same sessions in the same table, but their steps are graphile-worker's jobs.
async function peerRate(bench, sessions) {
  await withFlow(bench, 'bench_steps_peer');
  await bench.databases.with('bench_steps_peer', async (client) => {
    await startSessions(client, sessions);
    await client.query('truncate sluice_private.tasks; create schema bench');
    await settle(client);
  });
  return graphileSteps(bench, 'bench_steps_peer', sessions, kStepsOfSession);
}

export async function run(bench) {
  const sessions = bench.quick ? 1024 : 8192;
  await bench.databases.fresh('bench_steps_limit');
  await bench.databases.psql('bench_steps_limit', 'bench/sql/steps_setup.sql', { sessions, history_rows: 1 });
  await withFlow(bench, 'bench_steps');
  const result = await withDaemons(bench, Array(kWorkers).fill('worker'), 'bench_steps', (...workers) =>
    alternate(bench.quick ? 3 : 5, 'rate', () => limit(bench, sessions), (round) => ours(bench, workers, round, sessions)));
  const peer = await peerRate(bench, bench.quick ? 30 : 500);
  const peerRatio = result.ours.rate / peer;
  bench.note(`limit ${Math.round(result.limit.rate)} steps/s and ${Math.round(result.limit.wal)} WAL bytes a step; graphile-worker ${Math.round(peer)} steps/s`);
  bench.note(`rounds at ${result.ratios.map((ratio) => Math.round(ratio * 100)).join(', ')} % of the limit`);
  return [
    row({
      name: 'steps', value: result.ours.rate, unit: 'steps/s', limitRatio: result.ratio, peer: 'graphile-worker', peerRatio,
      goal: `≥ ${kGoal * 100} % of limit, ≥ ${kPeerGoal} × peer`, met: result.ratio >= kGoal && peerRatio >= kPeerGoal,
    }),
    row({ name: 'steps.cpu', value: result.ours.cpu, unit: 'µs/step of the worker' }),
    row({ name: 'steps.wal', value: result.ours.wal, unit: 'WAL bytes/step' }),
    row({ name: 'steps.memory', value: result.ours.memory, unit: 'MiB at most, worker' }),
  ];
}
