// What goes on now, and went on over the last quarter of an hour.
import { useData } from '../data';
import { count, milliseconds, rate, seconds } from '../format';
import { Address, Empty, Heading, Loading, State, Text, Trouble } from '../parts/basics';
import { Plot } from '../parts/plot';
import { Table } from '../parts/table';
import type { Activity, Overview as Data, Series } from '../types';

function Plots({ series: s }: { series: Series }) {
  return (
    <div class="plots">
      <Plot title="Steps" unit="per second" t={s.t} format={rate} lines={[{ name: 'steps', values: s.steps, tone: 'accent' }]} />
      <Plot title="Events" unit="per second" t={s.t} format={rate} lines={[{ name: 'events', values: s.events, tone: 'accent' }]} />
      <Plot title="Deliveries" unit="per second" t={s.t} format={rate}
        lines={[{ name: 'deliveries', values: s.deliveries, tone: 'accent' }, { name: 'failed', values: s.deliveries_failed, tone: 'bad' }]} />
      <Plot title="Failed tasks" unit="per second" t={s.t} format={rate} lines={[{ name: 'failed tasks', values: s.tasks_failed, tone: 'bad' }]} />
      <Plot title="Tasks due" unit="waiting" t={s.t} format={count} lines={[{ name: 'tasks', values: s.backlog, tone: 'accent' }]} />
      <Plot title="Lag of consumers" unit="behind" t={s.t} format={seconds} lines={[{ name: 'lag', values: s.lag, tone: 'accent' }]} />
    </div>
  );
}

function Block({ title, none, rows, children }: { title: string; none: string; rows: unknown[]; children: preact.ComponentChildren }) {
  return (
    <section class="block">
      <h2>{title}</h2>
      {rows.length === 0 ? <p class="quiet">{none}</p> : children}
    </section>
  );
}

function Blocks({ activity: a }: { activity: Activity }) {
  const ms = a.delivery_ms;
  return (
    <div class="blocks">
      <Block title="Slowest flows" none="No step is waiting." rows={a.flows}>
        <Table label="Slowest flows" rows={a.flows} id={(row) => row.flow} columns={[
          { name: 'flow', cell: (row) => <a href={`/flows/${encodeURIComponent(row.flow)}`}>{row.flow}</a> },
          { name: 'at node', cell: (row) => <Text of={row.at} /> },
          { name: 'steps', numeric: true, cell: (row) => count(row.steps) },
          { name: 'oldest', numeric: true, cell: (row) => seconds(row.oldest_seconds) },
        ]} />
      </Block>
      <Block title="Queues" none="There is no queue yet." rows={a.queues}>
        <Table label="Queues" rows={a.queues} id={(row) => row.name} columns={[
          { name: 'queue', cell: (row) => <a href={`/tasks?queue=${encodeURIComponent(row.name)}`}>{row.name}</a> },
          { name: 'state', cell: (row) => <State of={row.paused ? 'paused' : 'enabled'} /> },
          { name: 'due', numeric: true, cell: (row) => count(row.due) },
          { name: 'oldest', numeric: true, cell: (row) => seconds(row.oldest_seconds) },
        ]} />
      </Block>
      <Block title="Lanes" none="Every endpoint is well and up to date." rows={a.lanes}>
        <Table label="Lanes" rows={a.lanes} id={(row) => row.url} columns={[
          { name: 'endpoint', cell: (row) => <Address of={row.url} href={`/endpoints?q=${encodeURIComponent(row.url)}`} /> },
          { name: 'state', cell: (row) => <State of={row.state} /> },
          { name: 'waiting', numeric: true, cell: (row) => count(row.waiting) },
          { name: 'late', numeric: true, cell: (row) => seconds(row.late_seconds) },
        ]} />
      </Block>
      <Block title="Consumers of events" none="There is no consumer." rows={a.consumers}>
        <Table label="Consumers of events" rows={a.consumers} id={(row) => row.name} columns={[
          { name: 'consumer', cell: (row) => row.name },
          { name: 'state', cell: (row) => <State of={row.running ? 'running' : 'stopped'} /> },
          { name: 'parked', numeric: true, cell: (row) => count(row.parked) },
          { name: 'lag', numeric: true, cell: (row) => seconds(row.lag_seconds) },
        ]} />
      </Block>
      <Block title="Breakers" none="Every breaker is closed." rows={a.breakers}>
        <Table label="Breakers" rows={a.breakers} id={(row) => row.key} columns={[
          { name: 'called host', cell: (row) => row.key },
          { name: 'state', cell: (row) => <State of={row.state} /> },
          { name: 'open for', numeric: true, cell: (row) => seconds(row.open_seconds) },
        ]} />
      </Block>
      <Block title="Webhooks" none="Nothing was delivered yet." rows={ms.attempts > 0 ? [ms] : []}>
        <Table label="Webhooks" rows={[
          { name: 'request', p50: ms.request_p50, p99: ms.request_p99 }, { name: 'event to answer', p50: ms.total_p50, p99: ms.total_p99 }]}
          id={(row) => row.name} columns={[
            { name: `newest ${count(ms.attempts)}`, cell: (row) => row.name },
            { name: 'p50', numeric: true, cell: (row) => milliseconds(row.p50) },
            { name: 'p99', numeric: true, cell: (row) => milliseconds(row.p99) },
          ]} />
      </Block>
    </div>
  );
}

export function Overview() {
  const { data, error } = useData<Data>('/api/overview', 2000);
  return (
    <>
      <Heading title="Overview">What goes on now, and the last quarter of an hour.</Heading>
      {data ? (
        <>
          {data.series.t.length > 0 ? <Plots series={data.series} /> : <Empty title="Measuring">The first figures are here in a few seconds.</Empty>}
          <Blocks activity={data.activity} />
        </>
      ) : error ? <Trouble error={error} /> : <Loading />}
    </>
  );
}
