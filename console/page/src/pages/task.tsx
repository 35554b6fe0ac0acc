// One task.
import { useData } from '../data';
import { Facts, Heading, Loading, SessionLink, State, Time, Trouble } from '../parts/basics';
import { Json } from '../parts/json';
import { TaskActions } from '../parts/task_actions';
import type { TaskRow } from '../types';

export function Task({ id }: { id: string }) {
  const { data: answer, error, reload } = useData<TaskRow & { task?: TaskRow }>(`/api/tasks/${encodeURIComponent(id)}`, 3000);
  const task = answer?.task ?? answer;
  if (!task) return <><Heading title={`Task ${id}`} />{error ? <Trouble error={error} /> : <Loading />}</>;
  return (
    <>
      <Heading title={`Task ${id}`} actions={<TaskActions task={task} onDone={reload} />}><State of={task.status} /> {task.kind}</Heading>
      <Facts of={[
        ['queue', <a href={`/tasks?queue=${encodeURIComponent(task.queue)}`}>{task.queue}</a>],
        ['session', task.session_id && <SessionLink id={task.session_id} />],
        ['node', task.node_id],
        ['attempt', task.attempt == null ? null : `${task.attempt} of ${task.max_attempts}`],
        ['queued', task.created_at && <Time at={task.created_at} />],
        ['due', task.run_at && <Time at={task.run_at} />],
        ['failed', task.failed_at && <Time at={task.failed_at} />],
        ['error', task.error],
        ['correlation id', task.correlation_id && <code>{task.correlation_id}</code>],
      ]} />
      <h2>All that is stored</h2>
      <Json value={task} label={`Task ${id}`} />
    </>
  );
}
