// Receivers: one that counts, one that notes when each event came, and one that takes connections and never says a word.
import { createServer } from 'node:net';
import { join } from 'node:path';
import { start } from './children.mjs';

// One that costs next to nothing and counts: bench_responder.
export async function startFastReceiver(bench, options = []) {
  const child = start([join(bench.binaries, 'bench_responder'), ...options], { stdio: ['ignore', 'pipe', 'inherit'] });
  const port = await new Promise((resolve, reject) => {
    child.stdout.once('data', (text) => resolve(Number(text)));
    child.ended.then(() => reject(new Error('bench_responder ended by itself')));
  });
  const url = `http://127.0.0.1:${port}`;
  const ask = async (path) => (await fetch(`${url}/${path}`)).json();
  return { url, reset: () => ask('reset'), count: async () => (await ask('stats')).requests, stop: () => child.kill('SIGTERM') };
}

async function listen(server) {
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${server.address().port}`;
}

// The same, noting when each event came: `arrivals` gives {key, at} of each POST, in milliseconds since the epoch; `key` is the event's.
export async function startNotingReceiver(bench) {
  const receiver = await startFastReceiver(bench, ['--note']);
  const arrivals = async () => {
    const text = await (await fetch(`${receiver.url}/arrivals`)).text();
    return text.split('\n').filter(Boolean).map((line) => ({ at: Number(line.slice(0, line.indexOf(' '))) / 1000, key: line.slice(line.indexOf(' ') + 1) }));
  };
  return { ...receiver, arrivals };
}

export async function startSilentReceiver() {
  const sockets = new Set();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    socket.resume();
  });
  const url = await listen(server);
  return { url, stop: () => (server.close(), sockets.forEach((socket) => socket.destroy())) };
}
