// A text to be copied: an id that people paste into another tool.
import { say } from './announce';

export function Copy({ text, label }: { text: string; label: string }) {
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    say(`${label} copied`);
  };
  return (
    <span class="copy">
      <code>{text}</code>
      <button type="button" class="quiet" onClick={copy} aria-label={`Copy ${label}`}>Copy</button>
    </span>
  );
}
