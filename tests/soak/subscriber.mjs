// A plain client that listens on channel flow_events. What comes while it has no connection it does not see; from one that lasts it must miss
// nothing, so what it saw is kept by connection.
import { createRequire } from 'node:module';
import { sleep } from './random.mjs';

const pg = createRequire(new URL('../node/package.json', import.meta.url))('pg');

export class Subscriber {
  constructor({ dsn }) {
    Object.assign(this, { dsn, seen: [], connections: 0, stopping: false }); // seen: {at, connection, session_id, type, revision}
  }

  async #listen() {
    const client = new pg.Client({ connectionString: this.dsn(), application_name: 'soak subscriber' });
    this.client = client;
    const ended = new Promise((resolve) => client.once('end', resolve));
    client.on('error', () => {});
    const connection = ++this.connections;
    client.on('notification', ({ payload }) => {
      const { session_id = null, type, data } = JSON.parse(payload);
      this.seen.push({ at: new Date(), connection, session_id, type, revision: data?.revision ?? null });
    });
    await client.connect();
    await client.query('listen flow_events');
    await ended;
  }

  start() {
    this.done = (async () => {
      while (!this.stopping) {
        await this.#listen().catch(() => this.client.end().catch(() => {}));
        await sleep(100);
      }
    })();
  }

  async stop() {
    this.stopping = true;
    await this.client?.end().catch(() => {});
    await this.done;
  }
}
