// The faults: one after another, in an order, at moments and on victims that the seed decides. Each kind comes once before any comes again.
// Some are joined by a daemon's death while they last.
import { sleep } from './random.mjs';

const kTables = ['sluice_private.tasks', 'sluice.webhook_deliveries', 'sluice.conversation_sessions', 'sluice_private.event_positions', 'sluice_private.lanes',
  'sluice_private.processes'];

// Each fault gets what the seed drew for it: a victim, a pause in milliseconds, and a number below 1 for whatever else it has to choose.
const kFaults = {
  'daemon killed': async ({ daemons }, { victim }) => daemons.signal(victim, 'SIGKILL'),
  'daemon terminated': async ({ daemons }, { victim }) => daemons.signal(victim, 'SIGTERM'),
  'daemon frozen': async ({ daemons }, { victim, pause }) => {
    daemons.signal(victim, 'SIGSTOP');
    await sleep(3 * pause); // past a lease, or not
    daemons.signal(victim, 'SIGCONT');
  },
  'clock stepped': async ({ daemons }, { victim, pause, choice }) => {
    daemons.setClock(victim, Math.round((choice - 0.5) * 14_400)); // up to two hours either way
    await sleep(1000 + 2 * pause);
    daemons.setClock(victim, 0);
  },
  'descriptors exhausted': async ({ daemons, servers }, { victim, pause, choice }) => {
    const restore = await daemons.exhaustDescriptors(victim, choice < 0.5 ? 12 : null);
    if (choice < 0.5) servers.proxy.cut(); // so that it must connect without one
    await sleep(pause);
    await restore();
  },
  'server restarted (fast)': ({ servers }) => servers.restart('fast'),
  'server restarted (immediate)': ({ servers }) => servers.restart('immediate'),
  'postmaster killed': ({ servers }) => servers.restart('kill'),
  'standby promoted': async ({ servers }, { pause }) => {
    const promote = await servers.failOver();
    await sleep(pause); // commits wait for the standby
    await promote();
  },
  'disk full': ({ servers }, { pause }) => servers.whileDiskIsFull(() => sleep(pause)),
  'connections cut': async ({ servers }) => servers.proxy.cut(),
  'connections blocked': async ({ servers }, { pause }) => {
    servers.proxy.block();
    await sleep(pause);
    servers.proxy.unblock();
  },
  'connections half open': async ({ servers: { proxy } }, { pause }) => {
    proxy.dropping = true;
    await sleep(pause);
    proxy.dropping = false;
    proxy.cut();
  },
  'connections slow': async ({ servers: { proxy } }, { pause }) => {
    proxy.delay = 40;
    await sleep(pause);
    proxy.delay = 0;
    proxy.cut();
  },
  'backends terminated': ({ admin }) => admin("select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'sluice %'"),
  'table locked': ({ admin }, { pause, choice }) =>
    admin(`begin; lock table ${kTables[Math.floor(choice * kTables.length)]} in access exclusive mode; select pg_sleep(${pause / 1000}); commit`),
  'transaction held open': ({ admin }, { pause }) => admin(`begin; select pg_current_xact_id(); select pg_sleep(${pause / 333}); commit`),
  'privilege revoked': async ({ admin, grants }, { pause, choice }) => {
    const { privilege, role } = grants[Math.floor(choice * grants.length)];
    await admin(`revoke ${privilege} from ${role}`);
    await sleep(pause);
    await admin(`grant ${privilege} to ${role}`);
  },
  'receiver away': async ({ world }, { pause, choice }) => {
    world.away = world.receivers[Math.floor(choice * world.receivers.length)];
    await sleep(2 * pause);
    world.away = null;
  },
};

export class Nemesis {
  // `admin(sql)` runs a statement as the superuser, straight to the server, again and again until it succeeds. `grants`: what the daemons
  // may do, {privilege, role}. `unable`: kinds that this machine cannot do.
  constructor({ random, unable, say, ...world }) {
    Object.assign(this, { random, say, world });
    this.kinds = Object.keys(kFaults).filter((kind) => !unable.includes(kind));
    this.injected = []; // {kind, at, until, detail}
    this.left = [];
  }

  // The same number of draws for each, so that the seed decides all that follows too.
  #draw() {
    const { random } = this;
    if (this.left.length === 0) this.left = [...this.kinds];
    const [kind] = this.left.splice(Math.floor(random.next() * this.left.length), 1);
    const victims = this.world.daemons.running;
    return { kind, victim: random.pick(victims), pause: random.between(500, 3000), choice: random.next(), calm: random.between(200, 2500),
      second: random.next() < 0.3 ? random.pick(victims) : (random.next(), null) };
  }

  async runFor(milliseconds) {
    const end = Date.now() + milliseconds;
    while (Date.now() < end) {
      const fault = this.#draw();
      const entry = { kind: fault.kind, detail: fault.second ? `and ${fault.second.label} killed` : '', at: Date.now() };
      this.injected.push(entry);
      this.say(`${fault.kind}, ${fault.victim.label}, ${Math.round(fault.pause)} ms, ${fault.choice.toFixed(3)} ${entry.detail}`);
      // A fault may be cut short by what it does to the server itself.
      const done = kFaults[fault.kind](this.world, fault).catch((error) => this.say(`  (${error.message.trim().split('\n').at(-1)})`));
      if (fault.second) {
        await sleep(fault.pause / 2);
        this.world.daemons.signal(fault.second, 'SIGKILL');
      }
      await done;
      entry.until = Date.now();
      await sleep(fault.calm);
    }
    await this.world.servers.up();
  }

  counts() {
    const counts = Object.fromEntries(this.kinds.map((kind) => [kind, 0]));
    for (const { kind } of this.injected) counts[kind] += 1;
    return counts;
  }
}
