// What tests of whole programs on servers share: databases, the sluice command, daemons, a receiver, and waiting for what must come. libpq's
// variables name the server of the test run.
import { spawn, spawnSync } from 'node:child_process';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { createServer as createListener } from 'node:net';

export const pg = createRequire(new URL('../node/package.json', import.meta.url))('pg');
const kPatience = 60_000; // milliseconds
const kSluice = process.env.SLUICE;
export const kPostgres = '/usr/lib/postgresql/15/bin';
export const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

export const dsnOf = (port, database) => `postgresql://postgres@127.0.0.1:${port}/${database}`;

// The rows of a statement, on a connection of its own.
export async function query(dsn, text, values) {
  const client = new pg.Client({ connectionString: dsn });
  await client.connect();
  try {
    return (await client.query(text, values)).rows;
  } finally {
    await client.end();
  }
}

// Until the first column of the first row is `expected`.
export async function waitUntil(dsn, text, expected) {
  const until = Date.now() + kPatience;
  for (;;) {
    const seen = Object.values((await query(dsn, text))[0])[0];
    if (String(seen) === String(expected)) return;
    if (Date.now() > until) throw new Error(`${text}: ${seen}, not ${expected}`);
    await sleep(50);
  }
}

export async function freePort() {
  const listener = createListener();
  await new Promise((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const { port } = listener.address();
  await new Promise((resolve) => listener.close(resolve));
  return port;
}

// Runs a command to its end; as root, for what refuses to be root, as user postgres.
export function run(words, { asServer = false } = {}) {
  const [program, ...rest] = asServer && process.getuid() === 0 ? ['runuser', '-u', 'postgres', '--', ...words] : words;
  const { status, stdout, stderr } = spawnSync(program, rest, { encoding: 'utf8', cwd: '/', timeout: kPatience });
  return { status, output: stdout + stderr };
}

export function must(words, options) {
  const { status, output } = run(words, options);
  if (status !== 0) throw new Error(`${words.join(' ')} ended with ${status}: ${output}`);
  return output;
}

export const sluice = (dsn, ...words) => run([kSluice, ...words, '--dsn', dsn]);

// A daemon from its start until end().
export class Daemon {
  constructor(dsn, name, ...words) {
    this.output = '';
    this.child = spawn(kSluice, [name, '--dsn', dsn, '--http.allow_networks', '127.0.0.0/8', ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.child.stdout, this.child.stderr]) stream.on('data', (text) => (this.output += text));
    this.ended = new Promise((resolve) => this.child.once('exit', (code) => resolve(code)));
  }

  end() {
    this.child.kill('SIGTERM');
    return this.ended;
  }
}

// A receiver of webhooks that accepts everything: ids and bodies, in order.
export async function receive() {
  const got = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (text) => (body += text)).on('end', () => {
      got.push({ id: request.headers['webhook-id'], body: JSON.parse(body) });
      response.writeHead(204).end();
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { got, url: `http://127.0.0.1:${server.address().port}/hooks`, close: () => (server.closeAllConnections(), server.close()) };
}

// A flow that asks for a name, and a handler that keeps the id of each event in table seen.
export const kWorld = `
  create table seen (id bigint, type text);
  create function see(events jsonb) returns void language sql security definer set search_path = public, pg_temp as $$
    insert into seen select (e ->> 'id')::bigint, e ->> 'type' from jsonb_array_elements(events) as e
  $$;
  select sluice.on_event('see', '{*}', 'see(jsonb)');
  select sluice.publish_flow(sluice.import_flow('{"name": "ask", "entry_node_id": "q", "nodes": [
    {"node_id": "q", "node_type": "question", "content": {"question": "Who?", "input_type": "text", "variable": "user.name"}},
    {"node_id": "bye", "node_type": "message", "content": {"messages": [{"type": "text", "text": "Bye, {{user.name}}."}]}}],
    "connections": [{"source_node_id": "q", "target_node_id": "bye", "connection_type": "default"}]}'))`;
