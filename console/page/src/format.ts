// Numbers, durations and times as texts.

const kNumbers = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const kRates = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });

export const count = (n: number | null | undefined) => (n == null ? '–' : kNumbers.format(n));
export const rate = (n: number | null | undefined) => (n == null ? '–' : n >= 100 ? kNumbers.format(n) : kRates.format(n));
export const percent = (share: number | null | undefined) => (share == null ? '–' : `${kRates.format(Math.floor(share * 1000) / 10)} %`);

export function seconds(n: number | null | undefined): string {
  if (n == null) return '–';
  if (n < 0.001) return '0 s';
  if (n < 1) return `${Math.round(n * 1000)} ms`;
  if (n < 120) return `${kRates.format(n)} s`;
  if (n < 7200) return `${Math.round(n / 60)} min`;
  if (n < 172800) return `${Math.round(n / 3600)} h`;
  return `${Math.round(n / 86400)} d`;
}

export const milliseconds = (n: number | null | undefined) => (n == null ? '–' : seconds(n / 1000));

const kClock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const kDay = new Intl.DateTimeFormat('en-GB', { day: '2-digit', month: 'short', year: 'numeric' });
const kFine = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3 });

// Local time; the day is said when it is another one than today.
export function moment(at: Date, fine = false): string {
  const clock = (fine ? kFine : kClock).format(at);
  return at.toDateString() === new Date().toDateString() ? clock : `${kDay.format(at)}, ${clock}`;
}

// An id's end, for tables: the beginning of a session's is its time.
export const brief = (id: string) => (id.length > 13 ? id.slice(-8) : id);
