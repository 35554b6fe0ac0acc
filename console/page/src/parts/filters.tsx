// The row of filters above a list. What is chosen stands in the page's address.
import { useEffect, useRef, useState } from 'preact/hooks';

const kTypingMs = 200;

interface FilterProps { label: string; value: string; onChange: (value: string) => void }

export function TextFilter({ label, value, onChange, placeholder, first }: FilterProps & { placeholder?: string; first?: boolean }) {
  const [text, setText] = useState(value);
  const timer = useRef(0);
  useEffect(() => setText(value), [value]);
  useEffect(() => () => window.clearTimeout(timer.current), []);
  const typed = (next: string) => {
    setText(next);
    window.clearTimeout(timer.current);
    timer.current = window.setTimeout(() => onChange(next.trim()), kTypingMs);
  };
  return (
    <label class="filter">
      <span>{label}</span>
      <input type="search" value={text} placeholder={placeholder} data-first={first} spellcheck={false} autocomplete="off"
        aria-keyshortcuts={first ? '/' : undefined} onInput={(event) => typed(event.currentTarget.value)} />
    </label>
  );
}

export function ChoiceFilter({ label, value, onChange, choices, none = 'all', first }: FilterProps & { choices: string[]; none?: string; first?: boolean }) {
  return (
    <label class="filter">
      <span>{label}</span>
      <select value={value} data-first={first} onChange={(event) => onChange(event.currentTarget.value)}>
        <option value="">{none}</option>
        {choices.map((choice) => <option key={choice} value={choice}>{choice}</option>)}
      </select>
    </label>
  );
}
