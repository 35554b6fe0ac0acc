// Tasks: what is due, runs, waits or failed.
import { usePages } from '../data';
import { Empty, Heading, SessionLink, State, Time } from '../parts/basics';
import { ChoiceFilter, TextFilter } from '../parts/filters';
import { Listing } from '../parts/table';
import { TaskActions } from '../parts/task_actions';
import { useQuery } from '../router';
import type { TaskRow } from '../types';

const kStates = ['running', 'ready', 'scheduled', 'retrying', 'paused', 'limited', 'queued', 'failed'];
const kKinds = ['start', 'input', 'action', 'webhook', 'timer', 'http', 'sql', 'cron'];

export function Tasks() {
  const [{ status = '', kind = '', queue = '', session = '' }, set] = useQuery();
  const list = usePages<TaskRow>('/api/tasks', { status, kind, queue, session });
  const filtered = status + kind + queue + session !== '';
  return (
    <>
      <Heading title="Tasks">What workers have to do, and what they gave up. A task that is done is in its session's timeline.</Heading>
      <div class="filters" role="search">
        <ChoiceFilter first label="status" value={status} choices={kStates} onChange={(value) => set('status', value)} />
        <ChoiceFilter label="kind" value={kind} choices={kKinds} onChange={(value) => set('kind', value)} />
        <TextFilter label="queue" value={queue} onChange={(value) => set('queue', value)} />
        <TextFilter label="session" placeholder="id" value={session} onChange={(value) => set('session', value)} />
      </div>
      <Listing list={list} label="Tasks" id={(row) => row.task_id}
        empty={filtered ? <Empty title="No task fits these filters">Take one of them away.</Empty>
          : <Empty title="Nothing to do">Every task is done and none has failed.</Empty>}
        columns={[
          { name: 'task', cell: (row) => <a class="id" href={`/tasks/${row.task_id}`}>{row.task_id}</a> },
          { name: 'kind', cell: (row) => <>{row.kind} {row.node_id && <span class="kindof">of {row.node_id}</span>}</> },
          { name: 'status', cell: (row) => <><State of={row.status} />{row.error && <span class="reason" title={row.error}>{row.error}</span>}</> },
          { name: 'attempt', numeric: true, wide: true, cell: (row) => `${row.attempt} of ${row.max_attempts}` },
          { name: 'queue', wide: true, cell: (row) => row.queue },
          { name: 'session', cell: (row) => <SessionLink id={row.session_id} /> },
          { name: 'due or failed', cell: (row) => <Time at={row.failed_at ?? row.run_at} /> },
          { name: 'actions', cell: (row) => <TaskActions task={row} onDone={list.reload} /> },
        ]} />
    </>
  );
}
