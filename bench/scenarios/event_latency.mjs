// How soon an idle listener acts: from the moment that the writer knows it committed to the first statement of an SQL handler (the server's
// clock), and to the relay's notification at a plain LISTEN client.
import { withDaemons } from '../harness/daemon.mjs';
import { latencyRows, sampleIdle } from '../harness/latency.mjs';
import { serverClockAhead, until, wallClock } from '../harness/measure.mjs';

export const about = 'from a commit to the SQL handler and to the relay\'s notification, idle listener';

const kSetUp = `
  create schema bench;
  create table bench.handled (n int, at timestamptz);
  create function bench.handle(events jsonb) returns void language sql as
    $$ insert into bench.handled select (e ->> 'key')::int, clock_timestamp() from jsonb_array_elements(events) as e $$;
  select sluice.on_event('bench', '{bench.rang}', 'bench.handle(jsonb)')`;

async function handlerSamples(client, committed, ahead) {
  let rows;
  await until('the handler to see every event', 10, async () => {
    ({ rows } = await client.query('select n, extract(epoch from at)::float8 * 1000 as at from bench.handled order by n'));
    return rows.length === committed.length;
  });
  return rows.map(({ n, at }) => at - (committed[n] + ahead));
}

export async function run(bench) {
  await bench.databases.fresh('bench_events');
  const committed = [];
  const sampled = await withDaemons(bench, ['listener'], 'bench_events', () =>
    bench.databases.with('bench_events', (writer) => bench.databases.with('bench_events', async (reader) => {
      await writer.query(kSetUp);
      let heard = () => {};
      reader.on('notification', () => heard(performance.now()));
      await reader.query('listen flow_events');
      const ahead = await serverClockAhead(writer);
      const relayed = await sampleIdle(bench.quick ? 50 : 500, async (n) => {
        const notified = new Promise((resolve, reject) => {
          heard = resolve;
          setTimeout(() => reject(new Error(`no notification of event ${n} within 10 s`)), 10_000).unref();
        });
        await writer.query("select sluice.emit('bench.rang', $1)", [String(n)]);
        const now = performance.now();
        committed.push(wallClock());
        return (await notified) - now;
      });
      return { relayed, handled: await handlerSamples(reader, committed, ahead) };
    })));
  return [...latencyRows('event_latency', sampled.handled), ...latencyRows('event_latency.relay', sampled.relayed)];
}
