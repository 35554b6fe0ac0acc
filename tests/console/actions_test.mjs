// What people do through the console, and what happens while they look: actions, live events, a database that goes away.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { judge, launch, open, rows } from './browser.mjs';
import { World } from './world.mjs';

let world;
let browser;
let page;
let endpoint;

before(async () => {
  [world, browser] = await Promise.all([World.start({ actions: true }), launch()]);
  await world.publishBookbot();
  endpoint = await world.subscribe('/bad', { retry_schedule: [0] });
  await world.converse();
  await world.until("select exists (select from sluice.delivery_overview where status = 'dead')");
  page = await open(browser, world);
});
after(async () => {
  await browser?.close();
  await world?.stop();
});

const audited = (action) => world.ask('select target from sluice.audit_log where action = $1 order by id desc limit 1', action);

// Presses the button, reads the question, says yes.
async function act(button, question) {
  await button.click();
  const dialog = page.getByRole('dialog', { name: question });
  await dialog.waitFor();
  await dialog.locator('button[type=submit]').click();
  await dialog.waitFor({ state: 'hidden' });
}

test('a failed task is retried and another discarded, after a question each, and both are audited', async () => {
  const [first, second] = [await world.failTask(), await world.failTask()];
  await page.go('/tasks?status=failed');
  await page.getByRole('button', { name: `Discard task ${first}` }).click();
  const dialog = page.getByRole('dialog');
  await judge(page, 'the dialog');
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  assert.equal(await world.ask('select count(*)::int from sluice.task_failures'), 2, 'cancelled, nothing happens');
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute('aria-label')), `Discard task ${first}`, 'the focus is back');
  await act(page.getByRole('button', { name: `Discard task ${first}` }), `Discard task ${first}?`);
  await page.getByText(`Task ${first} is discarded`).waitFor();
  await page.getByRole('link', { name: `${first}`, exact: true }).waitFor({ state: 'detached' });
  await act(page.getByRole('button', { name: `Retry task ${second}` }), `Retry task ${second}?`);
  await world.until('select exists (select from sluice.task_failures where task_id = $1 and failed_at > (select at from sluice.audit_log order by id desc limit 1))', second);
  assert.match(await audited('discard'), new RegExp(`${first}`));
  assert.match(await audited('retry_task'), new RegExp(`${second}`));
  await page.go('/audit');
  assert.match(await rows(page, 'Audit').first().innerText(), /retry_task/);
});

test('what is gone meanwhile is said in the dialog, with a hint', async () => {
  const task = await world.failTask();
  await page.go('/tasks?status=failed');
  await page.getByRole('button', { name: `Discard task ${task}` }).click();
  await world.ask('select sluice.discard($1)', task);
  const dialog = page.getByRole('dialog');
  await dialog.locator('button[type=submit]').click();
  await dialog.getByRole('alert').getByText(`${task}`).waitFor();
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  page.faults.length = 0; // the browser's own word on the answer
});

test('a dead delivery is sent again', async () => {
  await page.go('/deliveries?status=dead');
  const button = page.getByRole('button', { name: /^Retry delivery/ }).first();
  const delivery = (await button.getAttribute('aria-label')).match(/\d+/)[0];
  const attempts = () => world.ask('select count(*)::int from sluice.webhook_attempts where delivery_id = $1', delivery);
  const before = await attempts();
  await act(button, `Retry delivery ${delivery}?`);
  await world.until('select count(*) > $2 from sluice.webhook_attempts where delivery_id = $1', delivery, before);
  assert.match(await audited('retry_delivery'), new RegExp(delivery));
});

test('an endpoint is disabled, enabled, pinged, and events are replayed to it', async () => {
  await page.go(`/endpoints/${endpoint}`);
  await act(page.getByRole('button', { name: 'Disable this endpoint' }), 'Disable this endpoint?');
  await page.locator('.lead .state').getByText('disabled').waitFor();
  assert.equal(await world.ask('select enabled from sluice.webhook_endpoints where id = $1', endpoint), false);
  await act(page.getByRole('button', { name: 'Enable this endpoint' }), 'Enable this endpoint?');
  await page.getByRole('button', { name: 'Disable this endpoint' }).waitFor();
  await act(page.getByRole('button', { name: 'Ping this endpoint' }), 'Ping this endpoint?');
  await world.until("select exists (select from sluice.audit_log where action = 'test_endpoint')");
  await page.getByRole('button', { name: 'Replay events to this endpoint' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.locator('button[type=submit]').click();
  assert.ok(await dialog.isVisible(), 'without a beginning nothing is replayed');
  await dialog.getByLabel('since').fill('2026-01-01T00:00:01');
  await dialog.locator('button[type=submit]').click();
  await dialog.waitFor({ state: 'hidden' });
  assert.match(await audited('replay'), new RegExp(endpoint));
});

test('events arrive while one looks; paused, they wait', async () => {
  await page.go('/events?type=shop.*');
  await page.locator('.lead').getByText('live', { exact: true }).waitFor();
  await world.ask("select sluice.emit('shop.opened', 'k1', '{\"n\": 1}')");
  await rows(page, 'Events').filter({ hasText: 'shop.opened' }).waitFor();
  await page.locator('main h1').focus();
  await page.keyboard.press('p');
  await page.getByText('paused, 0 waiting').waitFor();
  await world.ask("select sluice.emit('shop.closed', 'k1', '{\"n\": 2}')");
  await page.getByText('paused, 1 waiting').waitFor();
  assert.equal(await rows(page, 'Events').filter({ hasText: 'shop.closed' }).count(), 0);
  await page.keyboard.press('p');
  await rows(page, 'Events').filter({ hasText: 'shop.closed' }).waitFor();
});

// The list is read before the stream begins, which is made to tell of what is in the list.
test('an event that is listed already is not counted as waiting when the stream tells of it too', async () => {
  const before = await world.ask('select max(id) from sluice.flow_events');
  await world.ask("select sluice.emit('door.opened', 'k1', '{}')");
  const opened = rows(page, 'Events').filter({ hasText: 'door.opened' });
  await page.route('**/api/events/live*', async (route) => {
    await page.getByText('paused, 0 waiting').waitFor();
    await route.continue({ headers: { ...route.request().headers(), 'last-event-id': String(before) } });
  });
  await page.go('/events?type=door.*');
  await opened.waitFor();
  const told = page.waitForResponse('**/api/events?*'); // once more, when the stream has told what came before it
  await page.getByRole('button', { name: 'Pause' }).click();
  await told;
  await world.ask("select sluice.emit('door.closed', 'k1', '{}'), sluice.emit('door.locked', 'k1', '{}')");
  await page.getByText('paused, 2 waiting').waitFor();
  assert.equal(await rows(page, 'Events').count(), 1);
  await page.unrouteAll();
});

test('the list of live events is bounded', async () => {
  await page.go('/events?type=many.*');
  await page.locator('.lead').getByText('live', { exact: true }).waitFor();
  await world.ask("select count(*) from (select sluice.emit('many.things', 'k', jsonb_build_object('n', n)) from generate_series(1, 400) as n) as x");
  const last = await world.ask("select max(id) from sluice.flow_events where event_type = 'many.things'");
  await rows(page, 'Events').filter({ hasText: `event ${last}` }).waitFor();
  assert.ok((await rows(page, 'Events').count()) <= 300);
});

test('while the database is away a banner says so and the figures stay; then all goes on by itself', async () => {
  await page.go('/');
  await page.getByRole('region', { name: 'Queues' }).waitFor();
  assert.deepEqual(page.faults, []);
  world.wire.cut();
  const banner = page.locator('.banner');
  await banner.getByText('Trying again every 2 s').waitFor();
  assert.match(await banner.innerText(), /database/);
  await page.getByRole('region', { name: 'Queues' }).waitFor();
  await judge(page, 'the banner');
  await world.wire.mend();
  await banner.getByText('Trying again').waitFor({ state: 'detached' });
  page.faults.length = 0; // the browser's own words on 503
});

test('when the console was started anew the page says what to do', async () => {
  await page.go('/flows');
  await world.closeConsole();
  await page.locator('.banner').getByText('the console does not answer').waitFor();
  await world.openConsole({ actions: true, listen: new URL(world.origin).host });
  await page.locator('.banner').getByText('This page is not signed in any more').waitFor();
  await page.goto(world.link);
  await page.getByRole('region', { name: 'Queues' }).waitFor();
  assert.equal(new URL(page.url()).search, '', 'the token is gone from the address');
  page.faults.length = 0;
});

test('nothing went wrong on any page', () => assert.deepEqual(page.faults, []));
