// Plays the demonstration against running daemons: two conversations, with what a LISTEN client and a webhook receiver see of
// them. Exit 0 only when both end as scripted, each step had its event in order, and each webhook's signature was verified.
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import pg from 'pg';
import { Conversation, PlayError } from './conversation.mjs';
import { EventWitness, WebhookWitness } from './observers.mjs';
import { dim, green, heading, line, table } from './printing.mjs';

const kExamples = dirname(fileURLToPath(import.meta.url));
const kLibraryInFlow = 'http://127.0.0.1:8098'; // where bookbot.json expects the recommendations service

const bookbot = {
  flow: 'bookbot',
  turns: [
    { heard: 'What is your name?', say: 'Ada' },
    { heard: 'How old are you, Ada?', say: 'old enough' },
    { heard: 'A number between 3 and 120', say: '15' },
    { heard: 'A Map of Small Rivers', say: 'I want it' },
  ],
  closing: 'Happy reading, Ada!',
};

const leadScoring = {
  flow: 'Lead Scoring',
  turns: [
    { heard: 'Do you work with a specific company?', say: 'Yes' },
    { heard: 'Which company?', say: 'Analytical Engines' },
    { heard: 'How many employees', say: '35' },
    { heard: 'job role', say: 'Developer' },
    { heard: 'Where are you based?', say: 'France' },
  ],
  closing: 'specifically designed for your situation',
};

function readOptions() {
  const names = ['dsn', 'sluice', 'receiver', 'recommendations', 'flows'];
  const { values } = parseArgs({ options: Object.fromEntries(names.map((name) => [name, { type: 'string' }])) });
  for (const name of names) {
    if (!values[name]) throw new PlayError(`--${name} is missing; ./dev run gives all of them`);
  }
  return values;
}

async function importFlow(options, file, format) {
  const command = ['flow', 'import', file, '--format', format, '--publish', '--dsn', options.dsn];
  try {
    await promisify(execFile)(options.sluice, command);
  } catch (error) {
    throw new PlayError(`sluice flow import ${file} failed with exit code ${error.code}\n${error.stderr}`);
  }
}

// The bookbot as it is in the tree, but for the address of the library.
async function importBookbot(options) {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-play-'));
  try {
    const text = readFileSync(join(kExamples, 'bookbot.json'), 'utf8').replaceAll(kLibraryInFlow, options.recommendations);
    writeFileSync(join(folder, 'bookbot.json'), text);
    await importFlow(options, join(folder, 'bookbot.json'), 'sluice');
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function checkLibrary(options) {
  const requests = await (await fetch(`${options.recommendations}/requests`)).json();
  const refused = requests.find((request) => request.status !== 200);
  if (refused) throw new PlayError(`the library refused ${refused.method} ${refused.path} with ${refused.status}`);
  for (const { method, path, idempotency_key } of requests) {
    line('library', `${method} ${path}  idempotency-key ${idempotency_key ?? '(none)'}`);
  }
}

function summaryRow(script, conversation, seconds) {
  const webhooks = conversation.webhooks.of(conversation.id);
  const accepted = conversation.webhooks.accepted(conversation.id).size;
  return [
    script.flow, conversation.answers, conversation.session.revision, conversation.events.of(conversation.id).length, accepted,
    webhooks.length - accepted, `${seconds.toFixed(1)} s`, conversation.session.status,
  ];
}

async function play(options, database, witnesses) {
  const scripts = [bookbot];
  await importBookbot(options);
  const typebot = join(options.flows, 'typebot', 'lead-scoring.json');
  if (existsSync(typebot)) {
    await importFlow(options, typebot, 'typebot');
    scripts.push(leadScoring);
  } else {
    console.log(dim(`  ${typebot} is absent: the Typebot conversation is left out`));
  }
  const rows = [['conversation', 'answers', 'steps', 'events', 'webhooks verified', 'retried', 'time', 'ended']];
  for (const script of scripts) {
    heading(`A conversation with "${script.flow}"`);
    const started = performance.now();
    const conversation = new Conversation(database, witnesses);
    await conversation.play(script);
    await conversation.checkWitnesses();
    if (script === bookbot) await checkLibrary(options);
    rows.push(summaryRow(script, conversation, (performance.now() - started) / 1000));
  }
  heading('Summary');
  table(rows);
  console.log(green('\n  every step had its event, in order, and every webhook a verified signature'));
}

async function main() {
  const options = readOptions();
  const database = new pg.Client({ connectionString: options.dsn, application_name: 'play' });
  await database.connect();
  const witnesses = { events: new EventWitness(options.dsn), webhooks: new WebhookWitness(options.receiver) };
  await witnesses.events.start();
  try {
    await database.query('select sluice.subscribe($1, secret => $2, options => $3)', [
      `${options.receiver}/hooks`, process.env.WEBHOOK_SECRET, { retry_schedule: [0, 1, 2, 5, 10] },
    ]);
    await play(options, database, witnesses);
  } finally {
    await witnesses.events.stop();
    await database.end();
  }
}

main().catch((error) => {
  console.error(`\nerror: ${error instanceof PlayError ? error.message : error.stack}`);
  if (error.hint) console.error(`HINT: ${error.hint}`);
  process.exit(1);
});
