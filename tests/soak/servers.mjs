// The soak's servers as its other parts see them: which is the primary, how to reach it, what can be done to it. A proxy stands before each;
// that of the server which is not the primary refuses connections.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Proxy } from './proxy.mjs';

const run = promisify(execFile);
const kTool = new URL('servers', import.meta.url).pathname;
const kPasswords = { soak_daemon: 'for the daemons', soak_client: 'for the clients' };

export class Servers {
  constructor() {
    this.primary = 'a';
    this.proxies = { a: new Proxy(), b: new Proxy() };
  }

  async #tool(...words) {
    return (await run(kTool, words)).stdout.trim();
  }

  async start() {
    await this.#tool('init', 'a');
    this.password = await this.#tool('password', 'a');
    for (const proxy of Object.values(this.proxies)) await proxy.choosePort();
    await this.#lead('a');
  }

  async #lead(node) {
    this.primary = node;
    this.port = Number(await this.#tool('port', node));
    await this.proxies[node].listen(this.port);
  }

  get proxy() {
    return this.proxies[this.primary];
  }

  // Of the superuser, straight to the primary.
  dsn(database = 'soak') {
    return `postgresql://postgres:${this.password}@127.0.0.1:${this.port}/${database}`;
  }

  // Of an application, straight to the primary.
  get clientDsn() {
    return `postgresql://soak_client:${encodeURIComponent(kPasswords.soak_client)}@127.0.0.1:${this.port}/soak`;
  }

  // Of a daemon: libpq finds the primary among both.
  get daemonDsn() {
    const hosts = Object.values(this.proxies).map(({ port }) => `127.0.0.1:${port}`).join(',');
    return `postgresql://soak_daemon:${encodeURIComponent(kPasswords.soak_daemon)}@${hosts}/soak?target_session_attrs=read-write`;
  }

  createRoles(client) {
    return client.query(Object.entries({ soak_daemon: 'sluice_daemon', soak_client: 'sluice_api' })
      .map(([role, group]) => `create role ${role} login password '${kPasswords[role]}'; grant ${group} to ${role}`).join('; '));
  }

  // fast, immediate, or kill.
  async restart(mode) {
    await this.#tool('stop', this.primary, mode);
    await this.up();
  }

  up() {
    return this.#tool('start', this.primary);
  }

  // The primary goes for good, and its synchronous standby takes its place.
  async failOver() {
    const [old, next] = this.primary === 'a' ? ['a', 'b'] : ['b', 'a'];
    await this.#tool('standby', next, old);
    return async () => {
      await this.#tool('stop', old, 'immediate');
      this.proxies[old].close();
      await this.#tool('promote', next);
      await this.#lead(next);
      await this.#tool('remove', old);
    };
  }

  // What is free of the disk that holds the data and the WAL. A server that gave up comes back when there is room.
  async whileDiskIsFull(wait) {
    await this.#tool('fill');
    try {
      await wait();
    } finally {
      await this.#tool('empty');
      await this.up();
    }
  }

  close() {
    for (const proxy of Object.values(this.proxies)) proxy.close();
  }
}
