// The clients: each operation carries an idempotency key, or is harmless when repeated, and is repeated until its commit is acknowledged, through
// whatever happens to the server.
import { createRequire } from 'node:module';
import { sleep } from './random.mjs';

const pg = createRequire(new URL('../node/package.json', import.meta.url))('pg');
const kRetryPause = 200; // milliseconds
const kLastWait = 60_000; // that a conversation may take to its end after the load was stopped
const kKinds = ['talk', 'talk', 'chain', 'chain', 'late', 'idle', 'sql task', 'sql task', 'http task', 'note', 'order'];

export class Load {
  // `dsn()` tells where the primary is now; `service` is the URL that http tasks call.
  constructor({ dsn, service, random, clients }) {
    Object.assign(this, { dsn, service, random, clients });
    this.pool = new pg.Pool({ connectionString: dsn(), max: clients + 2, connectionTimeoutMillis: 5000, query_timeout: 20_000, application_name: 'soak load' });
    this.pool.on('error', () => {}); // an idle connection whose server went away
    this.acknowledged = []; // {at, what, key, session_id}
    this.stopped = null; // when
    this.held = false; // nothing new is begun while it is
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
        const refused = error.code?.length === 5 && !/^(08|57|53|58|40|25006|XX)/.test(error.code);
        if (refused || this.gone) throw error;
        this.repeats += 1;
        await sleep(kRetryPause);
        this.pool.options.connectionString = this.dsn();
      }
    }
  }

  acknowledge(what, key, session = null) {
    this.acknowledged.push({ at: new Date(), what, key, session_id: session });
  }

  async #converse(flow, name) {
    const [{ session_id: id, session_token: token }] = await this.query('select * from sluice.start_session($1, idempotency_key => $2)', [flow, name]);
    this.acknowledge('session', name, id);
    if (flow !== 'talk') return;
    for (const step of ['name', 'age']) {
      if (!(await this.#waitsAt(token, step))) return;
      const key = `${name}-${step}`;
      if (this.random.next() < 0.3) await this.#patch(token, key, id);
      await this.query('select sluice.send_input($1, $2, $3)', [token, { text: key }, key]);
      this.acknowledge('input', key, id);
    }
  }

  async #patch(token, key, id) {
    await this.query('select sluice.patch_state($1, $2)', [token, { [key]: true }]);
    this.acknowledge('patch', key, id);
  }

  // Whether the session comes to wait at that node; false when it ended before, or stands still: the checker will find it.
  async #waitsAt(token, node) {
    while (!this.stopped || Date.now() - this.stopped < kLastWait) {
      const [{ session }] = await this.query('select sluice.session($1) as session', [token]);
      if (session.status !== 'active') return false;
      if (session.wait && session.current_node_id === node) return true;
      await sleep(100);
    }
    return false;
  }

  async #enqueue(what, name) {
    const [kind, payload] = what === 'sql task'
      ? ['sql', { function: 'soak.act', argument: { key: name } }]
      : ['http', { url: `${this.service}/service/task`, body: { name } }];
    await this.query('select sluice.enqueue($1, $2, max_attempts => 20, idempotency_key => $3)', [kind, payload, name]);
    this.acknowledge(what, name);
  }

  async #note(name) {
    await this.query('select soak.note($1)', [name]);
    this.acknowledge('note', name);
  }

  async #order(name) {
    await this.query("insert into soak.orders (id, status) values ($1, 'new') on conflict do nothing", [name]);
    await this.query("update soak.orders set status = 'paid' where id = $1 and status = 'new'", [name]);
    this.acknowledge('order', name);
  }

  #do(kind, name) {
    if (kind === 'note') return this.#note(name);
    if (kind === 'order') return this.#order(name);
    return kind.endsWith(' task') ? this.#enqueue(kind, name) : this.#converse(kind, name);
  }

  async #client() {
    while (!this.stopped) {
      if (this.held) {
        await sleep(200);
        continue;
      }
      await this.#do(this.random.pick(kKinds), `n${++this.count}`);
      await sleep(this.random.between(20, 200));
    }
  }

  start() {
    this.done = Promise.all(Array.from({ length: this.clients }, () => this.#client()));
    this.done.catch((error) => (this.failure = error));
  }

  async stop() {
    this.stopped = Date.now();
    await this.done;
  }

  async close() {
    this.gone = true;
    await this.pool.end();
  }
}
