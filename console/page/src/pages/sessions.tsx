// Sessions, newest first.
import { usePages } from '../data';
import { Empty, Heading, Id, SessionLink, State, Text, Time } from '../parts/basics';
import { ChoiceFilter, TextFilter } from '../parts/filters';
import { Listing } from '../parts/table';
import { useQuery } from '../router';
import type { SessionRow } from '../types';

export function Sessions() {
  const [{ q = '', flow = '', status = '' }, set] = useQuery();
  const list = usePages<SessionRow>('/api/sessions', { q, flow, status });
  const filtered = q + flow + status !== '';
  return (
    <>
      <Heading title="Sessions">Newest first. Open one for its timeline.</Heading>
      <div class="filters" role="search">
        <TextFilter first label="find" placeholder="id, correlation id, user or node" value={q} onChange={(value) => set('q', value)} />
        <TextFilter label="flow" value={flow} onChange={(value) => set('flow', value)} />
        <ChoiceFilter label="status" value={status} choices={['active', 'completed', 'abandoned']} onChange={(value) => set('status', value)} />
      </div>
      <Listing list={list} label="Sessions" id={(row) => row.session_id}
        empty={filtered ? <Empty title="No session fits these filters">Take one of them away.</Empty>
          : <Empty title="There is no session yet">Start one with <code>select sluice.start_session('flow')</code> or <code>sluice chat FLOW</code>.</Empty>}
        columns={[
          { name: 'session', cell: (row) => <SessionLink id={row.session_id} /> },
          { name: 'flow', cell: (row) => row.flow ? <a href={`/flows/${encodeURIComponent(row.flow)}`}>{row.flow}</a> : <Text of={null} /> },
          { name: 'status', cell: (row) => <><State of={row.status} />{row.last_error && <span class="state bad" title={row.last_error}>error</span>}</> },
          { name: 'node', cell: (row) => <Text of={row.current_node_id} /> },
          { name: 'waits for', wide: true, cell: (row) => <Text of={row.waits_for} /> },
          { name: 'revision', numeric: true, cell: (row) => row.revision },
          { name: 'started', cell: (row) => <Time at={row.started_at} /> },
          { name: 'last step', wide: true, cell: (row) => <Time at={row.last_activity_at} /> },
          { name: 'correlation', wide: true, cell: (row) => <Id of={row.correlation_id} /> },
        ]} />
    </>
  );
}
