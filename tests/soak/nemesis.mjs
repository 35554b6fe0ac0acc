// The faults. One at a time, at moments and on victims that the seed decides; each ends before the next begins.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { sleep } from './random.mjs';

const run = promisify(execFile);
const kServer = new URL('server', import.meta.url).pathname;

export class Nemesis {
  // `admin(sql)` runs a statement on a connection of its own, straight to the server.
  constructor({ random, daemons, proxy, world, admin, say }) {
    Object.assign(this, { random, daemons, proxy, world, admin, say });
    this.injected = new Map();
  }

  #faults() {
    const victim = this.random.pick(this.daemons.running);
    const pause = this.random.between(500, 3000);
    const frozen = this.random.between(1000, 9000); // past a lease
    return {
      'daemon killed': async () => this.daemons.signal(victim, 'SIGKILL'),
      'daemon terminated': async () => this.daemons.signal(victim, 'SIGTERM'),
      'daemon frozen': async () => {
        this.daemons.signal(victim, 'SIGSTOP');
        await sleep(frozen);
        this.daemons.signal(victim, 'SIGCONT');
      },
      'server restarted (fast)': () => run(kServer, ['fast']),
      'server restarted (immediate)': () => run(kServer, ['immediate']),
      'postmaster killed': () => run(kServer, ['kill']),
      'connections cut': async () => this.proxy.cut(),
      'connections blocked': async () => {
        this.proxy.block();
        await sleep(pause);
        this.proxy.unblock();
      },
      'connections half open': async () => {
        this.proxy.dropping = true;
        await sleep(pause);
        this.proxy.dropping = false;
        this.proxy.cut();
      },
      'connections slow': async () => {
        this.proxy.delay = 40;
        await sleep(pause);
        this.proxy.delay = 0;
        this.proxy.cut();
      },
      'backends terminated': () => this.admin("select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'sluice %'"),
      'tables locked': () => this.admin(`begin; lock table sluice_private.tasks, sluice.webhook_deliveries in access exclusive mode; select pg_sleep(${pause / 1000}); commit`),
      'transaction held open': () => this.admin(`begin; select pg_current_xact_id(); select pg_sleep(${pause / 1000}); commit`),
      'receivers away': async () => {
        this.world.away = true;
        await sleep(pause);
        this.world.away = false;
      },
    };
  }

  async runFor(milliseconds) {
    const until = Date.now() + milliseconds;
    while (Date.now() < until) {
      const faults = this.#faults();
      const name = this.random.pick(Object.keys(faults));
      this.injected.set(name, (this.injected.get(name) ?? 0) + 1);
      this.say(name);
      // A fault may be cut short by what it does to the server itself.
      await faults[name]().catch((error) => this.say(`  (${error.message.split('\n')[0]})`));
      await sleep(this.random.between(200, 2500));
    }
  }
}
