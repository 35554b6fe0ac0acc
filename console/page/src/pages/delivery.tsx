// One delivery with its attempts.
import { useData } from '../data';
import { milliseconds } from '../format';
import { Facts, Heading, Loading, SessionLink, State, Text, Time, Trouble } from '../parts/basics';
import { DeliveryActions } from '../parts/delivery_actions';
import { Json } from '../parts/json';
import { Table } from '../parts/table';
import type { DeliveryRow } from '../types';

interface Attempt { started_at: string; attempt: number; status: number | null; outcome: string; error_class: string | null; duration_ms: number; response?: string | null }
type Detail = DeliveryRow & { delivery?: DeliveryRow; attempts?: Attempt[]; body?: unknown };

export function Delivery({ id }: { id: string }) {
  const { data, error, reload } = useData<Detail>(`/api/deliveries/${encodeURIComponent(id)}`, 3000);
  const delivery = data?.delivery ?? data;
  if (!data || !delivery) return <><Heading title={`Delivery ${id}`} />{error ? <Trouble error={error} /> : <Loading />}</>;
  const attempts = data.attempts ?? [];
  return (
    <>
      <Heading title={`Delivery ${id}`} actions={<DeliveryActions delivery={delivery} onDone={reload} />}><State of={delivery.status} /> {delivery.event_type}</Heading>
      <Facts of={[
        ['endpoint', <a class="url" href={`/endpoints/${delivery.endpoint_id}`}>{delivery.url ?? delivery.endpoint_id}</a>],
        ['session', delivery.session_id && <SessionLink id={delivery.session_id} />],
        ['created', <Time at={delivery.created_at} />],
        ['due', delivery.due_at && <Time at={delivery.due_at} />],
        ['finished', delivery.finished_at && <Time at={delivery.finished_at} />],
        ['correlation id', delivery.correlation_id && <code>{delivery.correlation_id}</code>],
      ]} />
      <h2>Attempts</h2>
      {attempts.length === 0 ? <p class="quiet">None was made yet.</p> : (
        <Table label="Attempts" rows={attempts} id={(row) => `${row.started_at} ${row.attempt}`} columns={[
          { name: 'attempt', numeric: true, cell: (row) => row.attempt },
          { name: 'at', cell: (row) => <Time at={row.started_at} fine /> },
          { name: 'outcome', cell: (row) => <State of={row.outcome === 'retry' ? 'failed' : row.outcome} /> },
          { name: 'answer', numeric: true, cell: (row) => <Text of={row.status ? `${row.status}` : row.error_class} /> },
          { name: 'took', numeric: true, cell: (row) => milliseconds(row.duration_ms) },
          { name: 'what came back', wide: true, cell: (row) => <span class="reason"><Text of={row.response} /></span> },
        ]} />
      )}
      {data.body !== undefined && <><h2>Body</h2><Json value={data.body} label="Body" /></>}
    </>
  );
}
