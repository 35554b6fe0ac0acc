// Hooks that load what a page shows and keep it fresh while it is shown.
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { ApiError, getJson, withQuery } from './api';
import type { Page } from './types';

const kRetryMs = 2000;

export interface Loaded<T> {
  data?: T;
  error?: ApiError;
  stale: boolean; // data belongs to the path before this one
  reload: () => void;
}

// The JSON at PATH, again every `every` ms when that is not 0, and again soon after a failure that passes. After such a failure the
// data that was there stays.
export function useData<T>(path: string, every = 0): Loaded<T> {
  const [state, set] = useState<{ path: string; data?: T; error?: ApiError }>({ path: '' });
  const [round, setRound] = useState(0);
  const pause = useRef(every);
  pause.current = every;
  useEffect(() => {
    const abort = new AbortController();
    let timer = 0;
    const load = async () => {
      let next = pause.current;
      try {
        const data = await getJson<T>(path, abort.signal);
        if (!abort.signal.aborted) set({ path, data });
      } catch (error) {
        if (abort.signal.aborted) return;
        if (!(error instanceof ApiError)) throw error;
        if (error.passing) next = kRetryMs;
        set((old) => ({ path, data: error.passing && old.path === path ? old.data : undefined, error }));
      }
      if (next > 0 && !abort.signal.aborted) timer = window.setTimeout(again, next);
    };
    // A page in a hidden tab rests.
    const again = () => {
      if (document.hidden) timer = window.setTimeout(again, kRetryMs);
      else void load();
    };
    void load();
    return () => {
      abort.abort();
      window.clearTimeout(timer);
    };
  }, [path, round]);
  const reload = useCallback(() => setRound((n) => n + 1), []);
  const stale = state.path !== path;
  return { data: state.data, error: stale ? undefined : state.error, stale, reload };
}

export interface Listed<Row> extends Omit<Loaded<Row[]>, 'data'> {
  rows?: Row[];
  more?: () => void; // loads the next page; undefined when this is all
}

// A list in pages. The first is kept fresh until somebody asks for more.
export function usePages<Row>(path: string, query: Record<string, string>, every = 5000): Listed<Row> {
  const url = withQuery(path, query);
  const [later, setLater] = useState<{ url: string; rows: Row[]; next: string | null } | null>(null);
  const extra = later?.url === url ? later : null;
  const first = useData<Page<Row>>(url, extra ? 0 : every);
  const [failed, setFailed] = useState<ApiError>();
  const next = extra ? extra.next : first.data?.next ?? null;
  const more = async () => {
    try {
      const page = await getJson<Page<Row>>(withQuery(path, { ...query, before: next ?? '' }));
      setLater({ url, rows: [...(extra?.rows ?? []), ...page.rows], next: page.next });
      setFailed(undefined);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setFailed(error);
    }
  };
  const reload = () => {
    setLater(null);
    first.reload();
  };
  return {
    rows: first.data && [...first.data.rows, ...(extra?.rows ?? [])],
    error: first.error ?? failed, stale: first.stale, reload, more: next === null ? undefined : more,
  };
}
