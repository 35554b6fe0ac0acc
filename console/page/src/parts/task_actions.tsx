// What can be done with a task that failed.
import type { TaskRow } from '../types';
import { Action } from './action';

export function TaskActions({ task, onDone }: { task: TaskRow; onDone: () => void }) {
  if (task.status !== 'failed') return null;
  const path = `/api/tasks/${task.task_id}`;
  return (
    <span class="row-actions">
      {task.retryable !== false && (
        <Action label="Retry" title={`Retry task ${task.task_id}?`} path={`${path}/retry`} done={`Task ${task.task_id} is due again`} onDone={onDone}>
          <p>It runs again from its first attempt, with the same idempotency key.</p>
        </Action>
      )}
      <Action danger label="Discard" title={`Discard task ${task.task_id}?`} path={`${path}/discard`} done={`Task ${task.task_id} is discarded`} onDone={onDone}>
        <p>It is given up for good. Its session stays as it is.</p>
      </Action>
    </span>
  );
}
