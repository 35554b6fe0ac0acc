// A JSON value as text, folded when it is long.

export const asText = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value, null, 2) ?? '');

export function Json({ value, label }: { value: unknown; label: string }) {
  return <pre class="json" tabIndex={0} role="region" aria-label={label}>{JSON.stringify(value, null, 2)}</pre>;
}

export function Folded({ value, label }: { value: unknown; label: string }) {
  return (
    <details class="folded">
      <summary>{label}</summary>
      <Json value={value} label={label} />
    </details>
  );
}
