// One endpoint: its health, its settings, and what can be done with it.
import { useData } from '../data';
import { count, milliseconds, percent, seconds } from '../format';
import { Action } from '../parts/action';
import { Facts, Heading, Loading, State, Time, Trouble } from '../parts/basics';
import { Json } from '../parts/json';
import type { EndpointRow } from '../types';
import { healthOf } from './endpoints';

const iso = (local: FormDataEntryValue | null) => (local ? new Date(String(local)).toISOString() : null);

function EndpointActions({ endpoint, onDone }: { endpoint: EndpointRow; onDone: () => void }) {
  const path = `/api/endpoints/${endpoint.endpoint_id}`;
  return (
    <>
      <Action label="Ping" title="Ping this endpoint?" path={`${path}/ping`} done="A ping is on its way" onDone={onDone}>
        <p>An event of type <code>sluice.ping</code> is sent to this endpoint alone.</p>
      </Action>
      <Action label="Replay" title="Replay events to this endpoint?" path={`${path}/replay`} done="The replay is on its way" onDone={onDone}
        body={(fields) => ({ since: iso(fields.get('since')), until: iso(fields.get('until')) })}>
        <p>Events of this time that it wants are sent to it again, after everything that is due.</p>
        <label class="field"><span>since</span><input type="datetime-local" name="since" step="1" required /></label>
        <label class="field"><span>until (now when left empty)</span><input type="datetime-local" name="until" step="1" /></label>
      </Action>
      {endpoint.enabled ? (
        <Action danger label="Disable" title="Disable this endpoint?" path={`${path}/disable`} done="The endpoint is disabled" onDone={onDone}>
          <p>Nothing is sent to it; what comes up meanwhile is held until it is enabled again.</p>
        </Action>
      ) : (
        <Action label="Enable" title="Enable this endpoint?" path={`${path}/enable`} done="The endpoint is enabled" onDone={onDone}>
          <p>What is held for it is sent.</p>
        </Action>
      )}
    </>
  );
}

export function Endpoint({ id }: { id: string }) {
  const { data, error, reload } = useData<EndpointRow & { endpoint?: EndpointRow }>(`/api/endpoints/${encodeURIComponent(id)}`, 3000);
  const endpoint = data?.endpoint ?? data;
  if (!endpoint) return <><Heading title="Endpoint" />{error ? <Trouble error={error} /> : <Loading />}</>;
  return (
    <>
      <Heading title="Endpoint" actions={<EndpointActions endpoint={endpoint} onDone={reload} />}><State of={healthOf(endpoint)} /> <span class="url">{endpoint.url}</span></Heading>
      <Facts of={[
        ['success', percent(endpoint.success_rate)],
        ['p50', milliseconds(endpoint.p50_ms)],
        ['p99', milliseconds(endpoint.p99_ms)],
        ['attempts', count(endpoint.attempts)],
        ['waiting', count(endpoint.waiting)],
        ['late', endpoint.late_seconds == null ? null : seconds(endpoint.late_seconds)],
        ['wants', endpoint.events?.join(', ')],
        ['failing since', endpoint.failing_since && <Time at={endpoint.failing_since} />],
        ['disabled because', endpoint.disabled_reason],
        ['not validated because', endpoint.validation_error],
        ['description', endpoint.description],
        ['deliveries', <a href={`/deliveries?endpoint=${endpoint.endpoint_id}`}>all of this endpoint</a>],
      ]} />
      <h2>All that is stored</h2>
      <Json value={endpoint} label="Endpoint" />
    </>
  );
}
