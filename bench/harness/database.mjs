// Databases of the bench's cluster: one for each side of a scenario, cloned from one that was migrated.
import { join } from 'node:path';
import pg from 'pg';
import { run } from './children.mjs';

export class Databases {
  constructor(dsn, { root, sluice }) {
    Object.assign(this, { dsn, root, sluice });
    this.migrated = null;
  }

  dsnOf(name) {
    const url = new URL(this.dsn);
    url.pathname = `/${name}`;
    return url.href;
  }

  async connect(name) {
    const client = new pg.Client({ connectionString: this.dsnOf(name), application_name: 'bench' });
    await client.connect();
    return client;
  }

  // Calls `use` with a connection that is closed afterwards, whatever comes.
  async with(name, use) {
    const client = await this.connect(name);
    try {
      return await use(client);
    } finally {
      await client.end();
    }
  }

  // An empty, migrated database of that name, which no other scenario uses: dropping one costs a checkpoint in the middle of a run.
  async fresh(name) {
    this.migrated ??= this.#migrate();
    await this.#create(name, await this.migrated);
    return name;
  }

  async #migrate() {
    await this.#dropLeftovers();
    await this.#create('bench_migrated', 'template1');
    await run([this.sluice, 'migrate', '--dsn', this.dsnOf('bench_migrated')]);
    return 'bench_migrated';
  }

  #dropLeftovers() {
    return this.with('postgres', async (client) => {
      const { rows } = await client.query("select datname from pg_database where datname like 'bench\\_%'");
      for (const { datname } of rows) await client.query(`drop database ${datname} with (force)`);
    });
  }

  async #create(name, template) {
    await this.with('postgres', (client) => client.query(`create database ${name} template ${template}`));
  }

  psql(name, file, variables = {}) {
    const set = Object.entries(variables).flatMap(([key, value]) => ['-v', `${key}=${value}`]);
    return run(['psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', ...set, '-f', join(this.root, file), this.dsnOf(name)], { cwd: this.root });
  }

  // Transactions a second, connecting not counted.
  async pgbench(name, file, { clients, transactions, variables = {} }) {
    const set = Object.entries(variables).flatMap(([key, value]) => ['-D', `${key}=${value}`]);
    const command = ['pgbench', '-n', '-c', clients, '-j', 1, '-t', transactions, ...set, '-f', join(this.root, file), this.dsnOf(name)];
    const output = await run(command.map(String));
    const tps = /^tps = ([\d.]+)/m.exec(output);
    if (!tps) throw new Error(`pgbench said no tps: ${output}`);
    return Number(tps[1]);
  }
}

export async function walPosition(client) {
  const { rows } = await client.query("select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8 as bytes");
  return rows[0].bytes;
}
