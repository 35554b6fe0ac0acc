// The outside world: the service that flows call, and the receivers of webhooks. What they saw is the checker's evidence.
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';

const kTolerance = 300; // seconds that a signature's time may be off, as Standard Webhooks has it
const { Webhook } = createRequire(new URL('../node/package.json', import.meta.url))('standardwebhooks');

async function bodyOf(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

export class World {
  constructor(random) {
    this.random = random;
    this.calls = []; // {at, key} of requests by flows and http tasks
    this.received = []; // {at, endpoint, id, session_id, key, type, revision, body: its hash, accepted}
    this.badSignatures = 0;
    this.untimely = 0; // signed by a clock that was off
    this.secrets = new Map(); // of each receiver, by its name
    this.away = null; // the receiver that refuses everything
    this.server = createServer((request, response) => this.#take(request, response).catch(() => response.destroy()));
  }

  async listen() {
    await new Promise((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    this.url = `http://127.0.0.1:${this.server.address().port}`;
  }

  async #take(request, response) {
    const body = await bodyOf(request);
    const [, kind, name] = request.url.split('/');
    if (kind === 'service') this.#serve(request, response);
    else this.#receive(name, request, body, response);
  }

  // Sometimes it acts and the answer is lost, which is when a call comes a second time with its key.
  #serve(request, response) {
    this.calls.push({ at: new Date(), key: request.headers['idempotency-key'] ?? '' });
    if (this.random.next() < 0.02) return response.destroy();
    response.setHeader('content-type', 'application/json').end('{"answer": 42}');
  }

  #receive(endpoint, request, body, response) {
    const untimely = Math.abs(Date.now() / 1000 - Number(request.headers['webhook-timestamp'])) > kTolerance;
    if (untimely) this.untimely += 1;
    else if (!this.#isSigned(endpoint, body, request.headers)) this.badSignatures += 1;
    const fails = untimely || this.away === endpoint || this.random.next() < 0.03;
    const { session_id = null, type, key = null, data } = JSON.parse(body);
    const hash = createHash('sha1').update(body).digest('base64');
    this.received.push({ at: new Date(), endpoint, id: request.headers['webhook-id'], session_id, key, type, revision: data?.revision ?? null, body: hash, accepted: !fails });
    response.writeHead(fails ? 500 : 204).end();
  }

  #isSigned(endpoint, body, headers) {
    try {
      this.secrets.get(endpoint).verify(body, headers);
      return true;
    } catch {
      return false;
    }
  }

  expect(endpoint, secret) {
    this.secrets.set(endpoint, new Webhook(secret));
  }

  get receivers() {
    return [...this.secrets.keys()];
  }

  close() {
    this.server.closeAllConnections();
    this.server.close();
  }
}
