// A TCP relay between the daemons and the server that misbehaves when it is told to.
import { connect, createServer } from 'node:net';

export class Proxy {
  constructor() {
    this.pairs = new Set();
    this.delay = 0;
    this.dropping = false; // reads and throws away: half-open connections
  }

  // Keeps a port to listen on, and refuses connections until it does.
  async choosePort() {
    await this.listen(0);
    await new Promise((resolve) => this.server.close(resolve));
  }

  async listen(target) {
    this.target = target;
    this.server = createServer((client) => this.#relay(client));
    await new Promise((resolve, reject) => this.server.once('error', reject).listen(this.port ?? 0, '127.0.0.1', resolve));
    this.port = this.server.address().port;
  }

  #relay(client) {
    const server = connect(this.target, '127.0.0.1');
    const pair = { client, server };
    this.pairs.add(pair);
    for (const [from, to] of [[client, server], [server, client]]) {
      from.setNoDelay(true);
      from.on('data', (bytes) => this.#pass(to, bytes));
      from.on('error', () => to.destroy());
      from.on('close', () => {
        to.destroy();
        this.pairs.delete(pair);
      });
    }
  }

  #pass(to, bytes) {
    if (this.dropping) return;
    if (this.delay === 0) to.write(bytes);
    else setTimeout(() => to.destroyed || to.write(bytes), this.delay); // equal delays keep the order
  }

  // Half-open connections that are to work again must be made anew: bytes of them are gone.
  cut() {
    for (const { client, server } of this.pairs) {
      client.destroy();
      server.destroy();
    }
  }

  block() {
    for (const { client, server } of this.pairs) client.pause(), server.pause();
  }

  unblock() {
    for (const { client, server } of this.pairs) client.resume(), server.resume();
  }

  // Refuses connections from now on.
  close() {
    this.server.close();
    this.cut();
  }
}
