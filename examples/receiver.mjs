// A receiver of webhooks on the loopback network: verifies every request with the package that a subscriber would use, keeps
// what it got, and serves it at /received. The signing secret comes from the environment variable WEBHOOK_SECRET.
import { appendFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { Webhook } from 'standardwebhooks';

const kMaxBody = 1 << 20;

async function readBody(request) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > kMaxBody) throw new Error(`body above ${kMaxBody} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function verify(webhook, body, headers) {
  try {
    webhook.verify(body, headers);
    return { verified: true };
  } catch (error) {
    return { verified: false, error: error.message };
  }
}

function reply(response, status, value) {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(value === undefined ? undefined : JSON.stringify(value));
}

// A server, not yet listening. `failFirst` requests with a good signature get 500, so that a retry can be seen; an id that was
// accepted before is answered with 204 again and counted, as a receiver that must not act twice would do.
export function makeReceiver({ secret, failFirst = 0, jsonLog = null, clock = () => new Date() }) {
  const webhook = new Webhook(secret);
  const received = [];
  const attempts = new Map();
  let toFail = failFirst;

  async function take(request, response) {
    const body = await readBody(request);
    const outcome = verify(webhook, body, request.headers);
    const id = request.headers['webhook-id'] ?? '';
    attempts.set(id, (attempts.get(id) ?? 0) + 1);
    let status = outcome.verified ? 204 : 401;
    if (outcome.verified && toFail > 0) {
      toFail -= 1;
      status = 500;
    }
    const entry = {
      at: clock().toISOString(), id, attempt: attempts.get(id), status, ...outcome,
      path: request.url, headers: request.headers, body,
    };
    received.push(entry);
    if (jsonLog) appendFileSync(jsonLog, JSON.stringify(entry) + '\n');
    reply(response, status);
  }

  return createServer((request, response) => {
    const url = new URL(request.url, 'http://receiver');
    if (request.method === 'GET' && url.pathname === '/received') {
      reply(response, 200, received.slice(Number(url.searchParams.get('after') ?? 0)));
    } else if (request.method === 'POST') {
      take(request, response).catch((error) => reply(response, 400, { error: error.message }));
    } else {
      reply(response, 405, { error: 'POST a webhook, or GET /received?after=N' });
    }
  });
}

function main() {
  const { values } = parseArgs({
    options: { port: { type: 'string', default: '8099' }, 'fail-first': { type: 'string', default: '0' }, 'json-log': { type: 'string' } },
  });
  const secret = process.env.WEBHOOK_SECRET;
  if (!secret) {
    console.error('error: WEBHOOK_SECRET is not set\nHINT: it is the signing_secret that sluice.subscribe returned');
    process.exit(2);
  }
  const server = makeReceiver({ secret, failFirst: Number(values['fail-first']), jsonLog: values['json-log'] });
  server.listen(Number(values.port), '127.0.0.1', () => console.log(`receiver on http://127.0.0.1:${server.address().port}`));
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(0));
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) main();
