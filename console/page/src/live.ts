// The events of this moment, by server-sent events, in a bounded list.
import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiError, getJson, withQuery } from './api';
import type { EventRow, Page } from './types';

export const kMostEvents = 300; // what is older falls off the list

export interface Live {
  rows?: EventRow[]; // newest first
  error?: ApiError;
  open: boolean; // what happens from now on arrives
  waiting: number; // came while the list was paused, and is not in it
  lost: boolean; // the console dropped some: they came faster than this page took them
}

// Both, newest first. The list is read after the stream was joined, so an event may come by both.
const merge = (some: EventRow[], others: EventRow[] = []) => {
  const known = new Set(some.map((row) => row.id));
  return [...some, ...others.filter((row) => !known.has(row.id))].sort((a, b) => Number(b.id) - Number(a.id)).slice(0, kMostEvents);
};

// Events of TYPE (all when empty), in SESSION (all when empty). While paused the list stands still.
export function useLive(type: string, session: string, paused: boolean): Live {
  const [state, set] = useState<Omit<Live, 'waiting'>>({ open: false, lost: false });
  const shown = useRef<EventRow[] | undefined>(undefined);
  if (!paused || !state.rows) shown.current = state.rows;
  shown.current ??= state.rows; // nothing was there yet when it was paused
  useEffect(() => {
    const abort = new AbortController();
    set({ open: false, lost: false });
    const take = (rows: EventRow[]) => set((old) => ({ ...old, rows: merge(rows, old.rows) }));
    const load = () => getJson<Page<EventRow>>(withQuery('/api/events', { type, session }), abort.signal).then(
      (page) => take(page.rows),
      (error) => { if (error instanceof ApiError) set((old) => ({ ...old, error })); });
    void load();
    const source = new EventSource(withQuery('/api/events/live', { type }));
    let burst: EventRow[] = [];
    let frame = 0;
    const draw = () => {
      take(burst);
      burst = [];
    };
    // Only now is it settled from where on the stream tells; what came before is read again.
    source.addEventListener('joined', () => {
      set((old) => ({ ...old, open: true }));
      void load();
    });
    source.addEventListener('error', () => set((old) => ({ ...old, open: false })));
    source.addEventListener('lost', () => set((old) => ({ ...old, lost: true })));
    source.addEventListener('flow', (message) => {
      const row = JSON.parse((message as MessageEvent<string>).data) as EventRow;
      if (session !== '' && row.session_id !== session) return;
      burst = [row, ...burst].slice(0, kMostEvents);
      window.cancelAnimationFrame(frame);
      frame = window.requestAnimationFrame(draw); // a burst is drawn once
    });
    return () => {
      abort.abort();
      window.cancelAnimationFrame(frame);
      source.close();
    };
  }, [type, session]);
  const listed = new Set(shown.current?.map((row) => row.id));
  return { ...state, rows: shown.current, waiting: state.rows?.filter((row) => !listed.has(row.id)).length ?? 0 };
}
