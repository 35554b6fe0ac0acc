// The console at 10,000 sessions and 1,000 endpoints: how long each of its questions takes, request and answer, and when a page is painted first.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { launch, open } from '../../tests/console/browser.mjs';
import { start } from '../harness/children.mjs';
import { withDaemons } from '../harness/daemon.mjs';
import { median, percentile, untilCounted } from '../harness/measure.mjs';
import { startFastReceiver } from '../harness/receiver.mjs';
import { row } from '../harness/report.mjs';

export const about = 'the console at 10,000 sessions and 1,000 endpoints: questions and first paint';

const kDatabase = 'bench_console';
const kQuestionGoal = 50; // ms
const kPaintGoal = 300; // ms
const kRefusing = 'http://127.0.0.1:9/'; // nobody listens there

const kFlow = {
  name: 'order', version: '1.0', entry_node_id: 'hello',
  nodes: [
    { node_id: 'hello', node_type: 'message', content: { messages: [{ type: 'text', text: 'Hello!' }] } },
    { node_id: 'ask_name', node_type: 'question', content: { question: 'What is your name?', input_type: 'text', variable: 'user.name' } },
    { node_id: 'note', node_type: 'action', content: { actions: [{ type: 'set_variable', variable: 'greeting', value: 'Hello {{user.name}}' }] } },
    { node_id: 'ask_size', node_type: 'question', content: { question: 'Which size, {{user.name}}?', input_type: 'text', variable: 'size' } },
    { node_id: 'bye', node_type: 'message', content: { messages: [{ type: 'text', text: 'It is on its way.' }] } },
  ],
  connections: [['hello', 'ask_name'], ['ask_name', 'note'], ['note', 'ask_size'], ['ask_size', 'bye']]
    .map(([source_node_id, target_node_id]) => ({ source_node_id, target_node_id, connection_type: 'default' })),
};

const kFailing = `
  create schema bench;
  create function bench.fail(argument jsonb) returns void language plpgsql as $$ begin raise exception 'the partner is closed'; end $$`;

// A third of the sessions are at either question, a third has ended. A hundred endpoints refuse all that is sent to them; a thousand tasks wait
// in a paused queue, five hundred have failed for good.
async function fill(bench, client, sessions) {
  const ask = async (text, ...values) => Object.values((await client.query(text, values)).rows[0] ?? {})[0];
  const count = async (text) => Number(await ask(text));
  const receiver = await startFastReceiver(bench);
  await ask('select sluice.publish_flow(sluice.import_flow($1))', kFlow);
  await ask('select sluice.keep_state_changes(true)');
  await ask(`select count(*) from generate_series(1, 900) as n, sluice.subscribe($1 || '/' || n, '{order.paid}')`, receiver.url);
  await ask(`select count(*) from generate_series(1, 100) as n, sluice.subscribe($1 || n, '{order.paid}', options => '{"retry_schedule": [0, 3600]}')`, kRefusing);
  await client.query(kFailing);
  await ask("select sluice.pause_queue('later')");
  await ask(`select count(sluice.enqueue('http', '{"url": "${kRefusing}"}', queue => 'later')) from generate_series(1, 1000)`);
  await withDaemons(bench, ['worker', 'listener', 'notifier'], kDatabase, async () => {
    await ask("select count(sluice.start_session('order', gen_random_uuid(), $2)) from generate_series(1, $1::int)", sessions, { note: 'words '.repeat(40) });
    const waits = (node) => count(`select count(*) from sluice.conversation_sessions where current_node_id = '${node}' and wait is not null`);
    const speak = (share) => ask(`select count(sluice.send_input(session_token, '{"text": "Ada"}')) from sluice.conversation_sessions
      where status = 'active' and wait is not null and get_byte(uuid_send(id), 3) < $1`, share);
    const third = await count('select count(*) from sluice.conversation_sessions where get_byte(uuid_send(id), 3) < 170');
    const end = await count('select count(*) from sluice.conversation_sessions where get_byte(uuid_send(id), 3) < 85');
    await untilCounted('the first question', sessions, 300, () => waits('ask_name'));
    await speak(170);
    await untilCounted('the second question', third, 300, () => waits('ask_size'));
    await ask(`select count(sluice.send_input(session_token, '{"text": "XL"}')) from sluice.conversation_sessions where current_node_id = 'ask_size' and get_byte(uuid_send(id), 3) < 85`);
    await untilCounted('the end', end, 300, () => count("select count(*) from sluice.conversation_sessions where status = 'completed'"));
    await ask(`select count(sluice.emit('order.paid', 'order ' || n, jsonb_build_object('order', n))) from generate_series(1, 20) as n`);
    // The breakers of those that refuse open long before their twentieth.
    await untilCounted('the deliveries', 18_000, 300, () => count("select count(*) from sluice.webhook_attempts where outcome = 'delivered'"));
    await ask(`select count(sluice.enqueue('sql', '{"function": "bench.fail", "argument": {}}', queue => 'partner', max_attempts => 1)) from generate_series(1, 500)`);
    await untilCounted('the failed tasks', 500, 300, () => count('select count(*) from sluice.task_failures'));
  });
  receiver.stop();
  await client.query('vacuum analyze');
}

async function startConsole(bench) {
  const child = start([bench.sluice, 'console', '--dsn', bench.databases.dsnOf(kDatabase), '--listen', '127.0.0.1:0'], { stdio: ['ignore', 'pipe', 'ignore'] });
  const link = await new Promise((resolve, reject) => {
    let text = '';
    child.stdout.on('data', (more) => {
      text += more;
      const found = /http:\/\/\S+token=\S+\n/.exec(text);
      if (found) resolve(found[0].trim());
    });
    child.ended.then(() => reject(new Error(`sluice console ended by itself: ${text}`)));
  });
  const answer = await fetch(link, { redirect: 'manual' });
  return { child, link, origin: new URL(link).origin, cookie: answer.headers.get('set-cookie').split(';')[0] };
}

// Every question that the page asks, with filters that find much, little and nothing.
async function questions(client) {
  const one = async (text) => Object.values((await client.query(text)).rows[0])[0];
  const session = await one("select id from sluice.conversation_sessions where status = 'completed' limit 1");
  const user = await one('select user_id from sluice.conversation_sessions limit 1');
  const endpoint = await one("select id from sluice.webhook_endpoints where url like 'http://127.0.0.1:9/%' limit 1");
  const task = await one('select max(task_id) from sluice.task_failures');
  const delivery = await one('select max(delivery_id) from sluice.webhook_attempts');
  const oldest = await one('select id from sluice.conversation_sessions order by started_at, id limit 1');
  return [
    'overview', 'flows', 'flows/order',
    'sessions', 'sessions?status=completed', 'sessions?flow=order&q=ask_size', 'sessions?q=nobody', `sessions?q=${oldest.slice(0, 13)}`, `sessions?q=${user}`, `sessions/${session}`,
    'tasks', 'tasks?status=failed', 'tasks?queue=later&kind=http', 'tasks?kind=timer', `tasks?session=${session}`, `tasks/${task}`,
    'deliveries', 'deliveries?status=pending', 'deliveries?status=dead', `deliveries?endpoint=${endpoint}`, 'deliveries?event_type=order.paid', `deliveries/${delivery}`,
    'endpoints', 'endpoints?q=/777', 'endpoints?status=disabled', `endpoints/${endpoint}`,
    'events', 'events?type=order.*', `events?session=${session}`, 'audit',
  ].map((path) => ({ path, name: path.replace(session, 'ID').replace(user, 'USER').replace(endpoint, 'ID').replace(task, 'ID').replace(delivery, 'ID').replace(oldest.slice(0, 13), 'OLDEST') }));
}

// The median beside it tells how much of the worst is the machine's.
const judged = (name, samples, goal) => {
  const worst = percentile(samples, 0.95);
  return [
    row({ name: `console.${name}.p50`, value: median(samples), unit: 'ms' }),
    row({ name: `console.${name}.p95`, value: worst, unit: 'ms', goal: `≤ ${goal} ms`, met: worst <= goal }),
  ];
};

async function timeQuestions(console, client, rounds) {
  const all = await questions(client);
  const times = new Map(all.map(({ name }) => [name, []]));
  const first = [];
  for (let round = -3; round < rounds; ++round) { // the first rounds fill the server's memory, and plans become those that stay
    for (const { path, name } of all) {
      const began = performance.now();
      const answer = await fetch(`${console.origin}/api/${path}`, { headers: { cookie: console.cookie } });
      await answer.text();
      if (!answer.ok) throw new Error(`${path} was answered with ${answer.status}`);
      if (round === -3) first.push({ name, value: performance.now() - began });
      if (round >= 0) times.get(name).push(performance.now() - began);
    }
  }
  const slowest = first.reduce((one, other) => (other.value > one.value ? other : one));
  return [...[...times].flatMap(([name, samples]) => judged(name, samples, kQuestionGoal)), row({ name: `console.first of a console, ${slowest.name}`, value: slowest.value, unit: 'ms' })];
}

// What the console asks of its own accord: for its plots, every two seconds, and for the live events, twice a second. As it asks: read-only, prepared.
async function timeSampling(bench, rounds) {
  const statement = (file, name) => readFileSync(join(bench.root, 'sql/queries/console', `${file}.sql`), 'utf8').split(/^-- name: /m).find((part) => part.startsWith(`${name}\n`)).slice(name.length);
  return bench.databases.with(kDatabase, async (client) => {
    await client.query("set role sluice_reader; set default_transaction_read_only = on; set jit = off; set enable_seqscan = off; set enable_bitmapscan = off");
    const { rows: [{ snapshot }] } = await client.query('select pg_current_snapshot()::text as snapshot');
    const rows = [];
    for (const [file, name, value] of [['overview', 'console_sample', new Date()], ['live', 'console_live', snapshot]]) {
      const samples = [];
      for (let round = -10; round < rounds; ++round) {
        const began = performance.now();
        await client.query({ name, text: statement(file, name), values: [value] });
        if (round >= 0) samples.push(performance.now() - began);
      }
      rows.push(...judged(name, samples, kQuestionGoal));
    }
    return rows;
  });
}

// In a window of its own each time, so that nothing is in its cache.
async function timePaints(console, rounds) {
  const browser = await launch();
  const rows = [];
  for (const path of ['', 'flows', 'flows/order', 'sessions', 'tasks', 'deliveries', 'endpoints', 'events']) {
    const samples = [];
    for (let round = 0; round < rounds; ++round) {
      const page = await open(browser, console);
      await page.go(`/${path}`);
      samples.push(await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0].startTime));
      await page.context().close();
    }
    rows.push(row({ name: `console.first_paint./${path}`, value: median(samples), unit: 'ms', goal: `≤ ${kPaintGoal} ms`, met: median(samples) <= kPaintGoal }));
  }
  await browser.close();
  return rows;
}

export async function run(bench) {
  await bench.databases.fresh(kDatabase);
  return bench.databases.with(kDatabase, async (client) => {
    await fill(bench, client, 10_000);
    const console = await startConsole(bench);
    const rows = [...await timeQuestions(console, client, bench.quick ? 10 : 40), ...await timeSampling(bench, bench.quick ? 10 : 40), ...await timePaints(console, bench.quick ? 2 : 5)];
    console.child.kill('SIGTERM');
    await console.child.ended;
    return rows;
  });
}
