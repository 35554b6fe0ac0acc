// Rows of the result: what ./dev bench prints and what build/bench/latest.json holds.
import { writeFileSync } from 'node:fs';

// A row with every field of the contract; absent ones are null. `peerRatio` is how many times better than the peer.
export function row({ name, value, unit, limitRatio = null, peer = null, peerRatio = null, goal = null, met = null }) {
  return { name, value, unit, limit_ratio: limitRatio, peer, peer_ratio: peerRatio, goal, met };
}

function number(value) {
  if (value === null) return '';
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : Math.abs(value) >= 0.1 ? 2 : 4;
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

const kColumns = [
  { title: 'what', cell: (one) => one.name },
  { title: 'value', right: true, cell: (one) => number(one.value) },
  { title: 'unit', cell: (one) => one.unit },
  { title: 'of limit', right: true, cell: (one) => (one.limit_ratio === null ? '' : `${(one.limit_ratio * 100).toFixed(0)} %`) },
  { title: 'against peer', cell: (one) => (one.peer === null ? '' : `${one.peer_ratio.toFixed(1)} × ${one.peer}`) },
  { title: 'goal', cell: (one) => one.goal ?? '' },
  { title: 'met', cell: (one) => (one.met === null ? '' : one.met ? 'yes' : 'no') },
];

export function printTable(rows) {
  const lines = [kColumns.map((column) => column.title), ...rows.map((one) => kColumns.map((column) => column.cell(one)))];
  const widths = kColumns.map((_, index) => Math.max(...lines.map((cells) => cells[index].length)));
  for (const cells of lines) {
    const padded = cells.map((cell, index) => (kColumns[index].right ? cell.padStart(widths[index]) : cell.padEnd(widths[index])));
    console.log(`  ${padded.join('  ').trimEnd()}`);
  }
}

export function store(file, rows) {
  writeFileSync(file, `[\n${rows.map((one) => `  ${JSON.stringify(one)}`).join(',\n')}\n]\n`);
}
