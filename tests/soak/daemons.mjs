// The daemons of a soak: started, killed, stopped, and started again whenever they end, as an init system would.
import { execFile, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { sleep } from './random.mjs';

const run = promisify(execFile);
const kRestartPause = 300; // milliseconds
// It does not get along with a sanitizer.
const kFaketime = process.env.SLUICE_SANITIZE ? undefined : readdirSync('/usr/lib').map((folder) => `/usr/lib/${folder}/faketime/libfaketimeMT.so.1`).find((path) => existsSync(path));

export class Daemons {
  // `names`: listener, worker and notifier, each as often as it is to run.
  constructor({ sluice, dsn, folder, names }) {
    Object.assign(this, { sluice, dsn, folder });
    this.running = names.map((name, index) => ({ name, label: `${name}-${index + 1}`, child: null, ends: 0 }));
    this.stopping = false;
  }

  start() {
    for (const daemon of this.running) {
      this.setClock(daemon, 0);
      this.#spawn(daemon);
    }
  }

  #file(daemon, ending) {
    return join(this.folder, `${daemon.label}.${ending}`);
  }

  #spawn(daemon) {
    const log = openSync(this.#file(daemon, 'log'), 'a');
    const words = [daemon.name, '--http.allow_networks', '127.0.0.0/8', '--daemon.shutdown_timeout', '5s'];
    // In the environment: a DSN on the command line would show in the process list.
    const env = { ...process.env, SLUICE_DATABASE_DSN: this.dsn };
    // The monotonic clock goes on as it does on a real machine whose clock is set.
    if (kFaketime) {
      Object.assign(env, { LD_PRELOAD: kFaketime, FAKETIME_TIMESTAMP_FILE: this.#file(daemon, 'clock'), FAKETIME_CACHE_DURATION: '1',
        FAKETIME_DONT_FAKE_MONOTONIC: '1', NO_FAKE_STAT: '1' });
    }
    daemon.child = spawn(this.sluice, words, { stdio: ['ignore', log, log], env });
    closeSync(log);
    daemon.child.on('exit', async () => {
      daemon.ends += 1;
      daemon.child = null;
      await sleep(kRestartPause);
      if (!this.stopping) this.#spawn(daemon);
    });
  }

  signal(daemon, signal) {
    daemon.child?.kill(signal);
  }

  static canSetClocks = kFaketime !== undefined;

  // That daemon's wall clock is that many seconds ahead, a second from now at the latest.
  setClock(daemon, seconds) {
    writeFileSync(this.#file(daemon, 'clock'), `${seconds < 0 ? '' : '+'}${seconds}\n`);
  }

  // Until the returned function is called, that daemon gets no descriptor beyond those numbered below `limit`; null: beyond those it has.
  async exhaustDescriptors(daemon, limit) {
    const pid = daemon.child?.pid;
    if (!pid) return async () => {};
    const soft = limit ?? Math.max(...readdirSync(`/proc/${pid}/fd`).map(Number)) + 1;
    const { stdout } = await run('prlimit', ['--pid', pid, '--nofile', '--noheadings', '--output', 'SOFT,HARD']);
    const [before, hard] = stdout.trim().split(/ +/);
    await run('prlimit', ['--pid', pid, `--nofile=${soft}:${hard}`]);
    return () => run('prlimit', ['--pid', pid, `--nofile=${before}:${hard}`]).catch(() => {}); // it may be gone
  }

  continueAll() {
    for (const daemon of this.running) this.signal(daemon, 'SIGCONT');
  }

  // At once, when the soak itself is ended.
  kill() {
    this.stopping = true;
    for (const daemon of this.running) this.signal(daemon, 'SIGKILL');
  }

  async stop() {
    this.stopping = true;
    this.continueAll();
    for (const daemon of this.running) this.signal(daemon, 'SIGTERM');
    while (this.running.some(({ child }) => child !== null)) await sleep(50);
  }
}
