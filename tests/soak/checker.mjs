// Decides every invariant from the database and the receivers' logs.
import { readFileSync } from 'node:fs';

const kShown = 5; // rows of a broken invariant
const kLoadRows = 2000;

async function fill(client, table, columns, rows) {
  for (let at = 0; at < rows.length; at += kLoadRows) {
    await client.query(`insert into ${table} (${columns}) select ${columns} from jsonb_populate_recordset(null::${table}, $1)`, [JSON.stringify(rows.slice(at, at + kLoadRows))]);
  }
}

export async function storeEvidence(client, load, world) {
  await fill(client, 'soak.acknowledged', 'what, key, session_id', load.acknowledged);
  await fill(client, 'soak.calls', 'key', world.calls.map((key) => ({ key })));
  const received = world.received.map(({ endpoint, id, body, accepted }) => {
    const { session_id = null, type, data } = JSON.parse(body);
    return { endpoint, id, accepted, session_id, type, revision: data?.revision ?? null };
  });
  await fill(client, 'soak.received', 'endpoint, id, accepted, session_id, type, revision', received);
  await client.query('create index on soak.received (id); create index on soak.calls (key); create index on soak.effects (key); analyze');
}

function invariants() {
  const text = readFileSync(new URL('invariants.sql', import.meta.url), 'utf8');
  return text.split(/^-- invariant: /m).slice(1).map((part) => {
    const end = part.indexOf('\n');
    return { sentence: part.slice(0, end), query: part.slice(end + 1) };
  });
}

// The history of a session that breaks something, oldest first.
async function historyOf(client, session) {
  const { rows } = await client.query(
    `select r.no, 'committed' as what, r.revision, r.status || coalesce(' at ' || r.node, '') as detail from soak.revisions r where r.session_id = $1
     union all select h.no, 'handled', h.revision, h.type || ' ' || h.id from soak.handled h where h.session_id = $1
     order by 2, 1 limit 60`, [session]);
  return rows.map(({ what, revision, detail }) => `      ${what.padEnd(10)} revision ${revision}  ${detail}`);
}

// Prints a line an invariant; returns how many are broken.
export async function judge(client, print) {
  let broken = 0;
  for (const { sentence, query } of invariants()) {
    const { rows } = await client.query(query);
    print(`  ${rows.length === 0 ? 'holds ' : 'BROKEN'}  ${sentence}`);
    if (rows.length === 0) continue;
    broken += 1;
    for (const row of rows.slice(0, kShown)) print(`    ${JSON.stringify(row)}`);
    if (rows.length > kShown) print(`    and ${rows.length - kShown} more`);
    const session = rows.find((row) => row.session_id ?? row.id)?.session_id;
    if (session) for (const line of await historyOf(client, session)) print(line);
  }
  return broken;
}
