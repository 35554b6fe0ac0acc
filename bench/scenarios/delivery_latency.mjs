// How soon a committed event is at its receiver while 500 a second come, and what endpoints that take connections and never answer do to the
// others: from the moment that the writer knows it committed to the first byte that the receiver reads. Writer and receiver are processes of their
// own and cost little, because the machine is what is measured.
import { withDaemons } from '../harness/daemon.mjs';
import { percentile, until } from '../harness/measure.mjs';
import { emitApart } from '../harness/emitter.mjs';
import { startNotingReceiver, startSilentReceiver } from '../harness/receiver.mjs';
import { row } from '../harness/report.mjs';

export const about = 'from a commit to the receiver at 500 deliveries/s; with 1 and with 10 of 100 endpoints dead';

const kDeliveriesPerSecond = 500;
const kP50Goal = 4;
const kP99Goal = 15;
const kOthersGoal = 1.2; // × the p99 without a dead endpoint

// Milliseconds from commit to arrival at the healthy ones of `endpoints` endpoints, of which `dead` never answer.
async function latencies(bench, endpoints, dead, seconds) {
  const database = await bench.databases.fresh(`bench_delivery_latency_${endpoints}_${dead}`);
  const receiver = await startNotingReceiver(bench);
  const silent = await startSilentReceiver();
  try {
    return await bench.databases.with(database, async (client) => {
      await client.query("select sluice.subscribe(format('%s/%s', case when n <= $3 then $2::text else $1::text end, n)) from generate_series(1, $4::int) as n",
        [receiver.url, silent.url, dead, endpoints]);
      return withDaemons(bench, ['listener', 'notifier'], database, async () => {
        const healthy = endpoints - dead;
        const perSecond = kDeliveriesPerSecond / endpoints;
        const warm = await emitApart(bench, database, perSecond, Math.ceil(perSecond), 'warm ');
        const committed = await emitApart(bench, database, perSecond, Math.ceil(perSecond * seconds), 'event ');
        await until('every delivery to a healthy endpoint', 30, async () => (await receiver.count()) >= (warm.size + committed.size) * healthy);
        return (await receiver.arrivals()).filter(({ key }) => committed.has(key)).map(({ key, at }) => at - committed.get(key));
      });
    });
  } finally {
    receiver.stop();
    silent.stop();
  }
}

export async function run(bench) {
  const seconds = bench.quick ? 4 : 20;
  const steady = await latencies(bench, 1, 0, seconds);
  const [none, one, ten] = [await latencies(bench, 100, 0, seconds), await latencies(bench, 100, 1, seconds), await latencies(bench, 100, 10, seconds)];
  const p99 = (samples) => percentile(samples, 0.99);
  const goal = (share, limit) => ({ value: percentile(steady, share), unit: 'ms', goal: `≤ ${limit} ms`, met: percentile(steady, share) <= limit });
  const others = (samples) => ({
    value: p99(samples), unit: 'ms', limitRatio: p99(samples) / p99(none), goal: `≤ ${kOthersGoal} × none dead`, met: p99(samples) <= kOthersGoal * p99(none),
  });
  bench.note(`${steady.length} deliveries to one endpoint; ${none.length}, ${one.length} and ${ten.length} to the healthy ones of 100`);
  return [
    row({ name: 'delivery_latency.p50', ...goal(0.5, kP50Goal) }),
    row({ name: 'delivery_latency.p99', ...goal(0.99, kP99Goal) }),
    row({ name: 'delivery_latency.100.p99', value: p99(none), unit: 'ms' }),
    row({ name: 'delivery_latency.1_dead.p99', ...others(one) }),
    row({ name: 'delivery_latency.10_dead.p99', ...others(ten) }),
  ];
}
