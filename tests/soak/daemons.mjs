// The daemons of a soak: started, killed, stopped, and started again whenever they end, as an init system would.
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { sleep } from './random.mjs';

const kRestartPause = 300; // milliseconds

export class Daemons {
  // `names`: listener, worker and notifier, each as often as it is to run.
  constructor({ sluice, dsn, folder, names }) {
    Object.assign(this, { sluice, dsn, folder });
    this.running = names.map((name, index) => ({ name, label: `${name} ${index + 1}`, child: null, ends: 0 }));
    this.stopping = false;
  }

  start() {
    for (const daemon of this.running) this.#spawn(daemon);
  }

  #spawn(daemon) {
    const log = openSync(join(this.folder, `${daemon.label.replace(' ', '-')}.log`), 'a');
    const words = [daemon.name, '--http.allow_networks', '127.0.0.0/8', '--daemon.shutdown_timeout', '5s'];
    // In the environment: a DSN on the command line would show in the process list.
    const env = { ...process.env, SLUICE_DATABASE_DSN: this.dsn };
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

  continueAll() {
    for (const daemon of this.running) this.signal(daemon, 'SIGCONT');
  }

  async stop() {
    this.stopping = true;
    this.continueAll();
    for (const daemon of this.running) this.signal(daemon, 'SIGTERM');
    while (this.running.some(({ child }) => child !== null)) await sleep(50);
  }
}
