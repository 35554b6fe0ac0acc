// What events cost those who write: 16 writers, each commit with its event, against the log without a doorbell, against a NOTIFY per row and
// against PgQ. bench/sql/writers makes the first three of one trigger function; all take turns.
import { run as runProgram } from '../harness/children.mjs';
import { row } from '../harness/report.mjs';

export const about = '16 writers with events on and the listener busy';

const kGoal = 0.9;
const kPeerGoal = 2.5;

export async function run(bench) {
  const url = new URL(bench.databases.dsn);
  const env = { ...process.env, PGHOST: url.searchParams.get('host') ?? url.hostname, PGPORT: url.searchParams.get('port') ?? url.port, PGPASSWORD: decodeURIComponent(url.password), PGUSER: decodeURIComponent(url.username) || url.searchParams.get('user') || 'postgres' };
  const output = await runProgram(['bench/sql/writers', bench.sluice, bench.quick ? '2' : '6', bench.quick ? '2' : '4'], { cwd: bench.root, env });
  const found = /without (\d+), doorbell (\d+) \(([\d.]+) of without\), notify per row (\d+) \(doorbell is ([\d.]+) times/.exec(output);
  if (!found) throw new Error(`bench/sql/writers said: ${output}`);
  const [, without, doorbell, ratio, notify, times] = found.map(Number);
  bench.note(`without a doorbell ${without}, with it ${doorbell}, a NOTIFY per row ${notify} updates/s`);
  const pgq = /^pgq (\d+) \(doorbell is ([\d.]+) times/m.exec(output);
  if (!pgq) bench.note('no PgQ: the package postgresql-15-pgq3 is not installed');
  return [row({
    name: 'event_writers', value: doorbell, unit: 'updates/s', limitRatio: ratio, peer: 'NOTIFY per row', peerRatio: times,
    goal: `≥ ${kGoal * 100} % of limit, ≥ ${kPeerGoal} × peer`, met: ratio >= kGoal && times >= kPeerGoal,
  }), ...(pgq ? [row({ name: 'event_writers.pgq', value: Number(pgq[1]), unit: 'updates/s by PgQ itself', peer: 'PgQ', peerRatio: Number(pgq[2]) })] : [])];
}
