// What lies between the console and its database, so that a test can cut it.
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

export class Wire {
  static async open() {
    const wire = new Wire();
    await wire.mend();
    return wire;
  }

  #sockets = new Set();

  async mend() {
    this.server = createServer((near) => {
      const far = connect(Number(process.env.PGPORT), process.env.PGHOST);
      for (const [from, to] of [[near, far], [far, near]]) {
        this.#sockets.add(from);
        from.on('error', () => {}).on('close', () => { this.#sockets.delete(from); to.destroy(); });
        from.pipe(to);
      }
    }).listen(this.port ?? 0, '127.0.0.1');
    await once(this.server, 'listening');
    this.port = this.server.address().port;
  }

  // Who is connected is thrown out, and who comes is refused.
  cut() {
    this.server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}
