// The dialog that lists the keys.
import { useEffect, useRef, useState } from 'preact/hooks';
import { kPlaces, shortcutsOff, switchShortcuts } from '../keys';

const kKeys: [string, string][] = [
  ['/', 'to the filter'], ['j', 'to the next row'], ['k', 'to the row before'], ['p', 'pause or resume live events'], ['?', 'this help'], ['Esc', 'close a dialog'],
  ...kPlaces.map(([key, , name]): [string, string] => [`g ${key}`, name]),
];

export function Help({ open, onClose }: { open: boolean; onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [off, setOff] = useState(shortcutsOff);
  useEffect(() => {
    if (open) dialog.current?.showModal();
  }, [open]);
  const toggle = (on: boolean) => {
    switchShortcuts(on);
    setOff(!on);
  };
  return (
    <dialog ref={dialog} aria-label="Keyboard" onClose={onClose}>
      <h2>Keyboard</h2>
      <dl class="keys">
        {kKeys.map(([keys, what]) => (
          <div key={keys}><dt>{keys.split(' ').map((key) => <kbd key={key}>{key}</kbd>)}</dt><dd>{what}</dd></div>
        ))}
      </dl>
      <label class="check"><input type="checkbox" checked={!off} onChange={(event) => toggle(event.currentTarget.checked)} /> single-letter keys are on</label>
      <div class="buttons"><button type="button" class="primary" onClick={() => dialog.current?.close()}>Close</button></div>
    </dialog>
  );
}
