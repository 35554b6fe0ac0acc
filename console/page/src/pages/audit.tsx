// Who did what through the console.
import { usePages } from '../data';
import { Empty, Heading, State, Time } from '../parts/basics';
import { Listing } from '../parts/table';
import type { AuditRow } from '../types';

export function Audit() {
  const list = usePages<AuditRow>('/api/audit', {});
  return (
    <>
      <Heading title="Audit">Every action that was asked of the console, with who asked and what came of it.</Heading>
      <Listing list={list} label="Audit" id={(row) => `${row.at} ${row.action} ${row.target}`}
        empty={<Empty title="Nothing was done here yet">Actions need a console that was started with <code>--allow-actions</code>.</Empty>}
        columns={[
          { name: 'at', cell: (row) => <Time at={row.at} /> },
          { name: 'who', cell: (row) => row.actor },
          { name: 'action', cell: (row) => row.action },
          { name: 'target', cell: (row) => <code>{row.target}</code> },
          { name: 'outcome', cell: (row) => <State of={row.outcome} /> },
        ]} />
    </>
  );
}
