// The clients: each operation carries an idempotency key and is repeated until its commit is acknowledged, through whatever happens to the server.
import { createRequire } from 'node:module';
import { sleep } from './random.mjs';

const pg = createRequire(new URL('../node/package.json', import.meta.url))('pg');
const kRetryPause = 200; // milliseconds

export class Load {
  constructor({ dsn, random, clients }) {
    Object.assign(this, { random, clients });
    this.pool = new pg.Pool({ connectionString: dsn, max: clients + 2, connectionTimeoutMillis: 5000, query_timeout: 20_000, application_name: 'soak load' });
    this.pool.on('error', () => {}); // an idle connection whose server went away
    this.acknowledged = []; // {what, key, session}
    this.stopping = false;
    this.repeats = 0;
    this.count = 0;
  }

  // The rows of a statement whose repetition is harmless.
  async query(text, values) {
    for (;;) {
      try {
        return (await this.pool.query(text, values)).rows;
      } catch (error) {
        // 40001 and 40P01 are answers too, but of the kind that is asked again.
        const refused = error.code?.length === 5 && !/^(08|57|53|40|25006|XX)/.test(error.code);
        if (refused || this.gone) throw error;
        this.repeats += 1;
        await sleep(kRetryPause);
      }
    }
  }

  acknowledge(what, key, session = null) {
    this.acknowledged.push({ what, key, session_id: session });
  }

  async #converse(flow, name) {
    const [{ session_id: id, session_token: token }] = await this.query('select * from sluice.start_session($1, idempotency_key => $2)', [flow, name]);
    this.acknowledge('session', name, id);
    if (flow !== 'talk') return;
    for (const step of ['name', 'age']) {
      if (!(await this.#waitsAt(token, step))) return;
      const key = `${name}-${step}`;
      await this.query('select sluice.send_input($1, $2, $3)', [token, { text: key }, key]);
      this.acknowledge('input', key, id);
    }
  }

  // Whether the session comes to wait at that node; false when it ended before.
  async #waitsAt(token, node) {
    for (;;) {
      const [{ session }] = await this.query('select sluice.session($1) as session', [token]);
      if (session.status !== 'active') return false;
      if (session.wait && session.current_node_id === node) return true;
      await sleep(100);
    }
  }

  async #enqueue(name) {
    await this.query("select sluice.enqueue('sql', $1, idempotency_key => $2)", [{ function: 'soak.act', argument: { key: name } }, name]);
    this.acknowledge('task', name);
  }

  async #client() {
    while (!this.stopping) {
      const name = `n${++this.count}`;
      const kind = this.random.pick(['talk', 'chain', 'task', 'task']);
      await (kind === 'task' ? this.#enqueue(name) : this.#converse(kind, name));
      await sleep(this.random.between(5, 60));
    }
  }

  start() {
    this.done = Promise.all(Array.from({ length: this.clients }, () => this.#client()));
    this.done.catch((error) => (this.failure = error));
  }

  async stop() {
    this.stopping = true;
    await this.done;
  }

  async close() {
    this.gone = true;
    await this.pool.end();
  }
}
