// The pages of one thing: a flow drawn, a session's timeline, a task, a delivery, an endpoint.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { judgeAll, launch, open, rows, text } from './browser.mjs';
import { World } from './world.mjs';

let world;
let browser;
let page;
let waiting; // a session at its first question
let done; // one that went through to the end
let endpoint;
let task;

before(async () => {
  [world, browser] = await Promise.all([World.start(), launch()]);
  await world.publishBookbot();
  await world.ask('select sluice.keep_state_changes(true)');
  endpoint = await world.subscribe('/good', { description: 'the good one' });
  [waiting, done, task] = await Promise.all([world.converse(), world.converse('Ada', '15', 'Maybe'), world.failTask()]);
  await world.delivered();
  page = await open(browser, world);
});
after(async () => {
  await browser?.close();
  await world?.stop();
});

test('a flow: the drawn graph and its table say the same, and a node leads to its sessions', async () => {
  await page.go('/flows');
  await page.getByRole('link', { name: 'bookbot' }).click();
  await page.locator('.graph .node').first().waitFor();
  assert.equal(await page.locator('.graph .node').count(), 14);
  const names = await page.locator('.graph').ariaSnapshot();
  assert.match(names, /link "ask_name question 1 here 2 reached"/);
  assert.match(names, /link "welcome message · start 2 reached"/);
  const row = rows(page, 'Nodes').filter({ has: page.getByRole('link', { name: 'ask_name', exact: true }) });
  assert.match(await text(row), /^ask_name question 1 2 0 0 0 % ask_age, no_answer \(timeout\)$/);
  const fork = rows(page, 'Nodes').filter({ has: page.getByRole('link', { name: 'by_age', exact: true }) });
  assert.match(await text(fork), /for_children \(child\), for_teens \(teen\), for_adults \(else\)$/);
  const drawn = await page.locator('.graph path.edge').count();
  assert.equal(drawn, 18);
  await page.locator('.graph .node', { hasText: 'ask_name' }).click();
  await page.getByRole('heading', { name: 'Sessions', exact: true }).waitFor();
  assert.equal(new URL(page.url()).search, '?flow=bookbot&q=ask_name');
  assert.equal(await text(rows(page, 'Sessions').locator('td').first()), waiting.slice(-8));
});

test('a session: one correlation id, the difference of each revision, messages, tasks, events and deliveries in order', async () => {
  await page.go(`/sessions/${done}`);
  await page.locator('.timeline').waitFor();
  const correlation = await world.ask('select correlation_id from sluice.conversation_sessions where id = $1', done);
  await page.locator('.facts').getByText(correlation, { exact: true }).first().waitFor();
  const entries = await page.locator('.timeline .entry').allInnerTexts();
  assert.ok(entries.some((entry) => entry.includes('How old are you, Ada?')), 'a message');
  const names = page.locator('.entry.revision').filter({ has: page.locator('.diff').getByText('user.name') });
  assert.equal(await names.first().locator('ins').first().innerText(), 'Ada');
  for (const kind of ['revision', 'message', 'task', 'event', 'delivery']) assert.ok((await page.locator(`.entry.${kind}`).count()) > 0, kind);
  const times = await page.locator('.timeline time').evaluateAll((all) => all.map((time) => Date.parse(time.dateTime)));
  assert.deepEqual(times, [...times].sort((a, b) => a - b));
  await page.getByRole('button', { name: /^event/ }).click();
  await page.locator('.entry.event').first().waitFor({ state: 'detached' });
  await page.locator('.entry.delivery a').first().click();
  await page.getByRole('heading', { name: /^Delivery \d+$/ }).waitFor();
  assert.match(await text(rows(page, 'Attempts').first()), /^1 .* delivered 204/);
});

test('a task, an endpoint, and one that is not there', async () => {
  await page.go(`/tasks/${task}`);
  await page.locator('.facts').waitFor();
  assert.match(await text(page.locator('.facts')), /queue partner.*error .*400/);
  await page.go(`/endpoints/${endpoint}`);
  await page.locator('.facts').waitFor();
  assert.match(await text(page.locator('.facts')), /success 100 %.*the good one/);
  await page.go('/sessions/00000000-0000-0000-0000-000000000000');
  await page.getByRole('alert').waitFor();
  assert.match(page.faults.pop(), /404/); // the browser's own word on the answer
});

test('events: the newest, with their bodies', async () => {
  await page.go('/events?type=session.completed');
  const first = rows(page, 'Events').first();
  await first.waitFor();
  await first.locator('summary').click();
  assert.match(await first.innerText(), new RegExp(done));
});

for (const colorScheme of ['light', 'dark']) {
  test(`accessible in ${colorScheme}, and no wider than a telephone`, async () => {
    const small = await open(browser, world, { colorScheme });
    const delivery = await world.ask('select max(delivery_id) from sluice.delivery_overview');
    await judgeAll(small, ['/flows/bookbot', `/sessions/${done}`, `/tasks/${task}`, `/deliveries/${delivery}`, `/endpoints/${endpoint}`, '/events']);
    assert.deepEqual(small.faults, []);
    await small.context().close();
  });
}

test('nothing went wrong on any page: no error, no violation of the Content-Security-Policy', () => assert.deepEqual(page.faults, []));
