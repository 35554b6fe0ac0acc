// The events of this moment, by server-sent events, in a bounded list.
import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiError, getJson, withQuery } from './api';
import type { EventRow, Page } from './types';

export const kMostEvents = 300; // what is older falls off the list

export interface Live {
  rows?: EventRow[]; // newest first
  error?: ApiError;
  open: boolean; // what happens from now on arrives
  waiting: number; // came while the list was paused; the newest kMostEvents are kept
  lost: boolean; // the console dropped some: they came faster than this page took them
}

const merge = (newer: EventRow[], older: EventRow[]) => {
  const known = new Set(newer.map((row) => row.id));
  return [...newer, ...older.filter((row) => !known.has(row.id))].slice(0, kMostEvents);
};

// Events of TYPE (all when empty), in SESSION (all when empty). While paused the list stands still.
export function useLive(type: string, session: string, paused: boolean): Live {
  const [state, set] = useState<Live>({ open: false, waiting: 0, lost: false });
  const queue = useRef<EventRow[]>([]);
  const still = useRef(paused);
  still.current = paused;
  const take = () => {
    const rows = queue.current;
    if (still.current) return set((old) => ({ ...old, waiting: rows.length }));
    queue.current = [];
    return set((old) => ({ ...old, waiting: 0, rows: merge(rows, old.rows ?? []) }));
  };
  useEffect(() => {
    const abort = new AbortController();
    queue.current = [];
    set({ open: false, waiting: 0, lost: false });
    const load = () => getJson<Page<EventRow>>(withQuery('/api/events', { type, session }), abort.signal).then(
      (page) => set((old) => ({ ...old, rows: merge(old.rows ?? [], page.rows).sort((a, b) => Number(b.id) - Number(a.id)) })),
      (error) => { if (error instanceof ApiError) set((old) => ({ ...old, error })); });
    void load();
    const source = new EventSource(withQuery('/api/events/live', { type }));
    let frame = 0;
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
      queue.current = [row, ...queue.current].slice(0, kMostEvents);
      window.cancelAnimationFrame(frame);
      frame = window.requestAnimationFrame(take); // a burst is drawn once
    });
    return () => {
      abort.abort();
      window.cancelAnimationFrame(frame);
      source.close();
    };
  }, [type, session]);
  useEffect(take, [paused]);
  return state;
}
