// The outside world: the service that flows call, and the receivers of webhooks. What they saw is the checker's evidence.
import { createServer } from 'node:http';
import { createRequire } from 'node:module';

const { Webhook } = createRequire(new URL('../node/package.json', import.meta.url))('standardwebhooks');

async function bodyOf(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

export class World {
  constructor(random) {
    this.random = random;
    this.calls = []; // keys of requests by flows and http tasks
    this.received = []; // {endpoint, id, body, accepted}
    this.badSignatures = 0;
    this.secrets = new Map(); // of each receiver, by its name
    this.away = false; // receivers refuse everything
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
    this.calls.push(request.headers['idempotency-key'] ?? '');
    if (this.random.next() < 0.02) return response.destroy();
    response.setHeader('content-type', 'application/json').end('{"answer": 42}');
  }

  #receive(endpoint, request, body, response) {
    try {
      this.secrets.get(endpoint).verify(body, request.headers);
    } catch {
      this.badSignatures += 1;
    }
    const fails = this.away || this.random.next() < 0.03;
    this.received.push({ endpoint, id: request.headers['webhook-id'], body, accepted: !fails });
    response.writeHead(fails ? 500 : 204).end();
  }

  expect(endpoint, secret) {
    this.secrets.set(endpoint, new Webhook(secret));
  }

  close() {
    this.server.closeAllConnections();
    this.server.close();
  }
}
