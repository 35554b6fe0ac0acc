// Verifies webhooks as their receivers would. Standard input: one JSON object a line, {"secret", "headers", "body"}, where secret is
// whsec_… (both npm packages must accept) or whpk_… (the Ed25519 signature v1a, by node's own crypto). Standard output: one line
// each, {"verified", "by"} or {"verified": false, "by", "error"}. Exit 0 when all were verified, 1 when not, 2 without any input.
import { createPublicKey, verify as verifySignature } from 'node:crypto';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import { Webhook as SvixWebhook } from 'svix';

const kToleranceSeconds = 300;
const kEd25519KeyPrefix = Buffer.from('302a300506032b6570032100', 'hex'); // SubjectPublicKeyInfo up to the key's 32 bytes (RFC 8410)

function publicKey(secret) {
  const bytes = Buffer.from(secret.slice('whpk_'.length), 'base64');
  if (bytes.length !== 32) throw new Error(`a whpk_ key has 32 bytes, not ${bytes.length}`);
  return createPublicKey({ key: Buffer.concat([kEd25519KeyPrefix, bytes]), format: 'der', type: 'spki' });
}

function verifyEd25519(secret, body, headers, now) {
  const key = publicKey(secret);
  const timestamp = Number(headers['webhook-timestamp']);
  if (!(Math.abs(now - timestamp) <= kToleranceSeconds)) throw new Error('timestamp too old, too new or missing');
  const signed = Buffer.from(`${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`);
  const items = (headers['webhook-signature'] ?? '').split(' ').filter((item) => item.startsWith('v1a,'));
  if (items.length === 0) throw new Error('no v1a signature');
  if (!items.some((item) => verifySignature(null, signed, key, Buffer.from(item.slice(4), 'base64')))) throw new Error('no matching v1a signature');
}

function attempt(by, check) {
  try {
    check();
    return { verified: true, by };
  } catch (error) {
    return { verified: false, by, error: error.message };
  }
}

// One result a verifier that the secret's kind calls for. Header names in any case.
export function verifyWebhook({ secret, headers, body }, now = Date.now() / 1000) {
  const lower = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  if (secret.startsWith('whpk_')) return [attempt('node:crypto', () => verifyEd25519(secret, body, lower, now))];
  return [
    attempt('standardwebhooks', () => new StandardWebhook(secret).verify(body, lower)),
    attempt('svix', () => new SvixWebhook(secret).verify(body, lower)),
  ];
}

async function main() {
  let lines = 0;
  let refused = 0;
  for await (const line of createInterface({ input: process.stdin })) {
    if (!line.trim()) continue;
    lines += 1;
    for (const result of verifyWebhook(JSON.parse(line))) {
      if (!result.verified) refused += 1;
      console.log(JSON.stringify(result));
    }
  }
  if (lines === 0) {
    console.error('error: no webhook on standard input\nHINT: one JSON object a line: {"secret", "headers", "body"}');
    process.exitCode = 2;
  } else if (refused > 0) {
    process.exitCode = 1;
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) await main();
