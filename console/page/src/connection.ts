// Whether the console and its database answer. Every request reports here; the banner at the top of the page shows it.
import { useEffect, useState } from 'preact/hooks';
import type { ApiError } from './api';

export interface Connection { trouble: ApiError | null; signedOut: boolean }

let current: Connection = { trouble: null, signedOut: false };
const watchers = new Set<(connection: Connection) => void>();

function change(next: Connection) {
  if (next.trouble?.message === current.trouble?.message && next.signedOut === current.signedOut) return;
  current = next;
  for (const watcher of watchers) watcher(current);
}

export const reportGood = () => change({ trouble: null, signedOut: false });
export const reportTrouble = (trouble: ApiError) => change({ ...current, trouble });
export const reportSignedOut = () => change({ trouble: null, signedOut: true });

export function useConnection(): Connection {
  const [connection, set] = useState(current);
  useEffect(() => {
    set(current);
    watchers.add(set);
    return () => { watchers.delete(set); };
  }, []);
  return connection;
}
