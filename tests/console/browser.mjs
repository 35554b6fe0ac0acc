// Debian's Chromium, and pages in it that remember everything that went wrong on them.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const kAxe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const kPatienceMs = 20_000;

// Chromium has no sandbox for root.
export const launch = () => chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: process.getuid() === 0 ? ['--no-sandbox'] : [] });

// A window that is signed in to the console.
export async function open(browser, world, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  context.setDefaultTimeout(kPatienceMs);
  const page = await context.newPage();
  page.faults = [];
  page.on('pageerror', (error) => page.faults.push(error.message));
  // A CSP violation is an error of the console as well. What a test brings about itself it takes out again.
  page.on('console', (message) => { if (['error', 'warning'].includes(message.type())) page.faults.push(message.text()); });
  page.go = async (path) => {
    await page.goto(world.origin + path);
    await page.locator('main h1').waitFor();
  };
  await page.goto(world.link);
  return page;
}

// By all rules of axe-core, in the colours of the page's scheme.
export async function judge(page, what) {
  await page.evaluate(kAxe); // by the debugger, which no Content-Security-Policy holds back
  const { violations } = await page.evaluate(() => axe.run());
  const said = violations.map((violation) => `${violation.id}: ${violation.nodes.map((node) => `${node.html} ${node.failureSummary}`).join('\n')}`);
  assert.deepEqual(said, [], what);
}

// A filter by its label.
export const field = (page, name) => page.getByRole('searchbox', { name, exact: true });
export const choice = (page, name) => page.getByRole('combobox', { name, exact: true });

export const rows = (page, table) => page.getByRole('region', { name: table, exact: true }).locator('tbody tr');

// What is read there, on one line.
export const text = async (locator) => (await locator.innerText()).replace(/\s+/g, ' ').trim();

// Each of the paths by axe-core, and that on a telephone nothing sticks out to the right.
export async function judgeAll(page, paths) {
  for (const path of paths) {
    await page.go(path);
    await page.locator('main').locator('table:visible, .empty:visible, .json:visible').first().waitFor();
    await judge(page, path);
    await page.setViewportSize({ width: 400, height: 800 });
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 400, `${path} fits`);
    await page.setViewportSize({ width: 1280, height: 900 });
  }
}
