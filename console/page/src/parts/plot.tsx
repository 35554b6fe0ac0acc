// A time series, drawn by uPlot on a canvas. Colours are the style sheet's, read anew when light turns to dark.
import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import { seconds } from '../format';

const kMinute = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const kSecond = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });

export interface Line { name: string; values: number[]; tone: 'accent' | 'bad' }

interface PlotProps { title: string; unit: string; t: number[]; lines: Line[]; format: (n: number) => string }

const kHeight = 120;
const kDark = window.matchMedia('(prefers-color-scheme: dark)');

function useScheme(): boolean {
  const [dark, set] = useState(kDark.matches);
  useEffect(() => {
    const changed = () => set(kDark.matches);
    kDark.addEventListener('change', changed);
    return () => kDark.removeEventListener('change', changed);
  }, []);
  return dark;
}

function options(element: HTMLElement, lines: Line[], width: number, format: (n: number) => string, onCursor: (at: number | null) => void): uPlot.Options {
  const style = getComputedStyle(element);
  const colour = (name: string) => style.getPropertyValue(`--${name}`).trim();
  const axis = { stroke: colour('muted'), grid: { stroke: colour('line'), width: 1 }, ticks: { show: false }, font: `11px ${style.fontFamily}` };
  return {
    width, height: kHeight,
    padding: [8, 18, 0, 0],
    legend: { show: false },
    cursor: { sync: { key: 'overview' }, y: false, drag: { x: false, y: false }, points: { size: 6 } },
    scales: { y: { range: (_plot, _min, max) => [0, Math.max(max * 1.15, 1)] } },
    axes: [
      { ...axis, grid: { show: false }, size: 26, gap: 8, space: 70, values: (_plot, ticks, _axis, _space, step) => ticks.map((at) => (step % 60 === 0 ? kMinute : kSecond).format(at * 1000)) },
      { ...axis, size: 54, space: 32, values: (_plot, ticks) => ticks.map(format) },
    ],
    series: [{}, ...lines.map((line) => ({
      label: line.name, stroke: colour(line.tone), width: 1.5, points: { show: false },
      fill: line.tone === 'accent' ? colour('accent-wash') : undefined,
    }))],
    hooks: { setCursor: [(plot) => onCursor(plot.cursor.idx ?? null)] },
  };
}

export function Plot({ title, unit, t, lines, format }: PlotProps) {
  const holder = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const [pointed, setPointed] = useState<number | null>(null);
  const dark = useScheme();
  const data = [t, ...lines.map((line) => line.values)] as uPlot.AlignedData;
  useEffect(() => {
    const element = holder.current!;
    const made = new uPlot(options(element, lines, element.clientWidth, format, setPointed), data, element);
    plot.current = made;
    const watch = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: kHeight }));
    watch.observe(element);
    return () => {
      watch.disconnect();
      made.destroy();
    };
  }, [dark]);
  useEffect(() => plot.current?.setData(data), [t]);
  const at = pointed ?? t.length - 1;
  const shown = lines.map((line) => format(line.values[at] ?? 0));
  return (
    <section class="plot">
      <h2>{title}</h2>
      <p class="reading">
        <span class="now">{shown[0]}</span> <span class="unit">{unit}</span>
        {lines.slice(1).map((line, i) => <span key={line.name} class={line.values[at] > 0 ? 'second bad' : 'second'}>{shown[i + 1]} {line.name}</span>)}
        {pointed !== null && t[at] && <time class="second" dateTime={new Date(t[at] * 1000).toISOString()}>{new Date(t[at] * 1000).toLocaleTimeString('en-GB')}</time>}
      </p>
      <div ref={holder} class="canvas" role="img" aria-label={`${title} over the last ${span(t)}: now ${shown[0]} ${unit}`} />
    </section>
  );
}

const span = (t: number[]) => seconds(t[t.length - 1] - t[0]);
