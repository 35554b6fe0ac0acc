// Programs that the bench starts. Each ends with the bench, however that ends: by its pid at exit, by the kernel if the bench is killed. One that
// has children of its own is told with a `deathSignal` that it passes on.
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';

const living = new Set();

process.on('exit', () => living.forEach((child) => child.kill(`SIG${child.deathSignal}`)));
for (const [signal, code] of [['SIGINT', 130], ['SIGTERM', 143]]) process.on(signal, () => process.exit(code));

// `child.ended` resolves to {code, signal} when the program is over.
export function start(command, { deathSignal = 'KILL', ...options } = {}) {
  const child = spawn('setpriv', ['--pdeathsig', deathSignal, ...command], options);
  child.deathSignal = deathSignal;
  living.add(child);
  child.ended = new Promise((resolve) => {
    child.on('error', (error) => resolve({ error }));
    child.on('exit', (code, signal) => resolve({ code, signal }));
  }).then((end) => {
    living.delete(child);
    return end;
  });
  return child;
}

// Runs a program to its end and returns what it printed; an error with the last of its complaints when it fails.
export async function run(command, { input = '', ...options } = {}) {
  const child = start(command, options);
  let output = '';
  let complaints = '';
  child.stdout.on('data', (text) => (output += text));
  child.stderr.on('data', (text) => (complaints += text));
  child.stdin.on('error', () => {}); // it may end without having read
  child.stdin.end(input);
  const closed = new Promise((resolve) => child.on('close', resolve));
  const { code, error } = await child.ended;
  if (error) throw error;
  await closed;
  if (code !== 0) throw new Error(`${command[0]} failed with exit code ${code}: ${complaints.trim().split('\n').slice(-5).join(' | ')}`);
  return output;
}

// A port of the loopback address that was free a moment ago.
export async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}
