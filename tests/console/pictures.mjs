// The pictures of docs/console.md: overview, a flow's graph and a session's timeline, in light and dark, after a minute of conversations.
// usage: build/bin/test_cluster start; SLUICE=build/bin/sluice build/bin/test_cluster run node tests/console/pictures.mjs [FOLDER]
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { launch, open, rows } from './browser.mjs';
import { World } from './world.mjs';

const kFolder = process.argv[2] ?? 'docs/pictures/console';
const kMs = 60_000;
const kTalks = [[], ['Ada'], ['Ada', '15'], ['Ada', '15', 'Maybe'], ['Grace', 'plenty', '40', 'I want it'], ['Emmy', '9', 'Not for me']];

const [world, browser] = await Promise.all([World.start({ actions: true }), launch()]);
try {
  await world.publishBookbot();
  await world.ask('select sluice.keep_state_changes(true)');
  await world.subscribe('/good');
  await world.subscribe('/bad', { retry_schedule: [0] });
  const started = Date.now();
  const talk = async (n) => {
    while (Date.now() - started < kMs) {
      await world.converse(...kTalks[n % kTalks.length]);
      n += 5;
      const busy = 1 + Math.sin((Date.now() - started) / 9000); // as the day goes, in short
      await new Promise((resolve) => setTimeout(resolve, 150 * busy));
    }
  };
  await Promise.all([0, 1, 2, 3].map(talk));
  const session = await world.converse('Ada', '15', 'Maybe');
  mkdirSync(kFolder, { recursive: true });
  for (const colorScheme of ['light', 'dark']) {
    const page = await open(browser, world, { colorScheme, viewport: { width: 1120, height: 545 } }); // two rows of plots
    const take = (name) => page.screenshot({ path: join(kFolder, `${name}-${colorScheme}.png`) });
    await page.go('/');
    await rows(page, 'Queues').first().waitFor();
    await take('overview');
    await page.setViewportSize({ width: 1120, height: 700 });
    await page.go('/flows/bookbot');
    await page.locator('.graph .node').first().waitFor();
    await take('flow');
    await page.go(`/sessions/${session}`);
    await page.locator('.timeline').waitFor();
    await page.setViewportSize({ width: 1120, height: 1000 }); // as far as a difference of the state
    await take('session');
  }
} finally {
  await browser.close();
  await world.stop();
}
