// With 10,000 sessions and 1,000 endpoints the pages stay usable. How fast they are is told, not judged: docs/console.md has figures.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { choice, field, launch, open, rows } from './browser.mjs';
import { World } from './world.mjs';

let world;
let browser;

before(async () => {
  [world, browser] = await Promise.all([World.start(), launch()]);
  const deliveries = "select count(*) = $1 from sluice.webhook_attempts where outcome = 'delivered'";
  await world.publishBookbot();
  await world.ask("select count(*) from generate_series(1, 1000) as n, sluice.subscribe($1 || n, '{shop.sold}')", `${world.url}/good?`);
  await world.ask("select sluice.emit('shop.sold', 'k', '{}')");
  await world.until(deliveries, 1000);
  await world.ask("select sluice.pause_queue('default')"); // else each would go on to its first question, one by one
  await world.ask("select count(x.started) from (select sluice.start_session('bookbot') as started from generate_series(1, 10000)) as x");
  await world.ask('analyze');
});
after(async () => {
  await browser?.close();
  await world?.stop();
});

// A page in a window of its own, come to by its address; tells when it was painted first, when what is largest was there, and how long the
// questions took.
async function visit(t, path, table) {
  const page = await open(browser, world);
  await page.go(path);
  await rows(page, table).first().waitFor();
  const { first, largest, asked } = await page.evaluate(() => new Promise((resolve) => {
    new PerformanceObserver((list) => resolve({
      first: performance.getEntriesByName('first-contentful-paint')[0].startTime,
      largest: list.getEntries().at(-1).startTime,
      asked: performance.getEntriesByType('resource').filter((entry) => entry.name.includes('/api/')).map((entry) => `${new URL(entry.name).pathname} ${Math.round(entry.duration)} ms`),
    })).observe({ type: 'largest-contentful-paint', buffered: true });
  }));
  t.diagnostic(`${path}: first paint ${Math.round(first)} ms, largest ${Math.round(largest)} ms; ${asked.join(', ')}`);
  return page;
}

test('overview', async (t) => {
  const page = await visit(t, '/', 'Queues');
  await rows(page, 'Queues').filter({ hasText: /default\s*paused\s*1,000/ }).waitFor(); // not with the first figures: they may be older
  await page.context().close();
});

test('sessions: page after page without one twice, and found among all', async (t) => {
  const page = await visit(t, '/sessions', 'Sessions');
  const ids = () => rows(page, 'Sessions').locator('td:first-child a').evaluateAll((links) => links.map((link) => link.title));
  for (const shown of [50, 100, 150, 200]) {
    await rows(page, 'Sessions').nth(shown - 1).waitFor();
    assert.equal(new Set(await ids()).size, shown);
    await page.getByRole('button', { name: 'Go on' }).click();
  }
  const oldest = await world.ask('select id from sluice.conversation_sessions order by started_at, id limit 1');
  await field(page, 'find').fill(oldest.slice(0, 13));
  await rows(page, 'Sessions').locator(`a[title="${oldest}"]`).waitFor();
  await field(page, 'find').fill('');
  await choice(page, 'status').selectOption('completed');
  await page.getByText('0 found among the newest so far').waitFor(); // more may be further back
  await page.context().close();
});

test('endpoints: all thousand can be shown, and one found', async (t) => {
  const page = await visit(t, '/endpoints', 'Endpoints');
  for (let shown = 100; shown <= 1000; shown += 100) {
    await rows(page, 'Endpoints').nth(shown - 1).waitFor();
    if (shown < 1000) await page.getByRole('button', { name: 'Go on' }).click();
  }
  assert.match(await rows(page, 'Endpoints').first().innerText(), /good\s+100 %/);
  await field(page, 'address').fill('good?777');
  await rows(page, 'Endpoints').nth(1).waitFor({ state: 'detached' });
  assert.match(await rows(page, 'Endpoints').first().innerText(), /good\?777/);
  await page.context().close();
});

test('flow, tasks, deliveries, events', async (t) => {
  for (const [path, table] of [['/flows', 'Flows'], ['/flows/bookbot', 'Nodes'], ['/tasks', 'Tasks'], ['/deliveries', 'Deliveries'], ['/events', 'Events']]) {
    const page = await visit(t, path, table);
    if (path === '/flows') assert.match(await rows(page, 'Flows').innerText(), /bookbot\s+1\.0\s+published\s+10,000/);
    assert.deepEqual(page.faults, []);
    await page.context().close();
  }
});
