// What can be done with a delivery: send it again, or give it up.
import type { DeliveryRow } from '../types';
import { Action } from './action';

export function DeliveryActions({ delivery: { delivery_id: id, status }, onDone }: { delivery: DeliveryRow; onDone: () => void }) {
  const path = `/api/deliveries/${id}`;
  return (
    <span class="row-actions">
      {status !== 'delivered' && (
        <Action label="Retry" title={`Retry delivery ${id}?`} path={`${path}/retry`} done={`Delivery ${id} is due again`} onDone={onDone}>
          <p>It is sent again with the same id, so that a receiver which has seen it can tell.</p>
        </Action>
      )}
      {(status === 'pending' || status === 'held') && (
        <Action danger label="Discard" title={`Discard delivery ${id}?`} path={`${path}/discard`} done={`Delivery ${id} is discarded`} onDone={onDone}>
          <p>It is not sent any more.</p>
        </Action>
      )}
    </span>
  );
}
