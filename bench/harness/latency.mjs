// Latencies of an idle system: one thing at a time, far enough apart that everybody has gone to sleep in between.
import { percentile, sleep } from './measure.mjs';
import { row } from './report.mjs';

const kPauseMilliseconds = 60; // a doorbell goes to sleep 20 ms after the last work
const kP50Goal = 1.5;
const kP99Goal = 5;

// Calls `once(index)`, which returns milliseconds, that many times.
export async function sampleIdle(count, once) {
  const samples = [];
  for (let index = 0; index < count; ++index) {
    await sleep(kPauseMilliseconds + Math.random() * 20);
    samples.push(await once(index));
  }
  return samples;
}

export function latencyRows(name, samples, peer = null) {
  const rank = (share) => percentile(samples, share);
  const against = (share) => peer === null ? {} : { peer: peer.name, peerRatio: percentile(peer.samples, share) / rank(share) };
  const judged = (value, share, goal) => ({
    value, unit: 'ms', ...against(share), goal: `≤ ${goal} ms${peer ? ', better than peer' : ''}`,
    met: value <= goal && (peer === null || against(share).peerRatio > 1),
  });
  return [
    row({ name: `${name}.p50`, ...judged(rank(0.5), 0.5, kP50Goal) }),
    row({ name: `${name}.p99`, ...judged(rank(0.99), 0.99, kP99Goal) }),
    row({ name: `${name}.max`, value: rank(1), unit: 'ms', ...against(1) }),
  ];
}
