// Runs the scenarios one after another, prints the table and stores it. bench/run gives it a cluster.
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Databases } from './harness/database.mjs';
import { printTable, store } from './harness/report.mjs';
import * as consolePage from './scenarios/console.mjs';
import * as deliveries from './scenarios/deliveries.mjs';
import * as deliveryLatency from './scenarios/delivery_latency.mjs';
import * as deliverySoak from './scenarios/delivery_soak.mjs';
import * as eventFanOut from './scenarios/event_fan_out.mjs';
import * as eventGap from './scenarios/event_gap.mjs';
import * as eventLatency from './scenarios/event_latency.mjs';
import * as eventWriters from './scenarios/event_writers.mjs';
import * as idleCpu from './scenarios/idle_cpu.mjs';
import * as steps from './scenarios/steps.mjs';
import * as stepsUnder from './scenarios/steps_under.mjs';
import * as taskLatency from './scenarios/task_latency.mjs';
import * as tasks from './scenarios/tasks.mjs';

const kScenarios = {
  steps, steps_under: stepsUnder, tasks, deliveries, delivery_latency: deliveryLatency, delivery_soak: deliverySoak, task_latency: taskLatency, event_latency: eventLatency, event_writers: eventWriters,
  event_fan_out: eventFanOut, event_gap: eventGap, idle_cpu: idleCpu, console_page: consolePage,
};

class UsageError extends Error {}

function readOptions() {
  let values;
  try {
    ({ values } = parseArgs({ options: { quick: { type: 'boolean', default: false }, only: { type: 'string' } } }));
  } catch (error) {
    throw new UsageError(error.message);
  }
  if (values.only !== undefined && !kScenarios[values.only]) {
    throw new UsageError(`no scenario '${values.only}'\nHINT: the scenarios: ${Object.keys(kScenarios).join(', ')}`);
  }
  return values;
}

async function main() {
  const options = readOptions();
  const root = join(dirname(fileURLToPath(import.meta.url)), '..');
  const binaries = join(root, 'build', 'release', 'bin');
  const sluice = join(binaries, 'sluice');
  const folder = join(root, 'build', 'bench');
  mkdirSync(folder, { recursive: true });
  const bench = {
    root, binaries, sluice, folder,
    quick: options.quick,
    databases: new Databases(process.env.SLUICE_BENCH_DSN, { root, sluice }),
    note: (text) => console.log(`    ${text}`),
  };
  const rows = [];
  for (const name of options.only ? [options.only] : Object.keys(kScenarios)) {
    console.log(`==> ${name}: ${kScenarios[name].about}`);
    const started = performance.now();
    rows.push(...(await kScenarios[name].run(bench)));
    bench.note(`${((performance.now() - started) / 1000).toFixed(1)} s`);
  }
  console.log();
  printTable(rows);
  store(join(folder, 'latest.json'), rows);
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(`error: ${error instanceof UsageError ? error.message : error.stack}`);
    process.exit(error instanceof UsageError ? 2 : 1);
  },
);
