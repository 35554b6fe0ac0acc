// Each page shows what is in the database, to eyes, screen readers and the keyboard.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { choice, field, judgeAll, launch, open, rows, text } from './browser.mjs';
import { World } from './world.mjs';

let world;
let browser;
let page;
let waiting; // a session at its first question
let endpoint;

before(async () => {
  [world, browser] = await Promise.all([World.start(), launch()]);
  await world.publishBookbot();
  endpoint = await world.subscribe('/good', { description: 'the good one' });
  [waiting] = await Promise.all([world.converse(), world.converse('Ada', '15', 'Maybe')]);
  await world.failTask();
  await world.delivered();
  page = await open(browser, world);
});
after(async () => {
  await browser?.close();
  await world?.stop();
});

const seen = (name, role = 'heading') => page.getByRole(role, { name, exact: true }).first().waitFor();

test('overview: plots with their newest value, and the tables of what is behind', async () => {
  await page.go('/');
  for (const title of ['Steps', 'Events', 'Deliveries', 'Failed tasks', 'Tasks due', 'Lag of consumers']) await seen(title);
  const plot = page.getByRole('img', { name: /^Steps over the last/ });
  await plot.locator('canvas').waitFor();
  assert.ok(await plot.locator('canvas').evaluate((canvas) => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some((byte) => byte !== 0)), 'something is drawn');
  const queues = await text(page.getByRole('region', { name: 'Queues' }));
  assert.match(queues, /partner enabled 0/);
  assert.match(await text(page.getByRole('region', { name: 'Consumers of events' })), /webhooks running/);
});

test('flows: each with its sessions', async () => {
  await page.go('/flows');
  assert.match(await text(rows(page, 'Flows').first()), /^bookbot 1\.0 published 1 1$/);
});

test('sessions: filters narrow the list and stand in the address', async () => {
  await page.go('/sessions');
  await rows(page, 'Sessions').nth(1).waitFor();
  await choice(page, 'status').selectOption('completed');
  await rows(page, 'Sessions').filter({ hasText: waiting.slice(-8) }).waitFor({ state: 'detached' });
  assert.equal(await rows(page, 'Sessions').count(), 1);
  assert.equal(new URL(page.url()).search, '?status=completed');
  await field(page, 'find').fill('nobody');
  await page.getByText('No session fits these filters').waitFor();
  await page.reload();
  assert.equal(await field(page, 'find').inputValue(), 'nobody');
  await page.go('/sessions');
  await rows(page, 'Sessions').nth(1).waitFor();
  await field(page, 'find').fill(waiting.slice(-8)); // as the list shows it
  await rows(page, 'Sessions').nth(1).waitFor({ state: 'detached' });
  assert.equal(await text(rows(page, 'Sessions').locator('td').first()), waiting.slice(-8));
});

test('tasks: what failed is there with its error, filtered by status and queue', async () => {
  await page.go('/tasks');
  await choice(page, 'status').selectOption('failed');
  const failed = rows(page, 'Tasks').filter({ hasText: 'partner' });
  await failed.waitFor();
  assert.match(await text(failed), /http failed .*400/);
  await field(page, 'queue').fill('default');
  await page.getByText('No task fits these filters').waitFor();
});

test('deliveries and endpoints: health in words and figures', async () => {
  await page.go(`/deliveries?endpoint=${endpoint}`);
  await rows(page, 'Deliveries').first().waitFor();
  assert.match(await text(rows(page, 'Deliveries').first()), /session_status_changed delivered 204 1/);
  await choice(page, 'status').selectOption('dead');
  await page.getByText('No delivery fits these filters').waitFor();
  await page.go('/endpoints');
  assert.match(await text(rows(page, 'Endpoints').first()), /\/good good 100 %/);
});

test('audit, and an address that is no page', async () => {
  await page.go('/audit');
  await page.getByText('Nothing was done here yet').waitFor();
  await page.go('/nowhere');
  await seen('No such page');
});

test('read-only is what a console is that was not told otherwise: no button acts', async () => {
  await page.go('/tasks?status=failed');
  await rows(page, 'Tasks').first().waitFor();
  assert.equal(await page.getByRole('button', { name: /retry|discard/i }).count(), 0);
  assert.match(await text(page.locator('.me')), /read-only/);
});

test('times are local, with the exact one at hand', async () => {
  const context = await browser.newContext({ timezoneId: 'Asia/Tokyo', storageState: await page.context().storageState() });
  const other = await context.newPage();
  await other.goto(`${world.origin}/sessions`);
  const time = rows(other, 'Sessions').first().locator('time').first();
  const exact = await time.getAttribute('title');
  const stored = await world.ask('select max(started_at) from sluice.conversation_sessions');
  assert.equal(Date.parse(exact), stored.getTime());
  const clock = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium', timeZone: 'Asia/Tokyo' }).format(stored);
  assert.ok((await time.innerText()).endsWith(clock), `${await time.innerText()} ends with ${clock}`);
  await context.close();
});

test('the keyboard alone: skip link, filter, places, rows, help', async () => {
  await page.go('/');
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Skip to the content');
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'main');
  await page.keyboard.press('g');
  await page.keyboard.press('s');
  await seen('Sessions');
  await page.waitForFunction(() => document.activeElement.textContent === 'Sessions'); // the new page has the focus, once it is painted
  await rows(page, 'Sessions').first().waitFor();
  await page.keyboard.press('j');
  await page.keyboard.press('j');
  await page.keyboard.press('k');
  const first = await rows(page, 'Sessions').first().locator('a').first().getAttribute('href');
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute('href')), first);
  assert.notEqual(await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle), 'none', 'the focus is seen');
  await page.keyboard.press('/');
  await page.keyboard.type('g t?'); // typed into the filter, they are letters
  assert.equal(await field(page, 'find').inputValue(), 'g t?');
  await page.locator('main h1').focus();
  await page.keyboard.press('?');
  const help = page.getByRole('dialog', { name: 'Keyboard' });
  await help.waitFor();
  await help.getByRole('checkbox').uncheck();
  await page.keyboard.press('Escape');
  await help.waitFor({ state: 'hidden' });
  await page.keyboard.press('g');
  await page.keyboard.press('o');
  assert.equal(new URL(page.url()).pathname, '/sessions', 'switched off, letters do nothing');
  await page.evaluate(() => localStorage.clear());
});

test('back and forward go through the pages', async () => {
  await page.go('/flows');
  await page.getByRole('link', { name: 'Tasks' }).click();
  await seen('Tasks');
  await page.goBack();
  await seen('Flows');
  await page.waitForFunction(() => document.title === 'Flows · Sluice'); // a page has its title a moment after its heading
  await page.goForward();
  await seen('Tasks');
});

for (const colorScheme of ['light', 'dark']) {
  test(`accessible in ${colorScheme}, and no wider than a telephone`, async () => {
    const small = await open(browser, world, { colorScheme });
    await judgeAll(small, ['/', '/flows', '/sessions', '/tasks', '/deliveries', '/endpoints', '/audit', '/nowhere']);
    assert.deepEqual(small.faults, []);
    await small.context().close();
  });
}

test('nothing went wrong on any page: no error, no violation of the Content-Security-Policy', () => {
  assert.deepEqual(page.faults, []);
});
