// Keys for the hand that stays on the keyboard. Single letters can be switched off, for who speaks to the machine or has a shaking hand.
import { useEffect, useState } from 'preact/hooks';
import { navigate } from './router';

export const kPlaces: [key: string, path: string, name: string][] = [
  ['o', '/', 'Overview'], ['f', '/flows', 'Flows'], ['s', '/sessions', 'Sessions'], ['t', '/tasks', 'Tasks'],
  ['d', '/deliveries', 'Deliveries'], ['e', '/endpoints', 'Endpoints'], ['l', '/events', 'Events live'], ['a', '/audit', 'Audit'],
];

const kOff = 'sluice-shortcuts-off';
export const shortcutsOff = () => localStorage.getItem(kOff) !== null;
export const switchShortcuts = (on: boolean) => (on ? localStorage.removeItem(kOff) : localStorage.setItem(kOff, '1'));

// A g counts for the letter that comes within a second.
const kChordMs = 1000;

const typing = (target: EventTarget | null) =>
  target instanceof HTMLElement && (target.isContentEditable || ['INPUT', 'SELECT', 'TEXTAREA'].includes(target.tagName));

function focusFilter(): boolean {
  const field = document.querySelector<HTMLElement>('main [data-first]');
  field?.focus();
  return field !== null;
}

// The link of the next row, or of the one before.
function moveRow(by: number): boolean {
  const links = Array.from(document.querySelectorAll<HTMLElement>('main tbody tr')).flatMap((row) => row.querySelector<HTMLElement>('a') ?? []);
  if (links.length === 0) return false;
  const here = links.findIndex((link) => link.closest('tr')!.contains(document.activeElement));
  links[here === -1 ? (by > 0 ? 0 : links.length - 1) : Math.min(Math.max(here + by, 0), links.length - 1)].focus();
  return true;
}

// Returns whether the help is open, and a function to open or close it.
export function useKeys(): [boolean, (open: boolean) => void] {
  const [help, setHelp] = useState(false);
  useEffect(() => {
    let chordUntil = 0;
    const pressed = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || document.querySelector('dialog[open]') || shortcutsOff()) return;
      const inChord = event.timeStamp < chordUntil;
      chordUntil = 0;
      const place = kPlaces.find(([key]) => key === event.key);
      if (inChord && place) navigate(place[1]);
      else if (event.key === 'g') chordUntil = event.timeStamp + kChordMs;
      else if (event.key === '?') setHelp(true);
      else if (event.key === 'p') document.querySelector<HTMLElement>('main [data-pause]')?.click();
      else if (!(event.key === '/' && focusFilter()) && !(event.key === 'j' && moveRow(1)) && !(event.key === 'k' && moveRow(-1))) return;
      event.preventDefault();
    };
    document.addEventListener('keydown', pressed);
    return () => document.removeEventListener('keydown', pressed);
  }, []);
  return [help, setHelp];
}
