// What the console is looked at with: a migrated database of its own on the server that libpq's variables name, the daemons, a receiver of
// webhooks, conversations with the bookbot, and the console itself. Made by the calls that an application would make.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import pg from 'pg';
import { Wire } from './wire.mjs';

const kSluice = process.env.SLUICE;
const kPatienceMs = 120_000; // for what must come; a loaded machine delivers a thousand webhooks in it
const kBookbot = new URL('../../examples/bookbot.json', import.meta.url);

// Ended by a signal it began to handle: 0; by one that came before that: the signal's name.
async function stop(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  await once(child, 'exit');
}

// The services that the bookbot calls, and two receivers: /good takes everything, /bad refuses it.
function outside() {
  const answers = {
    '/profile': [200, { level: 'explorer', loan_days: 28 }],
    '/recommendations': [200, { data: { books: [{ title: 'A Map of Small Rivers' }], total: 1 } }],
    '/good': [204, null],
    '/bad': [400, { error: 'not wanted' }],
  };
  return createServer((request, response) => {
    request.resume().on('end', () => {
      const [status, body] = answers[request.url.split('?')[0]] ?? [404, null];
      response.writeHead(status, { 'content-type': 'application/json' }).end(body ? JSON.stringify(body) : '');
    });
  });
}

export class World {
  static async start({ actions = false } = {}) {
    const world = new World();
    try {
      await world.#prepare();
      await world.openConsole({ actions });
    } catch (error) {
      await world.stop();
      throw error;
    }
    return world;
  }

  async #prepare() {
    this.name = `sluice_console_${process.pid}`;
    this.admin = new pg.Client({ database: 'postgres' });
    await this.admin.connect();
    await this.admin.query(`create database ${this.name} template sluice_template`);
    this.pool = new pg.Pool({ database: this.name, max: 2 });
    // The pool's end does not wait for its connections, and those that are still there are cut when the database is dropped.
    this.pool.on('error', () => {});
    this.outside = outside().listen(0, '127.0.0.1');
    await once(this.outside, 'listening');
    this.url = `http://127.0.0.1:${this.outside.address().port}`;
    this.wire = await Wire.open();
    this.daemons = this.#spawn({}, 'up', '--http.allow_networks', '127.0.0.0/8', '--console.listen', '');
  }

  #spawn(env, ...args) {
    return spawn(kSluice, args, { env: { ...process.env, PGDATABASE: this.name, ...env }, stdio: ['ignore', 'pipe', 'ignore'] });
  }

  async openConsole({ actions, listen = '127.0.0.1:0' }) {
    this.console = this.#spawn({ PGPORT: this.wire.port }, 'console', '--listen', listen, ...(actions ? ['--allow-actions'] : []));
    this.link = null;
    for await (const line of createInterface(this.console.stdout)) {
      this.link = line.match(/http:\S+/)?.[0];
      if (this.link) break;
    }
    this.console.stdout.resume();
    if (!this.link) throw new Error('sluice console printed no address');
    this.origin = new URL(this.link).origin;
  }

  closeConsole() { return stop(this.console); }

  async stop() {
    for (const child of [this.console, this.daemons]) if (child) await stop(child);
    this.outside?.close();
    this.wire?.cut();
    await this.pool?.end();
    await this.admin?.query(`drop database if exists ${this.name} with (force)`);
    await this.admin?.end();
  }

  // The first column of the first row.
  async ask(text, ...values) {
    const { rows } = await this.pool.query({ text, values, rowMode: 'array' });
    return rows[0]?.[0];
  }

  // What never comes to be ends the test, with the question.
  async until(text, ...values) {
    const patience = Date.now() + kPatienceMs;
    while (!(await this.ask(text, ...values))) {
      if (Date.now() > patience) throw new Error(`waited ${kPatienceMs / 1000} s in vain: ${text} [${values}]`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async publish(document) { await this.ask('select sluice.publish_flow(sluice.import_flow($1))', document); }

  publishBookbot() { return this.publish(JSON.parse(readFileSync(kBookbot, 'utf8').replaceAll('http://127.0.0.1:8098', this.url).replace('{{secret:books_token}}', 'none'))); }

  // Everything that has happened so far has reached the endpoints. No delivery is open before an event is fanned out, too: that alone says nothing.
  delivered() {
    return this.until(`select (select events_behind from sluice.consumer_lag where name = 'webhooks') = 0
                          and not exists (select from sluice.webhook_deliveries)`);
  }

  // A conversation with the bookbot as far as its inputs go; returns its session.
  async converse(...inputs) {
    const { rows: [{ token, id }] } = await this.pool.query("select session_token as token, session_id as id from sluice.start_session('bookbot')");
    const waiting = `select not exists (select from sluice.task_overview where session_id = $1 and kind <> 'timer')`;
    await this.until(waiting, id);
    for (const text of inputs) {
      await this.ask('select sluice.send_input($1, $2)', token, { text });
      await this.until(waiting, id);
    }
    return id;
  }

  subscribe(path, options = {}) { return this.ask('select endpoint_id from sluice.subscribe($1, $2, options => $3)', `${this.url}${path}`, ['*'], options); }

  // A task that has failed for good, at a queue of its own.
  async failTask() {
    const id = await this.ask("select sluice.enqueue('http', $1, queue => 'partner', max_attempts => 1)", { url: `${this.url}/bad`, method: 'POST' });
    await this.until('select exists (select from sluice.task_failures where task_id = $1)', id);
    return id;
  }

}
