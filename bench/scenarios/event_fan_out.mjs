// Events made into deliveries by a listener: events/s with ten endpoints and with a thousand.
import { withDaemons } from '../harness/daemon.mjs';
import { until } from '../harness/measure.mjs';
import { row } from '../harness/report.mjs';

export const about = 'events fanned out into deliveries, to 10 and to 1,000 endpoints';

async function measure(bench, endpoints, events) {
  const name = `bench_fan_out_${endpoints}`;
  await bench.databases.fresh(name);
  return bench.databases.with(name, (client) => withDaemons(bench, ['listener'], name, async () => {
    await client.query(`select sluice.subscribe('https://example.org/' || n) from generate_series(1, $1::int) as n`, [endpoints]);
    await client.query(`select sluice.emit('order.paid', 'order ' || n, jsonb_build_object('order', n)) from generate_series(1, $1::int) as n`, [events]);
    const started = performance.now();
    await until('the fan-out', 600, async () => {
      const { rows } = await client.query("select events_behind::int as behind from sluice.consumer_lag where name = 'webhooks'");
      return rows[0].behind === 0;
    });
    const seconds = (performance.now() - started) / 1000;
    const { rows } = await client.query('select count(*)::int as stored from sluice.webhook_deliveries');
    if (rows[0].stored !== events * endpoints) throw new Error(`fan-out: ${rows[0].stored} deliveries of ${events * endpoints}`);
    return [
      row({ name: `event_fan_out.${endpoints}`, value: events / seconds, unit: 'events/s' }),
      row({ name: `event_fan_out.${endpoints}.deliveries`, value: (events * endpoints) / seconds, unit: 'deliveries/s' }),
    ];
  }));
}

export async function run(bench) {
  const few = await measure(bench, 10, bench.quick ? 1000 : 20_000);
  const many = await measure(bench, 1000, bench.quick ? 20 : 400);
  return [...few, ...many];
}
