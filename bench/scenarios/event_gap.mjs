// A listener that slept through a very large number of events: how fast it catches up, and in how much memory.
import { withDaemons } from '../harness/daemon.mjs';
import { until } from '../harness/measure.mjs';
import { row } from '../harness/report.mjs';

export const about = 'catching up with a large gap, by an SQL handler and the log of lines';

const kMemoryGoal = 64; // MiB

const kSetUp = `
  create schema bench;
  create table bench.handled (events bigint, last bigint);
  create function bench.handle(events jsonb) returns void language sql as
    $$ insert into bench.handled select count(*), max((e ->> 'id')::bigint) from jsonb_array_elements(events) as e $$;
  select sluice.on_event('bench', '{*}', 'bench.handle(jsonb)')`;

// As the trigger writes them, but by one statement for many.
const kEvents = `
  insert into sluice.flow_events (slot, event_type, session_id, body)
  select sluice_private.current_slot(), 'node_changed', gen_random_uuid(),
         sluice_private.event_body('node_changed', '2026-01-02T03:04:05.678901Z', null, null, null,
                                   sluice_private.session_data('b', 'a', 'active', 'active', n, n - 1))
    from generate_series(1, $1::int) as n`;

export async function run(bench) {
  const events = bench.quick ? 50_000 : 5_000_000;
  await bench.databases.fresh('bench_gap');
  return bench.databases.with('bench_gap', async (client) => {
    await client.query(kSetUp);
    for (let made = 0; made < events; made += 250_000) await client.query(kEvents, [Math.min(250_000, events - made)]);
    await client.query('analyze sluice.flow_events');
    const started = performance.now();
    return withDaemons(bench, ['listener'], 'bench_gap', async (listener) => {
      await until(`${events} events to be handled`, 3600, async () => {
        listener.mustRun();
        const { rows } = await client.query('select coalesce(sum(events), 0)::int as handled from bench.handled');
        return rows[0].handled >= events;
      });
      const seconds = (performance.now() - started) / 1000;
      const { rows } = await client.query('select sum(events)::int as handled from bench.handled');
      if (rows[0].handled !== events) throw new Error(`event_gap: ${rows[0].handled} events handled of ${events}`);
      const memory = listener.peakMebibytes();
      return [
        row({ name: 'event_gap', value: events / seconds, unit: `events/s of ${events}, beside relay and webhooks` }),
        row({ name: 'event_gap.memory', value: memory, unit: 'MiB at most, listener', goal: `≤ ${kMemoryGoal} MiB`, met: memory <= kMemoryGoal }),
      ];
    });
  });
}
