// Bars as a picture: a standing SVG file that follows the reader's light or dark theme.
import { writeFileSync } from 'node:fs';

const kLabelWidth = 220;
const kBarWidth = 400;
const kRowHeight = 26;

const escaped = (text) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;');

// bars: [{label, value}], values not negative.
export function barChart(file, title, bars) {
  const most = Math.max(...bars.map((bar) => bar.value), 1);
  const lines = bars.map(({ label, value }, index) => {
    const top = 40 + index * kRowHeight;
    const width = ((value / most) * kBarWidth).toFixed(1);
    return `  <text x="${kLabelWidth - 8}" y="${top + 15}" text-anchor="end">${escaped(label)}</text>
  <rect x="${kLabelWidth}" y="${top}" width="${width}" height="20" rx="3"/>
  <text x="${kLabelWidth + Number(width) + 6}" y="${top + 15}">${Math.round(value).toLocaleString('en-US')}</text>`;
  });
  writeFileSync(file, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${kLabelWidth + kBarWidth + 80} ${50 + bars.length * kRowHeight}" role="img">
  <title>${escaped(title)}</title>
  <style>text { font: 13px sans-serif; fill: #333 } rect { fill: #3b82c4 } @media (prefers-color-scheme: dark) { text { fill: #ddd } }</style>
  <text x="${kLabelWidth}" y="24" font-weight="bold">${escaped(title)}</text>
${lines.join('\n')}
</svg>
`);
}
