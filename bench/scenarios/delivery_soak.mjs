// The notifier's memory with 1,000 endpoints, of which 50 never answer and 50 refuse connections. SLUICE_SOAK_SECONDS makes it last longer.
import { readFileSync } from 'node:fs';
import { withDaemons } from '../harness/daemon.mjs';
import { until } from '../harness/measure.mjs';
import { emitEvenly } from '../harness/emitter.mjs';
import { startFastReceiver, startSilentReceiver } from '../harness/receiver.mjs';
import { row } from '../harness/report.mjs';

export const about = 'memory of a notifier with 1,000 endpoints, 100 of them dead';

const kDatabase = 'bench_delivery_soak';
const kEndpoints = 1000;
const kGroups = 100; // an event goes to the endpoints of one
const kDead = 50; // of each kind
const kEventsPerSecond = 50;
const kMostMebibytes = 64;
const kMostGrowth = 1.1;

const residentMebibytes = (pid) => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;

export async function run(bench) {
  const seconds = Number(process.env.SLUICE_SOAK_SECONDS ?? (bench.quick ? 12 : 120));
  await bench.databases.fresh(kDatabase);
  const receiver = await startFastReceiver(bench);
  const silent = await startSilentReceiver();
  try {
    return await bench.databases.with(kDatabase, async (client) => {
      await client.query(`select sluice.subscribe(format('%s/%s', case when n <= $3 then $2 when n <= 2 * $3 then 'http://127.0.0.1:9' else $1 end, n),
                                                  array['bench.' || n % $5]) from generate_series(1, $4::int) as n`,
        [receiver.url, silent.url, kDead, kEndpoints, kGroups]);
      return withDaemons(bench, ['listener', 'notifier'], kDatabase, async (_listener, notifier) => {
        const events = Math.ceil(kEventsPerSecond * seconds);
        const part = (from, count) => emitEvenly(client, kEventsPerSecond, count, `${from} `, (n) => `bench.${(from + n) % kGroups}`);
        await part(0, Math.floor(events / 4));
        const early = residentMebibytes(notifier.child.pid);
        await part(Math.floor(events / 4), events - Math.floor(events / 4));
        const wanted = (events * (kEndpoints - 2 * kDead)) / kGroups;
        await until('every delivery to a healthy endpoint', 60, async () => (await receiver.count()) >= Math.floor(wanted * 0.99));
        const late = residentMebibytes(notifier.child.pid);
        bench.note(`${seconds} s; ${early.toFixed(1)} MiB after a quarter, ${late.toFixed(1)} MiB at the end`);
        return [
          row({ name: 'delivery_soak.memory', value: notifier.peakMebibytes(), unit: 'MiB at most, notifier', goal: `≤ ${kMostMebibytes} MiB`, met: notifier.peakMebibytes() <= kMostMebibytes }),
          row({ name: 'delivery_soak.growth', value: late / early, unit: '× since the first quarter', goal: `≤ ${kMostGrowth}`, met: late / early <= kMostGrowth }),
        ];
      });
    });
  } finally {
    receiver.stop();
    silent.stop();
  }
}
