// All flows.
import { usePages } from '../data';
import { count } from '../format';
import { Empty, Heading, State, Text } from '../parts/basics';
import { Listing } from '../parts/table';
import type { FlowRow } from '../types';

export function Flows() {
  const list = usePages<FlowRow>('/api/flows', {});
  return (
    <>
      <Heading title="Flows">Each with its sessions. Open one to see it drawn.</Heading>
      <Listing list={list} label="Flows" id={(row) => row.flow_key}
        empty={<Empty title="There is no flow yet">Import one with <code>sluice flow import FILE --publish</code> or <code>sluice.import_flow</code>.</Empty>}
        columns={[
          { name: 'flow', cell: (row) => <a href={`/flows/${encodeURIComponent(row.flow_key)}`}>{row.flow_key}</a> },
          { name: 'version', cell: (row) => <Text of={row.version} /> },
          { name: 'status', cell: (row) => <State of={row.status} /> },
          { name: 'active', numeric: true, cell: (row) => <a href={`/sessions?status=active&flow=${encodeURIComponent(row.flow_key)}`}>{count(row.sessions_active)}</a> },
          { name: 'ended', numeric: true, cell: (row) => count(row.sessions_ended) },
        ]} />
    </>
  );
}
