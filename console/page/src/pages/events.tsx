// Events as they happen.
import { useState } from 'preact/hooks';
import { Empty, Heading, Id, Loading, SessionLink, Time, Trouble } from '../parts/basics';
import { TextFilter } from '../parts/filters';
import { Folded } from '../parts/json';
import { Table } from '../parts/table';
import { kMostEvents, useLive } from '../live';
import { useQuery } from '../router';

export function Events() {
  const [{ type = '', session = '' }, set] = useQuery();
  const [paused, setPaused] = useState(false);
  const live = useLive(type, session, paused);
  const state = paused ? `paused, ${live.waiting} waiting` : live.open ? 'live' : 'connecting';
  return (
    <>
      <Heading title="Events live" actions={
        <button type="button" data-pause aria-pressed={paused} onClick={() => setPaused(!paused)}>{paused ? 'Resume' : 'Pause'}</button>
      }>
        <span class={paused || !live.open ? 'state warn' : 'state good'} role="status">{state}</span> The newest {kMostEvents} are kept on this page.
      </Heading>
      <div class="filters" role="search">
        <TextFilter first label="type" placeholder="such as session.completed, shop.*" value={type} onChange={(value) => set('type', value)} />
        <TextFilter label="session" placeholder="id" value={session} onChange={(value) => set('session', value)} />
      </div>
      {live.lost && <p class="quiet">Events came faster than this page could take them, and some are left out. Filter by type to see all.</p>}
      {!live.rows && (live.error ? <Trouble error={live.error} /> : <Loading />)}
      {live.rows?.length === 0 && <Empty title="Nothing happened yet">{type || session ? 'Nothing that fits these filters. ' : ''}What happens from now on appears here by itself.</Empty>}
      {live.rows && live.rows.length > 0 && (
        <Table label="Events" rows={live.rows} id={(row) => row.id} columns={[
          { name: 'at', cell: (row) => <Time at={row.created_at} fine /> },
          { name: 'event', cell: (row) => row.event_type },
          { name: 'session', cell: (row) => <SessionLink id={row.session_id} /> },
          { name: 'correlation', wide: true, cell: (row) => <Id of={row.correlation_id} /> },
          { name: 'body', cell: (row) => <Folded value={row.body} label={`event ${row.id}`} /> },
        ]} />
      )}
    </>
  );
}
