// Lines and tables for people: aligned, coloured on a terminal only.
const coloured = process.stdout.isTTY && !process.env.NO_COLOR;
const paint = (code) => (text) => (coloured ? `\x1b[${code}m${text}\x1b[0m` : text);
export const bold = paint('1');
export const dim = paint('2');
export const green = paint('32');
const speakers = { bot: paint('36'), you: paint('33'), event: paint('2'), webhook: paint('2') };

export function heading(text) {
  console.log(`\n${bold(text)}`);
}

// One line of the play: who, then what. Longer texts are wrapped under themselves.
export function line(who, text) {
  const width = Math.max(60, Math.min(process.stdout.columns ?? 110, 120)) - 14;
  const words = text.split(' ');
  const rows = [''];
  for (const word of words) {
    const row = rows[rows.length - 1];
    if (row && row.length + word.length + 1 > width) rows.push(word);
    else rows[rows.length - 1] = row ? `${row} ${word}` : word;
  }
  const colour = speakers[who] ?? ((same) => same);
  rows.forEach((row, index) => console.log(`  ${colour((index ? '' : who).padStart(8))}  ${who === 'event' ? dim(row) : row}`));
}

// Rows of equal length; the first is the heading. Numbers stand to the right.
export function table(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => String(row[column]).length)));
  rows.forEach((row, index) => {
    const cells = row.map((cell, column) => {
      const right = rows.slice(1).every((other) => typeof other[column] === 'number');
      return right ? String(cell).padStart(widths[column]) : String(cell).padEnd(widths[column]);
    });
    const text = `  ${cells.join('  ').trimEnd()}`;
    console.log(index ? text : bold(text));
  });
}
