// verify.mjs accepts what is signed and nothing else.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { verifyWebhook } from './verify.mjs';

const kSecret = 'whsec_' + Buffer.alloc(32, 7).toString('base64');
const kBody = '{"type":"node_changed","name":"Zoë"}';

function signed({ id = 'msg_1', seconds = Math.floor(Date.now() / 1000), secret = kSecret, body = kBody } = {}) {
  const key = Buffer.from(secret.slice(6), 'base64');
  const mac = createHmac('sha256', key).update(`${id}.${seconds}.${body}`).digest('base64');
  return { secret, body, headers: { 'webhook-id': id, 'webhook-timestamp': String(seconds), 'webhook-signature': `v1,${mac}` } };
}

function signedWithEd25519() {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
  const seconds = String(Math.floor(Date.now() / 1000));
  const signature = sign(null, Buffer.from(`msg_2.${seconds}.${kBody}`), privateKey).toString('base64');
  return {
    secret: 'whpk_' + raw.toString('base64'),
    body: kBody,
    headers: { 'Webhook-Id': 'msg_2', 'Webhook-Timestamp': seconds, 'Webhook-Signature': `v1,AAAA v1a,${signature}` },
  };
}

const verdicts = (webhook) => verifyWebhook(webhook).map(({ by, verified }) => `${by} ${verified}`);

test('both packages accept a good v1 signature', () => {
  assert.deepEqual(verdicts(signed()), ['standardwebhooks true', 'svix true']);
});

test('a new key beside an old one during rotation is accepted', () => {
  const webhook = signed();
  webhook.headers['webhook-signature'] = `v1,${Buffer.alloc(32).toString('base64')} ${webhook.headers['webhook-signature']}`;
  assert.deepEqual(verdicts(webhook), ['standardwebhooks true', 'svix true']);
});

for (const [what, change] of [
  ['another body', (webhook) => (webhook.body += ' ')],
  ['another id', (webhook) => (webhook.headers['webhook-id'] = 'msg_3')],
  ['another secret', (webhook) => (webhook.secret = 'whsec_' + Buffer.alloc(32, 8).toString('base64'))],
  ['commas between items', (webhook) => (webhook.headers['webhook-signature'] = `v1,AAAA,${webhook.headers['webhook-signature']}`)],
]) {
  test(`${what} is refused`, () => {
    const webhook = signed();
    change(webhook);
    assert.deepEqual(verdicts(webhook), ['standardwebhooks false', 'svix false']);
  });
}

test('a timestamp of an hour ago is refused', () => {
  assert.deepEqual(verdicts(signed({ seconds: Math.floor(Date.now() / 1000) - 3600 })), ['standardwebhooks false', 'svix false']);
});

test('v1a is verified by the public key, whatever stands beside it', () => {
  const webhook = signedWithEd25519();
  assert.deepEqual(verdicts(webhook), ['node:crypto true']);
  webhook.body += ' ';
  assert.deepEqual(verdicts(webhook), ['node:crypto false']);
});

test('as a command: exit 0, 1 and 2', () => {
  const run = (input) => spawnSync(process.execPath, [fileURLToPath(new URL('verify.mjs', import.meta.url))], { input, encoding: 'utf8' });
  const good = JSON.stringify(signed());
  assert.equal(run(`${good}\n${good}\n`).status, 0);
  assert.equal(run(`${good}\n${JSON.stringify({ ...signed(), body: 'x' })}\n`).status, 1);
  assert.equal(run('').status, 2);
});
