// The frame of all pages: navigation, banners, help, and which page an address is.
import type { ComponentType } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { useConnection } from './connection';
import { useData } from './data';
import { kPlaces, useKeys } from './keys';
import { Audit } from './pages/audit';
import { Deliveries } from './pages/deliveries';
import { Delivery } from './pages/delivery';
import { Endpoint } from './pages/endpoint';
import { Endpoints } from './pages/endpoints';
import { Events } from './pages/events';
import { Flow } from './pages/flow';
import { Flows } from './pages/flows';
import { Overview } from './pages/overview';
import { Session } from './pages/session';
import { Sessions } from './pages/sessions';
import { Task } from './pages/task';
import { Tasks } from './pages/tasks';
import { ActionsAllowed } from './parts/action';
import { Announcements } from './parts/announce';
import { Empty, Heading } from './parts/basics';
import { Help } from './parts/help';
import { matchPath, useLocation } from './router';
import type { Me } from './types';

const kPages: [pattern: string, page: ComponentType<any>][] = [
  ['/', Overview],
  ['/flows', Flows], ['/flows/:flow', Flow],
  ['/sessions', Sessions], ['/sessions/:id', Session],
  ['/tasks', Tasks], ['/tasks/:id', Task],
  ['/deliveries', Deliveries], ['/deliveries/:id', Delivery],
  ['/endpoints', Endpoints], ['/endpoints/:id', Endpoint],
  ['/events', Events],
  ['/audit', Audit],
];

function NotFound() {
  return (
    <>
      <Heading title="No such page" />
      <Empty title="Nothing is at this address">The pages of the console are in the navigation.</Empty>
    </>
  );
}

// A page is made anew for another address, so that nothing of the one before is left in it.
function Routed({ path }: { path: string }) {
  for (const [pattern, Page] of kPages) {
    const found = matchPath(pattern, path);
    if (found) return <Page key={path} {...found} />;
  }
  return <NotFound />;
}

function Navigation({ path, me }: { path: string; me?: Me }) {
  const within = (place: string) => (place === '/' ? path === '/' : path === place || path.startsWith(`${place}/`));
  return (
    <header class="side">
      <a class="brand" href="/"><img src="/assets/icon.svg" alt="" width="24" height="24" />Sluice</a>
      <nav aria-label="Pages">
        {kPlaces.map(([, place, name]) => <a key={place} href={place} aria-current={within(place) ? 'page' : undefined}>{name}</a>)}
      </nav>
      {me && (
        <p class="me">
          <span>{me.database}</span>
          <span>{me.role} · {me.actions ? 'may act' : 'read-only'}</span>
          <span>version {me.version}</span>
          <span>keys: press <kbd>?</kbd></span>
        </p>
      )}
    </header>
  );
}

function Banner() {
  const { trouble, signedOut } = useConnection();
  const shown = signedOut || trouble !== null;
  return (
    <div class={shown ? 'banner shown' : 'banner'} role="status">
      {signedOut && <><strong>This page is not signed in any more.</strong> The console was started anew: open the address that sluice console printed.</>}
      {!signedOut && trouble && <><strong>{trouble.message}.</strong> {trouble.hint && `${trouble.hint}. `}Trying again every 2 s.</>}
    </div>
  );
}

// Who comes to another page by a key or a link is put at its heading; not at the first one, where the browser's own start is right.
function useFocusOnHeading(path: string) {
  const first = useRef(true);
  useEffect(() => {
    if (!first.current) document.querySelector<HTMLElement>('main h1')?.focus({ preventScroll: true });
    first.current = false;
  }, [path]);
}

export function App() {
  const { path } = useLocation();
  const [help, setHelp] = useKeys();
  const { data: me } = useData<Me>('/api/me', 60_000);
  useFocusOnHeading(path);
  return (
    <ActionsAllowed.Provider value={me?.actions ?? false}>
      <a class="skip" href="#main">Skip to the content</a>
      <Navigation path={path} me={me} />
      <div class="page">
        <Banner />
        <main id="main" tabIndex={-1}><Routed path={path} /></main>
      </div>
      <Announcements />
      <Help open={help} onClose={() => setHelp(false)} />
    </ActionsAllowed.Provider>
  );
}
