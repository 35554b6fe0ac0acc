// Secrets that are known are used through all that the daemons do, at log level debug, and then looked for, in several encodings, in
// everything that is left behind or shown: logs, the server's log of every statement, dumps, process lists, error messages, answers.
// usage: node canary.mjs SLUICE   libpq's variables name the server and a superuser (test_cluster run)
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { createHmac, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, openSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { kEncodings, sightings } from './encodings.mjs';

const sluice = process.argv[2];
const folder = mkdtempSync(join(tmpdir(), 'sluice-canary-'));
const database = `canary_${process.pid}`;
const role = `canary_${process.pid}`;
const worker = `canary_worker_${process.pid}`;

const webhookBytes = randomBytes(32);
const secrets = {
  'the secret of a flow': `flow+${randomBytes(24).toString('base64')}/&"`,
  'the signing secret': `whsec_${webhookBytes.toString('base64')}`,
  'the password': randomBytes(18).toString('base64url'),
  'the password in the environment': randomBytes(18).toString('base64url'),
  'the key that encrypts': randomBytes(32).toString('base64'),
};
const raw = { 'the bytes of the signing secret': webhookBytes };

const sql = (text, name = database) => execFileSync('psql', ['-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', name, '-c', text], { encoding: 'utf8' }).trim();
const dump = () => execFileSync('pg_dump', ['--dbname', database], { encoding: 'utf8', maxBuffer: 1 << 28 });
const host = process.env.PGHOST;
const port = process.env.PGPORT;
const dsn = (password, at = port, user = role) => `postgresql://${user}${password ? `:${encodeURIComponent(password)}` : ''}@${host}:${at}/${database}`;

async function until(what, holds) {
  for (let i = 0; i < 2400; i++) {
    if (await holds()) return;
    await sleep(50);
  }
  throw new Error(`waited in vain: ${what}`);
}

// What is looked through at the end: name to text.
const evidence = new Map();
const children = [];

function daemon(name, environment = {}, file = 'sluice.toml') {
  const log = join(folder, `${name}.log`);
  const fd = openSync(log, 'w');
  const child = spawn(sluice, [name, '--config', join(folder, file)], { stdio: ['ignore', fd, fd], env: { ...process.env, ...environment } });
  children.push({ name, child, log });
  return until(`${name} to be ready`, () => {
    assert.equal(child.exitCode, null, readFileSync(log, 'utf8'));
    return /ready status=/.test(readFileSync(log, 'utf8').replaceAll('not ready', ''));
  });
}

// A command that fails, or shows something: both streams are evidence.
function said(what, words, environment = {}) {
  const done = spawnSync(sluice, words, { encoding: 'utf8', env: { ...process.env, ...environment } });
  const text = done.stdout + done.stderr;
  assert.notEqual(text, '', what);
  evidence.set(what, text);
  return done.status;
}

const seen = [];
const server = createServer((request, response) => {
  let body = '';
  request.on('data', (piece) => (body += piece));
  request.on('end', () => {
    seen.push({ url: request.url, headers: request.headers, body });
    response.writeHead(request.url.startsWith('/broken') ? 500 : 200, { 'content-type': 'application/json' }).end('{"data": 1}');
  });
});

function flow(url) {
  const call = (id, target) => ({ node_id: id, node_type: 'webhook', content: {
    url: `${target}?key={{secret:canary-flow}}`, method: 'POST', headers: { authorization: 'Bearer {{secret:canary-flow}}' },
    body: { key: '{{secret:canary-flow}}' }, timeout: 20, retry: { attempts: 2, delay: 0.1, backoff: 1 }, response_mapping: { 'temp.data': '$.data' } } });
  const ids = [['works', `${url}/works`], ['broken', `${url}/broken`], ['nobody', 'http://127.0.0.2:1/nobody'], ['refused', 'http://169.254.0.1/refused']];
  const edges = ids.flatMap(([id], at) => ['success', 'failure'].map((label) => ({ source_node_id: id, target_node_id: ids[at + 1]?.[0] ?? 'end', connection_type: label })));
  return { name: 'canary', entry_node_id: 'works', nodes: [...ids.map(([id, target]) => call(id, target)), { node_id: 'end', node_type: 'message', content: { messages: [{ type: 'text', text: 'done' }] } }], connections: edges };
}

// The signing secret was used: the receiver's own computation gives the signature that came.
function isSigned({ headers, body }) {
  const text = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
  return headers['webhook-signature']?.includes(createHmac('sha256', webhookBytes).update(text).digest('base64'));
}

function prepare() {
  mkdirSync(join(folder, 'secrets'), { mode: 0o700 });
  writeFileSync(join(folder, 'secrets/canary-flow'), secrets['the secret of a flow'], { mode: 0o600 });
  writeFileSync(join(folder, 'secrets/webhook-keys'), `one ${secrets['the key that encrypts']}\n`, { mode: 0o600 });
  const settings = `log.level = "debug"\nhttp.allow_networks = ["127.0.0.0/8"]\nsecrets.directory = "${folder}/secrets"\n`;
  writeFileSync(join(folder, 'sluice.toml'), `database.dsn = "${dsn(secrets['the password'])}"\n${settings}`, { mode: 0o600 });
  writeFileSync(join(folder, 'environment.toml'), `database.dsn = "${dsn('', port, worker)}"\n${settings}`, { mode: 0o600 });
  sql(`CREATE DATABASE ${database} TEMPLATE sluice_template`, 'postgres');
  for (const [name, password] of [[role, secrets['the password']], [worker, secrets['the password in the environment']]])
    sql(`CREATE ROLE ${name} LOGIN IN ROLE sluice_daemon PASSWORD '${password}'; ALTER ROLE ${name} SET log_statement = 'all'; ALTER ROLE ${name} SET log_min_duration_statement = 0`);
}

async function useAll(url) {
  sql(`SELECT sluice.subscribe('${url}/hook', secret => '${secrets['the signing secret']}'); SELECT sluice.subscribe('${url}/broken-hook', secret => '${secrets['the signing secret']}')`);
  assert.notDeepEqual(sightings(dump(), Buffer.from(secrets['the signing secret'])), [], 'before a notifier has sealed it, the search finds it');
  await daemon('listener');
  await daemon('notifier');
  await daemon('worker', { PGPASSWORD: secrets['the password in the environment'] }, 'environment.toml');
  await until('the secrets to be sealed', () => sql('SELECT bool_and(secret IS NULL) FROM sluice.webhook_secrets') === 't');
  sql(`SELECT sluice.publish_flow(sluice.import_flow($json$${JSON.stringify(flow(url))}$json$)); SELECT sluice.start_session('canary')`);
  const free = { url: `${url}/free?key={{secret:canary-flow}}`, method: 'POST', headers: { 'x-key': '{{secret:canary-flow}}' }, body: {} };
  sql(`SELECT sluice.enqueue('http', $json$${JSON.stringify(free)}$json$); SELECT sluice.enqueue('http', $json$${JSON.stringify({ ...free, url: 'http://127.0.0.3:1/{{secret:canary-flow}}' })}$json$, max_attempts => 2)`);
  await until('the session to come to its end', () => sql("SELECT count(*) FROM sluice.conversation_sessions WHERE current_node_id = 'end' OR status <> 'active'") === '1');
  await until('a delivery and a failure', () => sql('SELECT count(DISTINCT endpoint_id) FROM sluice.webhook_attempts') === '2');
  await until('the free task', () => seen.some(({ url: path }) => path.startsWith('/free')));
  const works = seen.find(({ url: path }) => path.startsWith('/works'));
  assert.equal(works.headers.authorization, `Bearer ${secrets['the secret of a flow']}`, "the flow's secret was used");
  assert.ok(seen.some((request) => request.url === '/hook' && isSigned(request)), 'the signing secret was used');
  writeFileSync(join(folder, 'sluice.toml'), readFileSync(join(folder, 'sluice.toml'), 'utf8').replace('"127.0.0.0/8"', '"127.0.0.0/8", "10.0.0.0/8"'));
  for (const { child } of children) child.kill('SIGHUP');
  await until('a reload', () => /configuration read again/.test(readFileSync(join(folder, 'notifier.log'), 'utf8')));
}

function gather() {
  for (const { name, child, log } of children) {
    evidence.set(`the log of ${name}`, readFileSync(log, 'utf8'));
    evidence.set(`the command line of ${name}`, readFileSync(`/proc/${child.pid}/cmdline`, 'utf8'));
    if (name !== 'worker') evidence.set(`the environment of ${name}`, readFileSync(`/proc/${child.pid}/environ`, 'latin1'));
  }
  evidence.set('the dump', dump());
  evidence.set('what the server runs', sql(`SELECT string_agg(query, ' ') FROM pg_stat_activity WHERE usename IN ('${role}', '${worker}')`));
  const server = readFileSync(join(dirname(sql('SHOW data_directory')), 'server.log'), 'utf8');
  assert.ok(server.includes('sealed') || server.includes('seal'), "the server's log shows the daemons' statements");
  evidence.set("the server's log", server);

  const config = ['--config', join(folder, 'sluice.toml')];
  said('the configuration as it is shown', ['worker', '--dump-config', ...config]);
  said('the status', ['status', ...config]);
  said('the endpoints', ['endpoints', 'list', '--json', ...config]);
  said('the deliveries', ['deliveries', 'list', '--json', ...config]);
  said('the sessions', ['session', 'list', '--json', ...config]);
  assert.equal(said('nobody at that port', ['status', '--dsn', dsn(secrets['the password'], 1)]), 69);
  assert.equal(said('a DSN that cannot be read', ['status', '--dsn', `postgresql://${role}:${secrets['the password']}@[/x`]), 78);
  assert.equal(said('a DSN that cannot be read, with a key', ['status', '--dsn', `host=x nonsense password=${secrets['the password']}`]), 78);
  writeFileSync(join(folder, 'bad.toml'), `database.dsn = "${dsn(secrets['the password'])}" x\n`);
  assert.equal(said('a broken configuration file', ['worker', '--config', join(folder, 'bad.toml')]), 78);
  writeFileSync(join(folder, 'secrets/webhook-keys'), `one ${secrets['the key that encrypts']}x\n`);
  assert.notEqual(said('a key that cannot be read', ['secrets', 'rotate-key', ...config]), 0);
}

function look() {
  const found = [];
  for (const [place, text] of evidence) {
    for (const [what, secret] of [...Object.entries(secrets).map(([name, value]) => [name, Buffer.from(value)]), ...Object.entries(raw)])
      for (const encoding of sightings(text, secret)) found.push(`${what} is in ${place}, ${encoding}`);
  }
  return found;
}

let failure;
try {
  for (const [name, encode] of Object.entries(kEncodings)) {
    const secret = randomBytes(32);
    assert.ok(sightings(`x${encode(secret)}y`, secret).includes(name), `the search knows ${name}`);
  }
  prepare();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  await useAll(`http://127.0.0.1:${server.address().port}`);
  gather();
  assert.deepEqual(look(), []);
  console.log(`${evidence.size} places hold none of ${Object.keys(secrets).length} secrets in any of ${Object.keys(kEncodings).length} encodings`);
} catch (error) {
  failure = error;
  for (const { log } of children) console.error(readFileSync(log, 'utf8').split('\n').slice(-15).join('\n'));
} finally {
  for (const { child } of children) child.kill('SIGKILL');
  server.close();
  server.closeAllConnections();
  sql(`DROP DATABASE IF EXISTS ${database} WITH (FORCE)`, 'postgres');
  sql(`DROP ROLE IF EXISTS ${role}, ${worker}`, 'postgres');
  rmSync(folder, { recursive: true });
}
if (failure) throw failure;
