// A writer that emits events at a steady pace, each in a transaction of its own. Run as a program it is a process of its own, so that what else
// the bench does holds nothing up: emitter.mjs DSN PER_SECOND EVENTS PREFIX prints when each was committed.
import pg from 'pg';
import { fileURLToPath } from 'node:url';
import { run } from './children.mjs';
import { wallClock } from './measure.mjs';

// Returns when each was committed, in milliseconds since the epoch, by its key, which is its number in text after `prefix`. `typeOf(n)` is the
// n-th one's type.
export async function emitEvenly(client, perSecond, events, prefix, typeOf = () => 'bench.paid') {
  const committed = new Map();
  const started = performance.now();
  for (let n = 0; n < events; ++n) {
    const wait = started + (n * 1000) / perSecond - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    const key = `${prefix}${n}`;
    await client.query({ name: 'emit', text: "select sluice.emit($1, $2, '{\"total\": 4200}')", values: [typeOf(n), key] });
    committed.set(key, wallClock());
  }
  return committed;
}

// The same in a process of its own.
export async function emitApart(bench, database, perSecond, events, prefix) {
  const program = fileURLToPath(import.meta.url);
  return new Map(JSON.parse(await run([process.execPath, program, bench.databases.dsnOf(database), perSecond, events, prefix].map(String))));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [dsn, perSecond, events, prefix] = process.argv.slice(2);
  const client = new pg.Client({ connectionString: dsn, application_name: 'bench' });
  await client.connect();
  console.log(JSON.stringify([...(await emitEvenly(client, Number(perSecond), Number(events), prefix))]));
  await client.end();
}
