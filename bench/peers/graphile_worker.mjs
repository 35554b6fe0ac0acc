// graphile-worker as a process of its own, in the settings that its documentation calls fastest: a local queue, batched completion.
// usage: node graphile_worker.mjs DSN   It prints "ready" once its schema is there and it listens.
import { Logger, run } from 'graphile-worker';
import { deliver } from './graphile_deliver.mjs';

const kConcurrentJobs = 24;

const taskList = {
  deliver,
  noop: () => {},
  step: ({ session, revision }, helpers) => helpers.withPgClient((client) =>
    client.query({ name: 'step', text: 'select bench.step($1, $2)', values: [session, revision] })),
  start: ({ n }, helpers) => helpers.withPgClient((client) =>
    client.query({ name: 'start', text: "select bench.start(jsonb_build_object('n', $1::int))", values: [n] })),
};

const runner = await run({
  taskList,
  logger: new Logger(() => (level, message) => (level === 'error' ? console.error(message) : undefined)),
  preset: {
    worker: {
      connectionString: process.argv[2],
      concurrentJobs: kConcurrentJobs,
      maxPoolSize: kConcurrentJobs + 4,
      localQueue: { size: 500 },
      completeJobBatchDelay: 0,
      failJobBatchDelay: 0,
    },
  },
});
console.log('ready');
await runner.promise;
