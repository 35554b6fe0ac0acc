// A daemon that crashes leaves no core dump, and its environment is closed to its own user, unless daemon.core_dumps says otherwise; its figures
// about itself stay right. Started with no limit on dumps; a shell tells whether the kernel made one.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { dsnOf, freePort, query, sleep } from '../system/place.mjs';

const kDatabase = `core_dumps_${process.pid}`;
const kServer = dsnOf(process.env.PGPORT, 'postgres');
const kPatience = 60_000; // milliseconds
// Root reads everything, so both the daemon and who looks at it are an ordinary user then.
const kUser = process.getuid() === 0 ? ['setpriv', '--reuid', 'nobody', '--regid', 'nogroup', '--clear-groups'] : [];
const asUser = (...words) => spawnSync([...kUser, ...words][0], [...kUser, ...words].slice(1), { encoding: 'utf8' });
let folder;

before(async () => {
  folder = mkdtempSync('/var/tmp/sluice-core-dumps.');
  chmodSync(folder, 0o777); // a dump could be written here
  await query(kServer, `create database ${kDatabase} template sluice_template`);
});
after(async () => {
  rmSync(folder, { recursive: true });
  await query(kServer, `drop database if exists ${kDatabase} with (force)`);
});

// Runs the command in a shell that says how it ended; `work` gets its process id once `isUp` says so.
async function underShell(words, isUp, work) {
  const shell = spawn('bash', ['-c', 'ulimit -c unlimited; "$@"; true', 'shell', ...kUser, ...words],
    { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, SLUICE_SECRET_CANARY: 'canary' } });
  let output = '';
  for (const stream of [shell.stdout, shell.stderr]) stream.on('data', (text) => (output += text));
  const ended = once(shell, 'close');
  let child = 0;
  for (const until = Date.now() + kPatience; child === 0 || !isUp(output, child); await sleep(20)) {
    assert.ok(Date.now() < until && shell.exitCode === null, output);
    child = Number(readFileSync(`/proc/${shell.pid}/task/${shell.pid}/children`, 'utf8').split(' ')[0]);
  }
  try {
    await work(child);
  } finally {
    process.kill(child, 'SIGABRT');
    await ended;
  }
  return output;
}

const isAsleep = (_, child) => readFileSync(`/proc/${child}/comm`, 'utf8') === 'sleep\n';

async function crash(...words) {
  const port = await freePort();
  let environment;
  let metrics;
  const output = await underShell(
    [process.env.SLUICE, 'worker', '--dsn', dsnOf(process.env.PGPORT, kDatabase), '--metrics.listen', `127.0.0.1:${port}`, ...words],
    (text) => / ready status=/.test(text),
    async (child) => {
      environment = asUser('cat', `/proc/${child}/environ`);
      metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    });
  assert.match(output, /Aborted/);
  return { dumped: output.includes('(core dumped)'), environment, metrics };
}

test('a crash leaves no core dump', async (t) => {
  const allowed = await underShell(['sleep', '60'], isAsleep, () => {});
  if (!allowed.includes('(core dumped)')) return t.skip('this machine makes no core dumps');
  const { dumped } = await crash();
  assert.equal(dumped, false);
});

test('who is the same user sees nothing of it; its own figures are there', async () => {
  const { environment, metrics } = await crash();
  assert.notEqual(environment.status, 0, environment.stdout);
  assert.match(metrics, /^sluice_process_open_descriptors [1-9]/m);
  assert.match(metrics, /^sluice_process_resident_bytes [1-9]/m);
});

test('daemon.core_dumps lets both', async (t) => {
  const { dumped, environment } = await crash('--daemon.core_dumps', 'yes');
  assert.match(environment.stdout, /SLUICE_SECRET_CANARY=canary/);
  const allowed = await underShell(['sleep', '60'], isAsleep, () => {});
  if (!allowed.includes('(core dumped)')) return t.skip('this machine makes no core dumps');
  assert.equal(dumped, true);
});
