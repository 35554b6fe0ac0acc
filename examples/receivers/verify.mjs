// Verifies a webhook of Sluice. Give it the raw body, before any JSON parser has touched it.
import { createHmac, timingSafeEqual } from 'node:crypto';

const kTolerance = 5 * 60; // seconds that the sender's clock may differ from ours; older requests may be replays

// Throws when the request is not from the holder of `secret` (whsec_...). `headers` have lower-case names.
export function verify(secret, headers, body, now = Date.now() / 1000) {
  const id = headers['webhook-id'] ?? '';
  const timestamp = headers['webhook-timestamp'] ?? '';
  if (!/^\d{1,12}$/.test(timestamp)) throw new Error('webhook-timestamp is missing or no number');
  if (Math.abs(now - Number(timestamp)) > kTolerance) throw new Error('webhook-timestamp is too old or in the future');
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  const expected = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest();
  // There is more than one signature while a secret is being rotated, and there may be some of other kinds.
  for (const item of (headers['webhook-signature'] ?? '').split(' ')) {
    if (!item.startsWith('v1,')) continue;
    const given = Buffer.from(item.slice(3), 'base64');
    if (given.length === expected.length && timingSafeEqual(given, expected)) return;
  }
  throw new Error('no signature fits');
}

// As a program: the headers from the environment, the body from standard input.
if (process.argv[1] === new URL(import.meta.url).pathname) {
  const chunks = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  const { WEBHOOK_SECRET, WEBHOOK_ID, WEBHOOK_TIMESTAMP, WEBHOOK_SIGNATURE } = process.env;
  const headers = { 'webhook-id': WEBHOOK_ID, 'webhook-timestamp': WEBHOOK_TIMESTAMP, 'webhook-signature': WEBHOOK_SIGNATURE };
  try {
    verify(WEBHOOK_SECRET, headers, Buffer.concat(chunks));
  } catch (error) {
    console.error(error.message);
    process.exit(1);
  }
}
