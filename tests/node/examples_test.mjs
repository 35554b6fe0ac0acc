// The demonstration's receiver and library, over real sockets.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { makeReceiver } from '../../examples/receiver.mjs';
import { makeRecommendations } from '../../examples/recommendations.mjs';

const kSecret = 'whsec_' + Buffer.alloc(32, 7).toString('base64');
const kBody = '{"type":"session_started"}';

// Starts the server for one test and gives its address.
async function serve(t, server) {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close() && server.closeAllConnections?.());
  return `http://127.0.0.1:${server.address().port}`;
}

function webhook(id, secret = kSecret) {
  const seconds = Math.floor(Date.now() / 1000);
  const mac = createHmac('sha256', Buffer.from(secret.slice(6), 'base64')).update(`${id}.${seconds}.${kBody}`).digest('base64');
  return {
    method: 'POST', body: kBody,
    headers: { 'webhook-id': id, 'webhook-timestamp': String(seconds), 'webhook-signature': `v1,${mac}` },
  };
}

test('the receiver accepts a signed webhook and serves what it got', async (t) => {
  const address = await serve(t, makeReceiver({ secret: kSecret }));
  assert.equal((await fetch(`${address}/hooks`, webhook('msg_1'))).status, 204);
  const [entry] = await (await fetch(`${address}/received`)).json();
  assert.deepEqual([entry.id, entry.verified, entry.attempt, entry.body], ['msg_1', true, 1, kBody]);
  assert.deepEqual(await (await fetch(`${address}/received?after=1`)).json(), []);
});

test('the receiver refuses a webhook signed with another secret', async (t) => {
  const address = await serve(t, makeReceiver({ secret: kSecret }));
  const forged = webhook('msg_1', 'whsec_' + Buffer.alloc(32, 8).toString('base64'));
  assert.equal((await fetch(address, forged)).status, 401);
  assert.equal((await (await fetch(`${address}/received`)).json())[0].verified, false);
});

test('the receiver fails the first requests when told to, and counts the tries of an id', async (t) => {
  const address = await serve(t, makeReceiver({ secret: kSecret, failFirst: 1 }));
  assert.equal((await fetch(address, webhook('msg_1'))).status, 500);
  assert.equal((await fetch(address, webhook('msg_1'))).status, 204);
  const received = await (await fetch(`${address}/received`)).json();
  assert.deepEqual(received.map((entry) => [entry.attempt, entry.status]), [[1, 500], [2, 204]]);
});

function wish(level, headers = { authorization: 'Bearer t0ken' }) {
  return { method: 'POST', headers, body: JSON.stringify({ level }) };
}

test('the library gives a level by age and books by level', async (t) => {
  const address = await serve(t, makeRecommendations({ token: 't0ken' }));
  assert.deepEqual(await (await fetch(`${address}/profile?age=15`)).json(), { level: 'explorer', loan_days: 28 });
  const { data } = await (await fetch(`${address}/recommendations`, wish('explorer'))).json();
  assert.equal(data.total, data.books.length);
  assert.equal(data.books[0].title, 'A Map of Small Rivers');
});

test('the library refuses a wrong token, a wrong age and an unknown level', async (t) => {
  const address = await serve(t, makeRecommendations({ token: 't0ken' }));
  assert.equal((await fetch(`${address}/recommendations`, wish('explorer', { authorization: 'Bearer other' }))).status, 401);
  assert.equal((await fetch(`${address}/profile?age=old`)).status, 400);
  assert.equal((await fetch(`${address}/recommendations`, wish('wizard'))).status, 422);
});

test('the bookbot asks the library at the address that the player replaces', () => {
  const text = readFileSync(new URL('../../examples/bookbot.json', import.meta.url), 'utf8');
  const player = readFileSync(new URL('../../examples/play.mjs', import.meta.url), 'utf8');
  const address = /kLibraryInFlow = '([^']+)'/.exec(player)[1];
  assert.equal(text.split(address).length - 1, 2);
});

test('every connection of the bookbot joins two of its nodes, and every node but the entry is reached', () => {
  const flow = JSON.parse(readFileSync(new URL('../../examples/bookbot.json', import.meta.url), 'utf8'));
  const composites = flow.nodes.filter((node) => node.node_type === 'composite').map((node) => node.content);
  for (const graph of [flow, ...composites]) {
    const ids = new Set(graph.nodes.map((node) => node.node_id));
    assert.equal(ids.size, graph.nodes.length);
    const branches = graph.nodes.filter((node) => node.node_type === 'condition')
      .flatMap(({ content }) => [...content.conditions.map((entry) => entry.then), content.else]);
    const targets = [...graph.connections.map((edge) => edge.target_node_id), ...branches];
    for (const id of [...targets, ...graph.connections.map((edge) => edge.source_node_id)]) assert.ok(ids.has(id), id);
    for (const id of ids) assert.ok(id === graph.entry_node_id || targets.includes(id), `${id} is not reached`);
  }
});
