// What the bench makes of its measurements.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { latencyRows } from '../../bench/harness/latency.mjs';
import { alternate, median, percentile } from '../../bench/harness/measure.mjs';
import { row, store } from '../../bench/harness/report.mjs';

const kHundred = Array.from({ length: 101 }, (_, index) => 100 - index); // 100 … 0

test('percentiles are taken from the sorted values', () => {
  assert.equal(percentile(kHundred, 0.99), 99);
  assert.equal(median([30, 10, 20]), 20);
  assert.deepEqual(kHundred[0], 100, 'the values themselves are left as they were');
});

test('limit and ours take turns, and the ratio is the median of the rounds, not a ratio of medians', async () => {
  const turns = [];
  const limits = [100, 10, 1000];
  const own = [50, 9, 100];
  const result = await alternate(3, 'rate',
    (round) => (turns.push('limit'), { rate: limits[round] }), (round) => (turns.push('ours'), { rate: own[round], cpu: round }));
  assert.deepEqual(turns, ['limit', 'ours', 'limit', 'ours', 'limit', 'ours']);
  assert.deepEqual(result, { limit: { rate: 100 }, ours: { rate: 50, cpu: 1 }, ratios: [0.5, 0.9, 0.1], ratio: 0.5 });
});

test('a latency meets its goal only when it is also better than the peer', () => {
  const [p50, p99, max] = latencyRows('x', [1, 1, 1], { name: 'peer', samples: [0.5, 0.5, 2] });
  assert.deepEqual([p50.value, p50.peer_ratio, p50.met], [1, 0.5, false]);
  assert.deepEqual([p99.value, p99.peer_ratio, p99.met], [1, 2, true]);
  assert.equal(max.met, null);
  assert.equal(latencyRows('x', [1.6])[0].met, false);
});

test('the stored list has every field of the contract, null where there is none', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'latest.json');
  store(file, [row({ name: 'a', value: 1, unit: 's' }), row({ name: 'b', value: 2, unit: 's', limitRatio: 0.5, goal: '≥ 60 %', met: false })]);
  assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), [
    { name: 'a', value: 1, unit: 's', limit_ratio: null, peer: null, peer_ratio: null, goal: null, met: null },
    { name: 'b', value: 2, unit: 's', limit_ratio: 0.5, peer: null, peer_ratio: null, goal: '≥ 60 %', met: false },
  ]);
});
