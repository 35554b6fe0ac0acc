// Hostile values through every place where a flow's template is rendered: what arrives at the service, the receiver and in the tables is the value
// and nothing but the value.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { Daemon, dsnOf, kWorld, query, receive, waitUntil } from '../system/place.mjs';

const kDatabase = `templates_${process.pid}`;
const kServer = dsnOf(process.env.PGPORT, 'postgres');
const kDsn = dsnOf(process.env.PGPORT, kDatabase);
const kSecret = 'canary-7d1f';
process.env.SLUICE_SECRET_CANARY = kSecret;

const kHostile = [
  `'; drop table seen; --`, `$$; drop table seen; $$`, `x' || pg_sleep(60) || '`, `" || true || "`, `\\`, `\\"`, `\\u0000\\x00`, '%00', '%s%n$1',
  '{{variables.other}}', '{{{{variables.other}}}}', '}}{{variables.other', '{{secret:canary}}', '{{variables.{{variables.name}}}}',
  'x\r\nx-injected: yes', 'x\r\n\r\nGET /injected HTTP/1.1\r\nhost: x\r\n\r\n', 'x\nx-injected: yes', 'x\rx-injected: yes',
  '../../injected?x=1#y', '@injected.example/', '//injected.example/', '%2e%2e%2finjected', '&q=injected;z=2', '?#/\\', 'a b+c',
  '","injected":true,"x":"', '"}],"injected":[{"', '[1,2,{"a":null}]', 'null', '</script><script>alert(1)</script>', '\u202etxt.exe\u2028', '😀 ünï', '\t', '%%{}',
];
const kMarked = '\ufdd0CANARY\ufdd1'; // how a secret stands in a request before it is sent
const breaksLine = (value) => /[\r\n]/.test(value);
const stripped = (value) => value.replace(/^[ \t]+|[ \t]+$/g, ''); // of a header: HTTP says so

let service, receiver;
let daemons = [];

// Keeps every request as it came.
async function listen() {
  const got = [];
  const server = createServer((request, response) => {
    const parts = [];
    request.on('data', (part) => parts.push(part)).on('end', () => {
      got.push({ url: request.url, method: request.method, headers: request.headers, body: Buffer.concat(parts).toString() });
      response.setHeader('content-type', 'application/json').end('{}');
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  return { got, host: `127.0.0.1:${port}`, url: `http://127.0.0.1:${port}`, close: () => (server.closeAllConnections(), server.close()) };
}

const kValue = '{{variables.v}}';
const kUrlPart = `/p/${kValue}/e?q=${kValue}&z=1#${kValue}`;
const kAction = (entry) => ({ actions: [entry] });

function flow() {
  const call = (path, more) => ({ url: `${service.url}/${path}${kUrlPart}`, ...more });
  const nodes = [
    ['ask', 'question', { question: 'Say', input_type: 'text', variable: 'variables.v' }],
    ['json', 'webhook', call('json', { body: { sole: kValue, inside: `a ${kValue} b`, list: [kValue], deep: { n: 1, v: kValue }, object: '{{variables.o}}' } })],
    ['text', 'webhook', call('text', { headers: { 'content-type': 'text/plain' }, body: `a ${kValue} b` })],
    ['jsontext', 'webhook', call('jsontext', { body: `{"sole": "${kValue}", "inside": "a ${kValue} b"}` })],
    ['header', 'webhook', call('header', { headers: { 'x-sole': kValue, 'x-inside': `a ${kValue} b`, 'x-secret': '{{secret:canary}}' } })],
    ['api', 'action', kAction({ type: 'api_call', ...call('api', { method: 'POST', body: { sole: kValue } }) })],
    ['set', 'action', { actions: [
      { type: 'set_variable', variable: 'variables.copy', value: kValue }, { type: 'set_variable', variable: 'variables.inside', value: `a ${kValue} b` },
      { type: 'append', variable: 'variables.list', value: { v: kValue } }, { type: 'calculate', variable: 'variables.cel', expression: 'variables.v + "!"' },
      { type: 'remove', variable: 'variables.both', value: kValue }] }],
    ['inner', 'composite', { inputs: { x: kValue }, outputs: { 'variables.output': '{{output.x}}' }, entry_node_id: 'i', connections: [],
      nodes: [{ node_id: 'i', node_type: 'action', content: kAction({ type: 'set_variable', variable: 'output.x', value: '{{input.x}}' }) }] }],
    ['cel', 'condition', { conditions: [{ if: 'variables.v == variables.copy && variables.cel == variables.v + "!" && size(variables.v) > 0 && !(variables.v in ["", "injected"])', then: 'object', else: 'wrong' }] }],
    ['object', 'condition', { conditions: [{ if: { and: [{ var: 'variables.v', is_empty: false }, { not: { var: 'variables.v', eq: kValue } }, { not: { var: 'variables.v', matches: '^injected$' } }] }, then: 'say', else: 'wrong' }] }],
    ['wrong', 'message', { messages: [{ type: 'text', text: 'wrong' }] }],
    ['say', 'message', { messages: [{ type: 'text', text: `a ${kValue} b` }, { type: 'image', url: `https://img.example/${kValue}?q=${kValue}`, alt: kValue, more: kValue }, `a ${kValue} b`] }],
    ['choose', 'question', { question: `a ${kValue} b`, input_type: 'choice', variable: 'variables.chosen', options: [{ label: kValue, value: kValue }, { label: 'no', value: 'injected no' }], validation: { error_message: `not ${kValue} but` } }],
    ['script', 'script', { language: 'javascript', code: kValue, inputs: { sole: kValue, inside: `a ${kValue} b` }, outputs: [] }],
    ['end', 'message', { messages: [{ type: 'text', text: 'end {{variables.chosen.value}}' }] }],
  ].map(([node_id, node_type, content]) => ({ node_id, node_type, content }));
  const chain = ['ask', 'json', 'text', 'jsontext', 'header', 'api', 'set', 'inner', 'cel'];
  const connections = [['object', 'say'], ['say', 'choose'], ['choose', 'script'], ['script', 'end']].map(([from, to]) => ({ source_node_id: from, target_node_id: to, connection_type: 'default' }));
  chain.slice(1).forEach((to, i) => connections.push({ source_node_id: chain[i], target_node_id: to, connection_type: 'default' }));
  connections.push({ source_node_id: 'header', target_node_id: 'api', connection_type: 'failure' });
  connections.push({ source_node_id: 'cel', target_node_id: 'object', connection_type: 'default' });
  return { name: 'hostile', entry_node_id: 'ask', nodes, connections };
}

before(async () => {
  await query(kServer, `create database ${kDatabase} template sluice_template`);
  await query(kDsn, kWorld);
  await query(kDsn, `create table results (argument jsonb);
    create function done(argument jsonb) returns void language sql security definer set search_path = public, pg_temp as 'insert into results values (argument)'`);
  service = await listen();
  receiver = await receive();
  await query(kDsn, 'select sluice.publish_flow(sluice.import_flow($1))', [JSON.stringify(flow())]);
  daemons = ['worker', 'listener', 'notifier'].map((name) => new Daemon(kDsn, name));
});
after(async () => {
  for (const daemon of daemons) daemon.child.kill('SIGKILL');
  await Promise.all(daemons.map(({ ended }) => ended));
  receiver?.close();
  service?.close();
  await query(kServer, `drop database if exists ${kDatabase} with (force)`);
});

const sessionOf = async (token) => (await query(kDsn, 'select sluice.session($1) as session', [token]))[0].session;
const waitsAt = (token, node) => waitUntil(kDsn, `select coalesce((select s.current_node_id from sluice.conversation_sessions s where s.session_token = '${token}' and s.wait ->> 'for' = 'input'), 'none')`, node);

// The parts of a URL that a template stood in, as the service decodes them, in the shape that the flow's author gave.
function expectUrl({ url }, path, value) {
  const parsed = /^\/(\w+)\/p\/([^/?#]*)\/e\?q=([^&?#]*)&z=1$/.exec(url);
  assert.ok(parsed, `${JSON.stringify(value)}: ${url}`);
  assert.deepEqual([parsed[1], decodeURIComponent(parsed[2]), decodeURIComponent(parsed[3])], [path, value, value]);
}

async function play(value) {
  const from = service.got.length;
  const [{ token }] = await query(kDsn, "select session_token as token from sluice.start_session('hostile', initial_state => $1)",
    [{ variables: { other: 'injected', name: 'other', both: [value, 'injected'], o: { [value]: value } } }]);
  await waitsAt(token, 'ask');
  await query(kDsn, 'select sluice.send_input($1, $2)', [token, { text: value }]);
  await waitsAt(token, 'choose');
  const seen = service.got.slice(from);
  const of = (path) => seen.filter(({ url }) => url.startsWith(`/${path}/`));
  return { token, seen, of, session: await sessionOf(token) };
}

for (const value of kHostile) {
  test(`data stays data: ${JSON.stringify(value)}`, async () => {
    const { token, seen, of, session } = await play(value);
    const inside = `a ${value} b`;
    assert.deepEqual(seen.map(({ url }) => url.split('/')[1]), ['json', 'text', 'jsontext', ...(breaksLine(value) ? [] : ['header']), 'api']);
    for (const request of seen) {
      expectUrl(request, request.url.split('/')[1], value);
      assert.equal(request.headers.host, service.host);
      assert.equal(request.headers['x-injected'], undefined);
      assert.ok(!(request.url + request.body).includes(kSecret));
    }
    assert.deepEqual(JSON.parse(of('json')[0].body), { sole: value, inside, list: [value], deep: { n: 1, v: value }, object: { [value]: value } });
    assert.equal(of('text')[0].body, inside);
    assert.deepEqual(JSON.parse(of('jsontext')[0].body), { sole: value, inside });
    assert.deepEqual(JSON.parse(of('api')[0].body), { sole: value });
    if (!breaksLine(value)) {
      const { headers } = of('header')[0];
      const sent = (name) => Buffer.from(headers[name] ?? '', 'latin1').toString(); // what is empty may be left out
      assert.equal(sent('x-sole'), stripped(value));
      assert.equal(sent('x-inside'), inside);
      assert.equal(headers['x-secret'], kSecret); // what the author wrote is a secret; what the user wrote is not
    }
    const { variables } = session.state;
    assert.deepEqual([variables.v, variables.copy, variables.inside, variables.list, variables.cel, variables.output, variables.other, variables.both],
      [value, value, inside, [{ v: value }], `${value}!`, value, 'injected', ['injected']]);

    const shown = async (...nodes) => (await query(kDsn, `select h.content as m from sluice.conversation_history h join sluice.conversation_sessions s
      on s.id = h.session_id where s.session_token = $1 and h.node_id = any($2) and h.interaction_type = 'message' order by h.id`, [token, nodes])).map(({ m }) => m);
    const said = await shown('say', 'wrong');
    assert.equal(said.length, 3, JSON.stringify(said));
    assert.equal(said[0].text, inside);
    assert.equal(said[1].url, `https://img.example/${percent(value)}?q=${percent(value)}`);
    assert.deepEqual([said[1].alt, said[1].more], [value, value]);
    assert.equal(said[2].text, inside);
    assert.deepEqual(session.wait.options[0], { label: value, value });

    await query(kDsn, 'select sluice.send_input($1, $2)', [token, { text: 'neither' }]);
    await waitUntil(kDsn, `select sluice.session('${token}') ->> 'revision'`, session.revision + 1);
    assert.deepEqual((await shown('choose')).map(({ text }) => text), [inside, `not ${value} but`, inside]);
    await query(kDsn, 'select sluice.send_input($1, $2)', [token, { value: 'injected no' }]);
    await waitsAt(token, 'script');
    const [{ code, inputs }] = await shown('script');
    assert.deepEqual({ code, inputs }, { code: kValue, inputs: { sole: value, inside } }); // no value becomes code
  });
}

const percent = (text) => encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

test('a value cannot pose as a secret on its way', async () => {
  const { seen } = await play(kMarked);
  assert.ok(seen.length >= 4);
  for (const { url, body, headers } of seen) {
    assert.ok(!(url + body).includes(kSecret) && !(headers['x-sole'] ?? '').includes(kSecret) && !(headers['x-inside'] ?? '').includes(kSecret));
  }
});

test('a NUL comes no further than the call', async () => {
  const [{ token }] = await query(kDsn, "select session_token as token from sluice.start_session('hostile')");
  await assert.rejects(query(kDsn, 'select sluice.send_input($1, $2)', [token, '{"text": "a\\u0000b"}']), { code: '22P05' });
});

test('arguments of tasks, data of events and custom headers arrive as they are', async () => {
  const from = service.got.length;
  for (const value of kHostile) {
    await query(kDsn, "select sluice.enqueue('sql', $1)", [{ function: 'public.done', argument: { v: value, [value]: 1 } }]);
    await query(kDsn, "select sluice.enqueue('http', $1)", [{ url: `${service.url}/task`, method: 'POST', body: { v: value, list: [value, kMarked] } }]);
    await query(kDsn, "select sluice.emit('test.hostile', $1, $2)", [value, { v: value }]);
  }
  await query(kDsn, "select sluice.subscribe($1, '{test.hostile}')", [receiver.url]);
  for (const value of kHostile) {
    const options = { headers: { 'x-custom': value } };
    const subscribe = query(kDsn, "select sluice.subscribe($1, '{test.custom}', options => $2)", [`${service.url}/custom`, options]);
    if (breaksLine(value)) await assert.rejects(subscribe, { code: 'SL005' });
    else await subscribe;
  }
  for (const value of kHostile) await query(kDsn, "select sluice.emit('test.told', $1, $2)", [value, { v: value }]);
  await query(kDsn, "select sluice.emit('test.custom', 'k', '{}')");
  await waitUntil(kDsn, "select count(*) from sluice_private.tasks where kind in ('sql', 'http')", 0);
  await waitUntil(kDsn, 'select count(*) from sluice.webhook_deliveries', 0);

  const sorted = (list) => [...list].sort();
  const results = await query(kDsn, 'select argument from results');
  assert.deepEqual(sorted(results.map(({ argument }) => argument.v)), sorted(kHostile));
  for (const { argument } of results) assert.equal(argument[argument.v], argument.v === 'v' ? argument.v : 1);
  const tasks = service.got.slice(from).filter(({ url }) => url === '/task').map(({ body }) => JSON.parse(body).v);
  assert.deepEqual(sorted(tasks), sorted(kHostile));
  for (const { body } of service.got.slice(from)) assert.ok(!body.includes(kSecret), body);
  const custom = service.got.slice(from).filter(({ url }) => url === '/custom');
  assert.deepEqual(sorted(custom.map(({ headers }) => Buffer.from(headers['x-custom'] ?? '', 'latin1').toString())), sorted(kHostile.filter((v) => !breaksLine(v)).map(stripped)));
  for (const { headers } of custom) assert.equal(headers['x-injected'], undefined);
  assert.equal((await query(kDsn, "select count(*)::int as n from seen where type like 'test.%'"))[0].n, 2 * kHostile.length + 1);
});
