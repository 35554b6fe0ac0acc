// How soon an idle listener's relay tells a plain LISTEN client: from the moment that the writer knows it committed to the notification.
import { withDaemons } from '../harness/daemon.mjs';
import { latencyRows, sampleIdle } from '../harness/latency.mjs';

export const about = 'from a commit to the notification of the relay, idle listener';

export async function run(bench) {
  await bench.databases.fresh('bench_events');
  const samples = await withDaemons(bench, ['listener'], 'bench_events', () =>
    bench.databases.with('bench_events', (writer) => bench.databases.with('bench_events', async (reader) => {
      let heard = () => {};
      reader.on('notification', () => heard(performance.now()));
      await reader.query('listen flow_events');
      return sampleIdle(bench.quick ? 50 : 500, async (n) => {
        const notified = new Promise((resolve, reject) => {
          heard = resolve;
          setTimeout(() => reject(new Error(`no notification of event ${n} within 10 s`)), 10_000).unref();
        });
        await writer.query("select sluice.emit('bench.rang', $1)", [String(n)]);
        const committed = performance.now();
        return (await notified) - committed;
      });
    })));
  return latencyRows('event_latency', samples);
}
