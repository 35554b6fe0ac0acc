// A daemon of the release build, as a process of its own with its metrics on a free port.
import { closeSync, openSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, start } from './children.mjs';
import { until } from './measure.mjs';

// Seconds of processor time of a process so far, all threads, from the scheduler's own nanoseconds.
export function cpuSeconds(pid) {
  const threads = readdirSync(`/proc/${pid}/task`);
  return threads.reduce((sum, thread) => sum + Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]), 0) / 1e9;
}

export class Daemon {
  constructor(name, child, port, log) {
    Object.assign(this, { name, child, port, log });
  }

  // Returns when the daemon says that it is ready. Its configuration is the defaults, with requests to the loopback network allowed.
  static async start(bench, name, database) {
    const config = join(bench.folder, 'sluice.toml');
    writeFileSync(config, '[http]\nallow_networks = ["127.0.0.0/8"]\n');
    const port = await freePort();
    const log = join(bench.folder, `${name}.log`);
    const output = openSync(log, 'w');
    const dsn = bench.databases.dsnOf(database);
    const command = [bench.sluice, name, '--config', config, '--dsn', dsn, '--metrics.listen', `127.0.0.1:${port}`];
    const daemon = new Daemon(name, start(command, { stdio: ['ignore', output, output] }), port, log);
    closeSync(output);
    daemon.child.ended.then((end) => (daemon.end = end));
    await until(`${name} to be ready`, 30, async () => {
      daemon.mustRun();
      return (await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => ({ ok: false }))).ok;
    });
    return daemon;
  }

  mustRun() {
    if (this.end) throw new Error(`${this.name} ended by itself: ${readFileSync(this.log, 'utf8').trim().split('\n').at(-1)}`);
  }

  // The sum of a metric over all its labels, or over those whose text contains `label`.
  async metric(name, label = '') {
    this.mustRun();
    const text = await (await fetch(`http://127.0.0.1:${this.port}/metrics`)).text();
    const lines = text.split('\n').filter((line) => (line.startsWith(`${name}{`) || line.startsWith(`${name} `)) && line.includes(label));
    return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
  }

  cpuSeconds() {
    return cpuSeconds(this.child.pid);
  }

  peakMebibytes() {
    const [, kibibytes] = /^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${this.child.pid}/status`, 'utf8'));
    return Number(kibibytes) / 1024;
  }

  async stop() {
    this.child.kill('SIGTERM');
    const late = setTimeout(() => this.child.kill('SIGKILL'), 20_000);
    const { code, signal } = await this.child.ended;
    clearTimeout(late);
    if (code !== 0) throw new Error(`${this.name} ended with ${signal ?? `exit code ${code}`} instead of 0; its log is ${this.log}`);
  }
}

// Calls `use` with daemons that are stopped afterwards, whatever comes.
export async function withDaemons(bench, names, database, use) {
  const daemons = [];
  let stopped = false;
  try {
    for (const name of names) daemons.push(await Daemon.start(bench, name, database));
    const result = await use(...daemons);
    stopped = true;
    for (const daemon of daemons) await daemon.stop();
    return result;
  } finally {
    if (!stopped) daemons.forEach((daemon) => daemon.child.kill('SIGKILL'));
    await Promise.all(daemons.map((daemon) => daemon.child.ended));
  }
}
