// Receivers: one that counts, one that notes when each event came, and one that takes connections and never says a word.
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { start } from './children.mjs';
import { wallClock } from './measure.mjs';

// One that costs next to nothing and counts: bench_responder.
export async function startFastReceiver(bench) {
  const child = start([join(bench.binaries, 'bench_responder')], { stdio: ['ignore', 'pipe', 'inherit'] });
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

// `arrivals` has {path, key, at}, in milliseconds since the epoch, of each POST; `key` is the event's.
export async function startNotingReceiver() {
  const arrivals = [];
  const server = createHttpServer((request, response) => {
    const at = wallClock();
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (text) => (body += text));
    request.on('end', () => {
      response.writeHead(204).end();
      arrivals.push({ path: request.url, key: /"key":\s?"([^"]*)"/.exec(body)?.[1], at });
    });
  });
  server.keepAliveTimeout = 60_000;
  const url = await listen(server);
  return { url, arrivals, stop: () => (server.close(), server.closeAllConnections()) };
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

// Emits `events` events, each in a transaction of its own, evenly at `perSecond`; returns when each was committed, by its key, which is its
// number in text after `prefix`. `typeOf(n)` is the n-th one's type.
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
