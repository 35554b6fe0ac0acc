// Deliveries from a backlog to ten endpoints of nginx, signed and logged, against a bare libcurl loop that posts the same to the same nginx, and
// against graphile-worker with undici and `standardwebhooks`. The clock runs from the start of the first request to the last outcome committed.
import { join } from 'node:path';
import { run as runProgram } from '../harness/children.mjs';
import { walPosition } from '../harness/database.mjs';
import { cpuSeconds, withDaemons } from '../harness/daemon.mjs';
import { alternate, until, untilCounted, wallClock } from '../harness/measure.mjs';
import { startNginx } from '../harness/nginx.mjs';
import { row } from '../harness/report.mjs';
import { graphileDeliveries } from '../peers/graphile.mjs';

export const about = 'webhooks to ten endpoints of nginx, signed and logged';

const kEndpoints = 10;
const kInFlight = 64; // of the loop; a notifier has up to 8 an endpoint
const kGoal = 0.6;
const kPeerGoal = 3;

// What sluice.emit makes of the events below, give or take some digits.
const kBody = JSON.stringify({
  type: 'order.paid', event_type: 'order.paid', timestamp: '2026-01-02T03:04:05.678901Z', session_id: null, flow_id: null, user_id: null,
  key: 'order 1000', data: { order: 1000, text: 'words '.repeat(30), total: 4200 },
});

const subscribe = (client, receiver) =>
  client.query("select sluice.subscribe(format('%s/%s', $1::text, n)) from generate_series(1, $2::int) as n", [receiver.url, kEndpoints]);

// Events fanned out to all endpoints by a listener that has done its work and gone.
async function makeBacklog(bench, client, events) {
  await client.query(`select sluice.emit('order.paid', 'order ' || n, jsonb_build_object('order', n, 'total', 4200, 'text', repeat('words ', 30)))
                        from generate_series(1, $1::int) as n`, [events]);
  await withDaemons(bench, ['listener'], 'bench_deliveries', () => until('the fan-out', 120, async () => {
    const { rows } = await client.query('select count(*)::int as stored from sluice.webhook_deliveries');
    return rows[0].stored === events * kEndpoints;
  }));
  await client.query('vacuum analyze sluice.webhook_deliveries, sluice.webhook_messages');
  await client.query('checkpoint');
}

async function ours(bench, client, receiver, round, count) {
  await makeBacklog(bench, client, count / kEndpoints);
  const seen = await receiver.count();
  const before = await walPosition(client);
  return withDaemons(bench, ['notifier'], 'bench_deliveries', async (notifier) => {
    // The receiver is asked first: the metrics read /proc, which costs the notifier something.
    await untilCounted(`${count} requests`, seen + count, 600, receiver.count);
    await untilCounted(`${count} deliveries`, count, 600, () => notifier.metric('sluice_delivery_attempts_total', 'outcome="delivered"'));
    const ended = wallClock();
    const { rows: servers } = await client.query("select pid from pg_stat_activity where application_name = 'sluice notifier'");
    const began = await check(client, (await receiver.count()) - seen, count, round);
    return {
      rate: count / ((ended - began) / 1000),
      cpu: (notifier.cpuSeconds() / count) * 1e6,
      serverCpu: (servers.reduce((sum, { pid }) => sum + cpuSeconds(pid), 0) / count) * 1e6,
      wal: ((await walPosition(client)) - before) / count,
      memory: notifier.peakMebibytes(),
    };
  });
}

// The receiver saw each delivery once, and the log has each. Returns when the first of the round began, in milliseconds since the epoch.
async function check(client, requests, count, round) {
  const { rows } = await client.query(`
    select (select count(*)::int from sluice.webhook_deliveries) as waiting, count(*)::int as delivered,
           extract(epoch from min(started_at) filter (where place > $1))::float8 * 1000 as began
      from (select started_at, row_number() over (order by started_at) as place from sluice.webhook_attempts where outcome = 'delivered') as log`,
  [count * round]);
  const [{ waiting, delivered, began }] = rows;
  if (waiting !== 0 || delivered !== count * (round + 1) || requests !== count) {
    throw new Error(`deliveries: ${requests} requests of ${count}, ${waiting} still waiting, ${delivered} delivered in ${round + 1} rounds`);
  }
  return began;
}

export async function run(bench) {
  const count = (bench.quick ? 500 : 8000) * kEndpoints;
  await bench.databases.fresh('bench_deliveries');
  const receiver = await startNginx(bench);
  try {
    return await bench.databases.with('bench_deliveries', (client) => measure(bench, client, receiver, count));
  } finally {
    receiver.stop();
  }
}

async function measure(bench, client, receiver, count) {
  await subscribe(client, receiver);
  const loop = [join(bench.binaries, 'bench_curl_loop'), receiver.url, count, kInFlight, kEndpoints].map(String);
  const limit = async () => {
    const { per_second, cpu_seconds } = JSON.parse(await runProgram(loop, { input: kBody }));
    return { rate: per_second, cpu: (cpu_seconds / count) * 1e6 };
  };
  const result = await alternate(bench.quick ? 3 : 5, 'rate', limit, (round) => ours(bench, client, receiver, round, count));
  await bench.databases.fresh('bench_deliveries_peer');
  const peer = await graphileDeliveries(bench, 'bench_deliveries_peer', receiver, kBody, count / kEndpoints / 2, kEndpoints);
  const peerRatio = result.ours.rate / peer;
  bench.note(`graphile-worker ${Math.round(peer)} deliveries/s`);
  bench.note(`limit ${Math.round(result.limit.rate)} posts/s and ${result.limit.cpu.toFixed(1)} µs of processor time a post`);
  return [
    row({
      name: 'deliveries', value: result.ours.rate, unit: 'deliveries/s', limitRatio: result.ratio, peer: 'graphile-worker', peerRatio,
      goal: `≥ ${kGoal * 100} % of limit, ≥ ${kPeerGoal} × peer`, met: result.ratio >= kGoal && peerRatio >= kPeerGoal,
    }),
    row({ name: 'deliveries.cpu', value: result.ours.cpu, unit: 'µs/delivery of the notifier' }),
    row({ name: 'deliveries.server_cpu', value: result.ours.serverCpu, unit: 'µs/delivery of its server processes' }),
    row({ name: 'deliveries.wal', value: result.ours.wal, unit: 'WAL bytes/delivery' }),
    row({ name: 'deliveries.memory', value: result.ours.memory, unit: 'MiB at most, notifier' }),
  ];
}
