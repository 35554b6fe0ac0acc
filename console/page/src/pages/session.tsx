// One session: what it is now, and everything that happened to it in order.
import { useState } from 'preact/hooks';
import { useData } from '../data';
import { brief, seconds } from '../format';
import { Empty, Facts, Heading, Loading, State, Time, Trouble } from '../parts/basics';
import { Copy } from '../parts/copy';
import { asText, Folded } from '../parts/json';
import type { Change, Entry, SessionDetail } from '../types';

const kKinds: Entry['kind'][] = ['revision', 'message', 'task', 'event', 'delivery'];

function Diff({ changes }: { changes: Change[] }) {
  return (
    <table class="diff">
      <thead><tr><th scope="col">state</th><th scope="col">before</th><th scope="col">after</th></tr></thead>
      <tbody>
        {changes.map(({ path, before, after }) => (
          <tr key={path}>
            <th scope="row"><code>{path}</code></th>
            <td>{before == null ? <span class="none">–</span> : <del>{asText(before)}</del>}</td>
            <td>{after == null ? <span class="none">–</span> : <ins>{asText(after)}</ins>}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

// What a message said stands for itself; a revision's number and a state are shown beside the title.
function titleOf({ kind, title, detail }: Entry): string {
  const said = (detail.content as { text?: unknown } | undefined)?.text;
  if (kind === 'message' && typeof said === 'string') return said;
  return title.replace(/^revision \d+: /, '').replace(`: ${detail.status}`, '');
}

// Where more is known about what the entry is of.
function linkOf({ kind, detail }: Entry): string | null {
  const of = (name: string, path: string) => (detail[name] == null ? null : `${path}/${encodeURIComponent(String(detail[name]))}`);
  return kind === 'task' ? of('task_id', '/tasks') : kind === 'delivery' ? of('delivery_id', '/deliveries') : null;
}

function Step({ entry, after }: { entry: Entry; after: number | null }) {
  const link = linkOf(entry);
  const said = entry.kind === 'message' ? String(entry.detail.interaction_type ?? 'message') : entry.kind;
  const status = entry.kind === 'task' || entry.kind === 'delivery' ? entry.detail.status : null;
  return (
    <li class={`entry ${entry.kind} ${status === 'failed' || status === 'dead' ? 'bad' : ''}`}>
      <div class="when">
        <Time at={entry.at} fine />
        {after !== null && <span class="after">{after < 0.001 ? 'at once' : `+${seconds(after)}`}</span>}
      </div>
      <div class="what">
        <p class="title">
          <span class={`kind ${said}`}>{entry.kind === 'revision' ? `revision ${entry.revision ?? ''}` : said}</span>
          {link ? <a href={link}>{titleOf(entry)}</a> : <span class="said">{titleOf(entry)}</span>}
          {typeof status === 'string' && <State of={status} />}
        </p>
        {entry.diff && entry.diff.length > 0 && <Diff changes={entry.diff} />}
        {Object.keys(entry.detail ?? {}).length > 0 && <Folded value={entry.detail} label="details" />}
      </div>
    </li>
  );
}

function Timeline({ entries, truncated }: { entries: Entry[]; truncated: boolean }) {
  const [hidden, setHidden] = useState<string[]>([]);
  const shown = entries.filter((entry) => !hidden.includes(entry.kind));
  const toggle = (kind: string) => setHidden(hidden.includes(kind) ? hidden.filter((other) => other !== kind) : [...hidden, kind]);
  return (
    <>
      <div class="chips" role="group" aria-label="Shown in the timeline">
        {kKinds.map((kind) => (
          <button key={kind} type="button" class={`chip ${kind}`} aria-pressed={!hidden.includes(kind)} onClick={() => toggle(kind)}>
            {kind} <span class="many">{entries.filter((entry) => entry.kind === kind).length}</span>
          </button>
        ))}
      </div>
      {truncated && <p class="quiet">Only the newest entries are shown; <code>sluice.history</code> has all messages.</p>}
      {shown.length === 0 ? <Empty title="Nothing to show">Switch on a kind above.</Empty> : (
        <ol class="timeline" aria-label="Timeline">
          {shown.map((entry, i) => (
            <Step key={`${entry.at} ${entry.kind} ${entry.revision ?? ''} ${entry.title} ${i}`} entry={entry}
              after={i === 0 ? null : (Date.parse(entry.at) - Date.parse(shown[i - 1].at)) / 1000} />
          ))}
        </ol>
      )}
    </>
  );
}

export function Session({ id }: { id: string }) {
  const { data, error } = useData<SessionDetail>(`/api/sessions/${encodeURIComponent(id)}`, 3000);
  if (!data) return <><Heading title={`Session ${brief(id)}`} />{error ? <Trouble error={error} /> : <Loading />}</>;
  const { session, correlation_id: correlation } = data;
  return (
    <>
      <Heading title={`Session ${brief(session.session_id)}`}><State of={session.status} /> at <strong>{session.current_node_id ?? 'no node'}</strong>, revision {session.revision}</Heading>
      <Facts of={[
        ['session', <Copy text={session.session_id} label="session id" />],
        ['correlation id', correlation && <Copy text={correlation} label="correlation id" />],
        ['flow', session.flow && <><a href={`/flows/${encodeURIComponent(session.flow)}?version=${encodeURIComponent(session.flow_version ?? '')}`}>{session.flow}</a> {session.flow_version}</>],
        ['waits for', session.waits_for],
        ['user', session.user_id && <code>{session.user_id}</code>],
        ['started', <Time at={session.started_at} />],
        ['last step', <Time at={session.last_activity_at} />],
        ['ended', session.ended_at && <Time at={session.ended_at} />],
        ['last error', session.last_error],
      ]} />
      <h2>Timeline</h2>
      {!data.diffs && <p class="quiet">What a revision changed in the state is not kept: <code>select sluice.keep_state_changes(true)</code> keeps it from then on.</p>}
      <Timeline entries={data.timeline} truncated={data.truncated} />
    </>
  );
}
