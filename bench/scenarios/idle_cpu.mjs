// What the daemons cost when nothing happens.
import { withDaemons } from '../harness/daemon.mjs';
import { sleep } from '../harness/measure.mjs';
import { row } from '../harness/report.mjs';

export const about = 'processor time and memory of each daemon while nothing happens';

const kDaemons = ['listener', 'worker', 'notifier'];
const kSettleSeconds = 2;
const kCpuGoal = 0.5; // % of a core
const kMemoryGoal = 64; // MiB

export async function run(bench) {
  const seconds = bench.quick ? 5 : 20;
  await bench.databases.fresh('bench_idle');
  return withDaemons(bench, kDaemons, 'bench_idle', async (...daemons) => {
    await sleep(kSettleSeconds * 1000);
    const before = daemons.map((daemon) => daemon.cpuSeconds());
    const started = performance.now();
    await sleep(seconds * 1000);
    const elapsed = (performance.now() - started) / 1000;
    const used = daemons.map((daemon, index) => daemon.cpuSeconds() - before[index]);
    return daemons.flatMap((daemon, index) => {
      const share = (used[index] / elapsed) * 100;
      const memory = daemon.peakMebibytes();
      return [
        row({ name: `idle_cpu.${daemon.name}`, value: share, unit: `% of a core over ${seconds} s`, goal: `≤ ${kCpuGoal} %`, met: share <= kCpuGoal }),
        row({ name: `idle_memory.${daemon.name}`, value: memory, unit: 'MiB', goal: `≤ ${kMemoryGoal} MiB`, met: memory <= kMemoryGoal }),
      ];
    });
  });
}
