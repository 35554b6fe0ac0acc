// Endpoints with their health.
import { usePages } from '../data';
import { count, milliseconds, percent, seconds } from '../format';
import { Address, Empty, Heading, State } from '../parts/basics';
import { TextFilter } from '../parts/filters';
import { Listing } from '../parts/table';
import { useQuery } from '../router';
import type { EndpointRow } from '../types';

// In one word. One that was not validated is disabled, and why is what counts.
export function healthOf({ state, validation }: EndpointRow): string {
  return validation === 'refused' ? 'refused' : validation === 'pending' ? 'not validated' : state;
}

export function Endpoints() {
  const [{ q = '' }, set] = useQuery();
  const list = usePages<EndpointRow>('/api/endpoints', { q, limit: '100' });
  return (
    <>
      <Heading title="Endpoints">Where events are sent. Rates and times are those of the newest 10,000 attempts.</Heading>
      <div class="filters" role="search">
        <TextFilter first label="address" placeholder="part of it" value={q} onChange={(value) => set('q', value)} />
      </div>
      <Listing list={list} label="Endpoints" id={(row) => row.endpoint_id}
        empty={q ? <Empty title="No endpoint fits this filter">Take it away.</Empty>
          : <Empty title="Nobody is subscribed">Subscribe an endpoint with <code>select * from sluice.subscribe('https://…')</code>.</Empty>}
        columns={[
          { name: 'endpoint', cell: (row) => <Address of={row.url} href={`/endpoints/${row.endpoint_id}`} /> },
          { name: 'health', cell: (row) => <State of={healthOf(row)} /> },
          { name: 'success', numeric: true, cell: (row) => percent(row.success_rate) },
          { name: 'p50', numeric: true, wide: true, cell: (row) => milliseconds(row.p50_ms) },
          { name: 'p99', numeric: true, wide: true, cell: (row) => milliseconds(row.p99_ms) },
          { name: 'waiting', numeric: true, cell: (row) => count(row.waiting) },
          { name: 'late', numeric: true, wide: true, cell: (row) => seconds(row.late_seconds) },
        ]} />
    </>
  );
}
