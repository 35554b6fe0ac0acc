// What can be done with a task that failed or waits.
import type { TaskRow } from '../types';
import { Action } from './action';

export function TaskActions({ task, onDone }: { task: TaskRow; onDone: () => void }) {
  const path = `/api/tasks/${task.task_id}`;
  return (
    <span class="row-actions">
      {task.retryable && (
        <Action label="Retry" title={`Retry task ${task.task_id}?`} path={`${path}/retry`} done={`Task ${task.task_id} is due again`} onDone={onDone}>
          <p>It runs as soon as a worker is free, with the same idempotency key.</p>
        </Action>
      )}
      {task.discardable && (
        <Action danger label="Discard" title={`Discard task ${task.task_id}?`} path={`${path}/discard`} done={`Task ${task.task_id} is discarded`} onDone={onDone}>
          <p>It is given up for good. Its session stays as it is.</p>
        </Action>
      )}
    </span>
  );
}
