// Addresses within the page, by the History API. A click on a link with a path of ours is a navigation within the page.
import { useEffect, useState } from 'preact/hooks';

const watchers = new Set<() => void>();
const tell = () => watchers.forEach((watcher) => watcher());

export function navigate(url: string) {
  history.pushState(null, '', url);
  window.scrollTo(0, 0);
  tell();
}

function follow(event: MouseEvent) {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = (event.target as Element).closest('a');
  const href = link?.getAttribute('href');
  if (!href?.startsWith('/') || link?.getAttribute('target')) return;
  event.preventDefault();
  navigate(href);
}

export function startRouter() {
  document.addEventListener('click', follow);
  window.addEventListener('popstate', tell);
}

export function useLocation(): { path: string; search: string } {
  const read = () => ({ path: location.pathname, search: location.search });
  const [where, set] = useState(read);
  useEffect(() => {
    const watcher = () => set(read());
    watchers.add(watcher);
    return () => { watchers.delete(watcher); };
  }, []);
  return where;
}

// The filters of a list live in its address, so that it can be kept and sent. Setting one replaces the address.
export function useQuery(): [Record<string, string>, (name: string, value: string) => void] {
  const { search } = useLocation();
  const set = (name: string, value: string) => {
    const query = new URLSearchParams(location.search);
    if (value === '') query.delete(name);
    else query.set(name, value);
    const text = query.toString();
    history.replaceState(null, '', text === '' ? location.pathname : `?${text}`);
    tell();
  };
  return [Object.fromEntries(new URLSearchParams(search)), set];
}

// '/flows/:key' and '/flows/a%20b' give {key: 'a b'}; null when they do not fit.
export function matchPath(pattern: string, path: string): Record<string, string> | null {
  const wanted = pattern.split('/');
  const given = path.split('/');
  if (wanted.length !== given.length) return null;
  const found: Record<string, string> = {};
  for (const [i, part] of wanted.entries()) {
    if (part.startsWith(':') && given[i] !== '') found[part.slice(1)] = decode(given[i]);
    else if (part !== given[i]) return null;
  }
  return found;
}

function decode(text: string) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
