// The small things that every page shows: times, states, ids, headings, and what stands where there is nothing to show.
import type { ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';
import type { ApiError } from '../api';
import { brief, moment } from '../format';

export function Time({ at, fine }: { at: string | null | undefined; fine?: boolean }) {
  if (!at) return <span class="none">–</span>;
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return <span>{at}</span>;
  return <time dateTime={at} title={at}>{moment(date, fine)}</time>;
}

const kTones: Record<string, string> = {
  active: 'busy', running: 'busy', ready: 'busy', pending: 'busy', half_open: 'warn',
  completed: 'good', delivered: 'good', good: 'good', published: 'good', enabled: 'good', ok: 'good', closed: 'good', validated: 'good', done: 'good',
  retrying: 'warn', paused: 'warn', limited: 'warn', held: 'warn', failing: 'warn', stopped: 'warn', draft: 'warn',
  failed: 'bad', dead: 'bad', open: 'bad', refused: 'bad', error: 'bad',
};

// A state in words; the colour says it once more.
export function State({ of }: { of: string }) {
  return <span class={`state ${kTones[of] ?? 'plain'}`}>{of.replace('_', ' ')}</span>;
}

export function SessionLink({ id }: { id: string | null | undefined }) {
  if (!id) return <span class="none">–</span>;
  return <a class="id" href={`/sessions/${encodeURIComponent(id)}`} title={id}>{brief(id)}</a>;
}

export function Id({ of }: { of: string | null | undefined }) {
  return of ? <code class="id" title={of}>{brief(of)}</code> : <span class="none">–</span>;
}

// An endpoint's address. https goes without saying; in a narrow table that is what counts.
export function Address({ of, href }: { of: string; href: string }) {
  return <a class="url" href={href} title={of}>{of.replace(/^https:\/\//, '')}</a>;
}

export function Text({ of }: { of: string | null | undefined }) {
  return of ? <>{of}</> : <span class="none">–</span>;
}

// A page's heading, which gets the focus when the page is come to, and the window's title.
export function Heading({ title, children, actions }: { title: string; children?: ComponentChildren; actions?: ComponentChildren }) {
  useEffect(() => {
    document.title = `${title} · Sluice`;
  }, [title]);
  return (
    <header class="heading">
      <div>
        <h1 tabIndex={-1}>{title}</h1>
        {children && <p class="lead">{children}</p>}
      </div>
      {actions && <div class="actions">{actions}</div>}
    </header>
  );
}

export function Trouble({ error }: { error: ApiError }) {
  return (
    <div class="trouble" role="alert">
      <strong>{error.message}</strong>
      {error.hint && <span>{error.hint}</span>}
    </div>
  );
}

export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <strong>{title}</strong>
      {children && <p>{children}</p>}
    </div>
  );
}

export const Loading = () => <p class="loading" role="status">Loading…</p>;

// Names with their values. A value that is not there is left out.
export function Facts({ of }: { of: [string, ComponentChildren][] }) {
  return (
    <dl class="facts">
      {of.filter(([, value]) => value !== null && value !== undefined && value !== '').map(([name, value]) => (
        <div key={name}><dt>{name}</dt><dd>{value}</dd></div>
      ))}
    </dl>
  );
}
