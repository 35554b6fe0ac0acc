// Waiting, clocks, and what many numbers come to.

export const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

// Asks every 10 ms until `condition` holds.
export async function until(what, seconds, condition) {
  const deadline = performance.now() + seconds * 1000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited ${seconds} s for ${what}`);
    await sleep(10);
  }
}

// Waits until `count()`, which grows evenly, has come from its present value to `goal`. Asking costs the machine that is being measured, so it
// asks after half of the time that seems to be left, and of that which has passed: a dozen times, and every 5 ms at the end.
export async function untilCounted(what, goal, seconds, count) {
  const started = performance.now();
  const first = await count();
  if (first >= goal) return;
  let pause = 20;
  while (true) {
    await sleep(pause);
    const now = await count();
    if (now >= goal) return;
    const spent = performance.now() - started;
    if (spent > seconds * 1000) throw new Error(`waited ${seconds} s for ${what}: ${now} of ${goal}`);
    pause = now > first ? Math.max(Math.min((goal - now) / (now - first), 1) * spent * 0.5, 5) : 20;
  }
}

export function percentile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.round(share * (sorted.length - 1))];
}

export const median = (values) => percentile(values, 0.5);

// Milliseconds since the epoch, with a fraction.
export const wallClock = () => performance.timeOrigin + performance.now();

// How far the server's clock is ahead of wallClock(), in milliseconds, from the quickest of some round trips. The error is below half
// of that trip, some tens of microseconds.
export async function serverClockAhead(client) {
  let best = { trip: Infinity };
  for (let i = 0; i < 50; ++i) {
    const sent = wallClock();
    const { rows } = await client.query({ name: 'clock', text: 'select extract(epoch from clock_timestamp())::float8 * 1000 as now' });
    const trip = wallClock() - sent;
    if (trip < best.trip) best = { trip, ahead: rows[0].now - sent - trip / 2 };
  }
  return best.ahead;
}

// Rounds that alternate between the limit and ours, so that noise hits both. Each of `limit` and `ours` returns numbers by name; the
// result holds the median of each by name, the rounds' ratios of `by` and the median of these.
export async function alternate(rounds, by, limit, ours) {
  const limits = [];
  const own = [];
  for (let round = 0; round < rounds; ++round) {
    limits.push(await limit(round));
    own.push(await ours(round));
  }
  const medians = (results) => Object.fromEntries(Object.keys(results[0]).map((name) => [name, median(results.map((one) => one[name]))]));
  const ratios = own.map((one, round) => one[by] / limits[round][by]);
  return { limit: medians(limits), ours: medians(own), ratios, ratio: median(ratios) };
}
