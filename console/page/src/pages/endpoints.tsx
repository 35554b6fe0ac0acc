// Endpoints with their health.
import { usePages } from '../data';
import { count, milliseconds, percent, seconds } from '../format';
import { Empty, Heading, State } from '../parts/basics';
import { TextFilter } from '../parts/filters';
import { Listing } from '../parts/table';
import { useQuery } from '../router';
import type { EndpointRow } from '../types';

// In one word, the worst first.
export function healthOf(row: EndpointRow): string {
  if (row.validation === 'pending' || row.validation === 'refused') return row.validation === 'refused' ? 'refused' : 'not validated';
  if (!row.enabled) return 'disabled';
  if (row.breaker && row.breaker.state !== 'closed') return row.breaker.state;
  if (row.paused_until) return 'paused';
  return row.failing_since ? 'failing' : 'good';
}

export function Endpoints() {
  const [{ q = '' }, set] = useQuery();
  const list = usePages<EndpointRow>('/api/endpoints', { q, limit: '100' });
  return (
    <>
      <Heading title="Endpoints">Where events are sent. Rates and times are those of the last 15 minutes.</Heading>
      <div class="filters" role="search">
        <TextFilter first label="address" placeholder="part of it" value={q} onChange={(value) => set('q', value)} />
      </div>
      <Listing list={list} label="Endpoints" id={(row) => row.endpoint_id}
        empty={q ? <Empty title="No endpoint fits this filter">Take it away.</Empty>
          : <Empty title="Nobody is subscribed">Subscribe an endpoint with <code>select * from sluice.subscribe('https://…')</code>.</Empty>}
        columns={[
          { name: 'endpoint', cell: (row) => <a class="url" href={`/endpoints/${row.endpoint_id}`}>{row.url}</a> },
          { name: 'health', cell: (row) => <State of={healthOf(row)} /> },
          { name: 'success', numeric: true, cell: (row) => percent(row.success_rate) },
          { name: 'p50', numeric: true, wide: true, cell: (row) => milliseconds(row.p50_ms) },
          { name: 'p99', numeric: true, wide: true, cell: (row) => milliseconds(row.p99_ms) },
          { name: 'waiting', numeric: true, cell: (row) => count(row.pending + row.held) },
          { name: 'oldest', numeric: true, wide: true, cell: (row) => seconds(row.oldest_seconds) },
        ]} />
    </>
  );
}
