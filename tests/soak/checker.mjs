// Decides every invariant from the database, the receivers' logs and what clients were told.
import { readFileSync } from 'node:fs';

const kShown = 5; // rows of a broken invariant
const kTried = 50; // rows among which the one with the shortest history is looked for
const kLongest = 60; // lines of a history
const kLoadRows = 2000;

async function fill(client, table, columns, rows) {
  for (let at = 0; at < rows.length; at += kLoadRows) {
    await client.query(`insert into ${table} (${columns}) select ${columns} from jsonb_populate_recordset(null::${table}, $1)`, [JSON.stringify(rows.slice(at, at + kLoadRows))]);
  }
}

// The ids of the events that a log consumer wrote to a daemon's log.
function* eventsIn(path) {
  for (const [, event] of readFileSync(path, 'utf8').matchAll(/ consumer=soak-log event=(\d+) /g)) yield { event: Number(event) };
}

export async function storeEvidence(client, { load, world, subscriber, nemesis, logs }) {
  await fill(client, 'soak.acknowledged', 'at, what, key, session_id', load.acknowledged);
  await fill(client, 'soak.calls', 'at, key', world.calls);
  await fill(client, 'soak.received', 'at, endpoint, id, session_id, key, type, revision, body, accepted', world.received);
  await fill(client, 'soak.seen', 'at, connection, session_id, type, revision', subscriber.seen);
  await fill(client, 'soak.faults', 'at, until, kind, detail', nemesis.injected.map(({ at, until, ...rest }) => ({ at: new Date(at), until: new Date(until), ...rest })));
  for (const path of logs) await fill(client, 'soak.logged', 'event', [...eventsIn(path)]);
  await client.query(`
    create index on soak.received (id); create index on soak.calls (key); create index on soak.effects (key); create index on soak.logged (event);
    create index on soak.revisions (session_id, no); create index on sluice.webhook_messages (event_id); create index on sluice.conversation_history (session_id);
    create index on sluice.webhook_attempts (delivery_id); analyze`);
}

// How many rows of each kind the invariants are judged on.
export async function countEvidence(client) {
  const tables = { sessions: 'sluice.conversation_sessions', revisions: 'soak.revisions', changes: 'soak.changes', handled: 'soak.handled', seen: 'soak.seen', logged: 'soak.logged',
    acknowledged: 'soak.acknowledged', calls: 'soak.calls', task_records: 'sluice.task_idempotency_records', messages: 'sluice.webhook_messages', attempts: 'sluice.webhook_attempts',
    received: 'soak.received', effects: 'soak.effects', ticks: 'soak.ticks', history: 'sluice.conversation_history' };
  const counts = {};
  for (const [name, table] of Object.entries(tables)) counts[name] = Number((await client.query(`select count(*) from ${table}`)).rows[0].count);
  return counts;
}

function invariants() {
  const text = readFileSync(new URL('invariants.sql', import.meta.url), 'utf8');
  return text.split(/^-- invariant: /m).slice(1).map((part) => {
    const end = part.indexOf('\n');
    return { sentence: part.slice(0, end), query: part.slice(end + 1) };
  });
}

// What is known of the subject of a broken row: the revisions beside the one that is wrong, when it names one.
async function historyOf(client, { session_id = null, key = null, event = null, message = null, before = null, revision = null }) {
  if ([session_id, key, event, message].every((subject) => subject === null)) return [];
  const known = [before, revision].filter((number) => number !== null);
  const [first, last] = known.length === 0 ? [null, null] : [Math.min(...known) - (before === null ? 1 : 0), Math.max(...known)];
  const query = readFileSync(new URL('history.sql', import.meta.url), 'utf8');
  const { rows } = await client.query(query, [session_id, key, event, message, first, last]);
  return rows;
}

async function shortestHistory(client, rows) {
  let shortest = [];
  for (const row of rows.slice(0, kTried)) {
    const history = await historyOf(client, row);
    if (history.length > 0 && (shortest.length === 0 || history.length < shortest.length)) shortest = history;
  }
  return shortest;
}

// Prints a line an invariant, and of one that is broken the shortest history that shows it; returns how many are broken.
export async function judge(client, print) {
  let broken = 0;
  for (const { sentence, query } of invariants()) {
    const { rows } = await client.query(query);
    print(`  ${rows.length === 0 ? 'holds ' : 'BROKEN'}  ${sentence}`);
    if (rows.length === 0) continue;
    broken += 1;
    for (const row of rows.slice(0, kShown)) print(`    ${JSON.stringify(row)}`);
    if (rows.length > kShown) print(`    and ${rows.length - kShown} more`);
    const history = await shortestHistory(client, rows);
    for (const { at, who, what } of history.slice(0, kLongest)) print(`      ${at?.toISOString().slice(11, 23) ?? ''.padEnd(12)}  ${who.padEnd(8)}  ${what}`);
    if (history.length > kLongest) print(`      and ${history.length - kLongest} more`);
  }
  return broken;
}
