// Who did what through the console.
import { usePages } from '../data';
import { Empty, Heading, State, Time } from '../parts/basics';
import { Listing } from '../parts/table';
import type { AuditRow } from '../types';

export function Audit() {
  const list = usePages<AuditRow>('/api/audit', {});
  return (
    <>
      <Heading title="Audit">What people did by hand, here or by the same SQL functions: who, from which program, and what came of it.</Heading>
      <Listing list={list} label="Audit" id={(row) => row.id}
        empty={<Empty title="Nothing was done here yet">Actions need a console that was started with <code>--allow-actions</code>.</Empty>}
        columns={[
          { name: 'at', cell: (row) => <Time at={row.at} /> },
          { name: 'who', cell: (row) => row.actor },
          { name: 'from', wide: true, cell: (row) => row.program },
          { name: 'action', cell: (row) => row.action },
          { name: 'target', cell: (row) => row.target },
          { name: 'outcome', cell: (row) => <State of={row.outcome} /> },
        ]} />
    </>
  );
}
