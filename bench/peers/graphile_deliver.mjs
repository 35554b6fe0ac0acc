// A delivery as a job of graphile-worker would make it: signed by `standardwebhooks`, posted by undici over kept connections, logged. The
// signers are made once a secret; the log is written as a delivery's last act.
import { Agent, request } from 'undici';
import { Webhook } from 'standardwebhooks';

const agent = new Agent({ connections: 64 });
const signers = new Map();

function signerOf(secret) {
  if (!signers.has(secret)) signers.set(secret, new Webhook(secret));
  return signers.get(secret);
}

export async function deliver({ endpoint, url, secret, id, body }, helpers) {
  const now = new Date();
  const { statusCode, body: response } = await request(url, {
    dispatcher: agent, method: 'POST', body,
    headers: {
      'content-type': 'application/json', 'webhook-id': id, 'webhook-timestamp': String(Math.floor(now / 1000)),
      'webhook-signature': signerOf(secret).sign(id, now, body),
    },
  });
  await response.dump();
  if (statusCode < 200 || statusCode > 299) throw new Error(`status ${statusCode}`);
  await helpers.withPgClient((client) => client.query({
    name: 'log', text: 'insert into bench.attempts (endpoint, message, started_at, status) values ($1, $2, $3, $4)', values: [endpoint, id, now, statusCode],
  }));
}
