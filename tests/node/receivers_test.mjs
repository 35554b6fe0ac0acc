// The samples of examples/receivers take what `sluice eval sign` signs, and nothing else. A language without an interpreter here is skipped.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';

const kRoot = fileURLToPath(new URL('../..', import.meta.url));
const kSecret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const kOtherSecret = `whsec_${Buffer.alloc(32, 8).toString('base64')}`;
const kBody = '{"type":"ping","data":{"text":"snow ☃, quote \\" and\\nline"}}';
const kId = 'msg_2KWPBgLlAfxdpx2AI54pPJ85f4W';
const kSamples = [
  { language: 'JavaScript', command: [process.execPath, 'verify.mjs'] },
  { language: 'Python', command: ['python3', 'verify.py'] },
  { language: 'PHP', command: ['php', 'verify.php'] },
  { language: 'Ruby', command: ['ruby', 'verify.rb'] },
  { language: 'Go', command: ['go', 'run', 'verify.go'] },
];

function sign(secret, timestamp, body = kBody) {
  const sluice = process.env.SLUICE_BINARY ?? `${kRoot}build/bin/sluice`;
  const { stdout } = spawnSync(sluice, ['eval', 'sign'], { input: JSON.stringify({ secret, id: kId, timestamp, body }) + '\n' });
  return JSON.parse(stdout)['webhook-signature'];
}

function verify([program, ...words], { timestamp, signature, body = kBody }) {
  const env = { ...process.env, WEBHOOK_SECRET: kSecret, WEBHOOK_ID: kId, WEBHOOK_TIMESTAMP: String(timestamp), WEBHOOK_SIGNATURE: signature };
  return spawnSync(program, words, { cwd: `${kRoot}examples/receivers`, input: body, env, encoding: 'utf8' });
}

for (const { language, command } of kSamples) {
  const found = spawnSync(command[0], ['--version']).error === undefined;
  test(`${language} takes what is signed and nothing else`, { skip: found ? false : `${command[0]} is not here` }, () => {
    const now = Math.floor(Date.now() / 1000);
    const signature = sign(kSecret, now);
    const outcomeOf = (request) => {
      const { status, stderr } = verify(command, { timestamp: now, signature, ...request });
      return status === 0 ? 'taken' : stderr.trim();
    };
    assert.equal(outcomeOf({}), 'taken');
    assert.equal(outcomeOf({ signature: `${sign(kOtherSecret, now)} v1a,xyz ${signature}` }), 'taken', 'rotation');
    assert.match(outcomeOf({ body: kBody.replace('ping', 'pong') }), /no signature fits/);
    assert.match(outcomeOf({ signature: sign(kOtherSecret, now) }), /no signature fits/);
    assert.match(outcomeOf({ signature: '' }), /no signature fits/);
    assert.match(outcomeOf({ timestamp: now + 1 }), /no signature fits/);
    assert.match(outcomeOf({ timestamp: now - 600, signature: sign(kSecret, now - 600) }), /too old/);
    assert.match(outcomeOf({ timestamp: 'soon' }), /no number/);
  });
}
