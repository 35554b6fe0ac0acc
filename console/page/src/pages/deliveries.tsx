// Deliveries of webhooks.
import { usePages } from '../data';
import { Address, Empty, Heading, SessionLink, State, Text, Time } from '../parts/basics';
import { DeliveryActions } from '../parts/delivery_actions';
import { ChoiceFilter, TextFilter } from '../parts/filters';
import { Listing } from '../parts/table';
import { useQuery } from '../router';
import type { DeliveryRow } from '../types';

export const answerOf = (row: DeliveryRow) => (row.response_status ? `${row.response_status}` : row.error_class?.replace('_', ' ') ?? null);

export function Deliveries() {
  const [{ status = '', endpoint = '', event_type = '' }, set] = useQuery();
  const list = usePages<DeliveryRow>('/api/deliveries', { status, endpoint, event_type });
  const filtered = status + endpoint + event_type !== '';
  return (
    <>
      <Heading title="Deliveries">One for each event and endpoint that wants it, newest first.</Heading>
      <div class="filters" role="search">
        <ChoiceFilter first label="status" value={status} choices={['pending', 'held', 'delivered', 'dead']} onChange={(value) => set('status', value)} />
        <TextFilter label="event type" value={event_type} onChange={(value) => set('event_type', value)} />
        <TextFilter label="endpoint" placeholder="id" value={endpoint} onChange={(value) => set('endpoint', value)} />
      </div>
      <Listing list={list} label="Deliveries" id={(row) => row.delivery_id}
        empty={filtered ? <Empty title="No delivery fits these filters">Take one of them away.</Empty>
          : <Empty title="Nothing was sent yet">Subscribe an endpoint with <code>sluice.subscribe</code>; what happens from then on is sent to it.</Empty>}
        columns={[
          { name: 'delivery', cell: (row) => <a class="id" href={`/deliveries/${row.delivery_id}`}>{row.delivery_id}</a> },
          { name: 'event', cell: (row) => <Text of={row.event_type} /> },
          { name: 'status', cell: (row) => <State of={row.status} /> },
          { name: 'answer', numeric: true, cell: (row) => <Text of={answerOf(row)} /> },
          { name: 'attempts', numeric: true, wide: true, cell: (row) => row.attempt },
          { name: 'endpoint', wide: true, cell: (row) => <Address of={row.url ?? row.endpoint_id} href={`/endpoints/${row.endpoint_id}`} /> },
          { name: 'session', wide: true, cell: (row) => <SessionLink id={row.session_id} /> },
          { name: 'created', cell: (row) => <Time at={row.created_at} /> },
          { name: 'actions', cell: (row) => <DeliveryActions delivery={row} onDone={list.reload} /> },
        ]} />
    </>
  );
}
