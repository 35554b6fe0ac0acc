// One flow, drawn, with how many sessions are where; and the same as a table.
import { withQuery } from '../api';
import { useData } from '../data';
import { count, percent } from '../format';
import { Empty, Heading, Loading, State, Trouble } from '../parts/basics';
import { ChoiceFilter } from '../parts/filters';
import { dropOff, Graph, kMostNodes } from '../parts/graph';
import { Table } from '../parts/table';
import { useQuery } from '../router';
import type { FlowGraph } from '../types';

function Nodes({ flow, nodes, edges }: { flow: string } & Pick<FlowGraph, 'nodes' | 'edges'>) {
  const next = (id: string) => edges.filter((edge) => edge.from === id).map((edge) => (edge.label && edge.label !== 'default' ? `${edge.to} (${edge.label})` : edge.to)).join(', ');
  return (
    <Table label="Nodes" rows={nodes} id={(node) => node.id} columns={[
      { name: 'node', cell: (node) => <a href={withQuery('/sessions', { flow, q: node.id })}>{node.id}</a> },
      { name: 'type', cell: (node) => (node.entry ? `${node.type}, start` : node.type) },
      { name: 'here now', numeric: true, cell: (node) => count(node.live) },
      { name: 'reached', numeric: true, cell: (node) => count(node.reached) },
      { name: 'ended here', numeric: true, cell: (node) => count(node.ended) },
      { name: 'abandoned here', numeric: true, cell: (node) => count(node.left) },
      { name: 'drop-off', numeric: true, cell: (node) => (node.reached ? percent(dropOff(node)) : '–') },
      { name: 'goes on to', wide: true, cell: (node) => next(node.id) || <span class="none">the end</span> },
    ]} />
  );
}

// Who reached a node is counted for the newest sessions alone; of all it is as much more.
function reckoned({ flow, nodes }: FlowGraph) {
  const times = flow.sampled > 0 ? flow.sessions / flow.sampled : 1;
  return nodes.map((node) => ({ ...node, reached: node.reached === null ? null : Math.round(node.reached * times) }));
}

export function Flow({ flow }: { flow: string }) {
  const [query, setQuery] = useQuery();
  const version = query.version ?? '';
  const { data, error } = useData<FlowGraph>(withQuery(`/api/flows/${encodeURIComponent(flow)}`, { version }), 5000);
  const versions = data?.flow.versions ?? [];
  const nodes = data ? reckoned(data) : [];
  return (
    <>
      <Heading title={flow} actions={<a class="button" href={withQuery('/sessions', { flow })}>Sessions</a>}>
        {data && <>version {data.flow.version ?? '–'} <State of={data.flow.status} /> {count(data.flow.sessions)} sessions of this version{data.flow.sessions > data.flow.sampled && `; reached is reckoned from the newest ${count(data.flow.sampled)}`}</>}
      </Heading>
      {versions.length > 1 && (
        <div class="filters"><ChoiceFilter first none="the newest" label="version" value={version} choices={versions} onChange={(value) => setQuery('version', value)} /></div>
      )}
      {!data && (error ? <Trouble error={error} /> : <Loading />)}
      {data && data.nodes.length === 0 && <Empty title="This flow has no node">Import it anew with nodes; <code>sluice flow validate FILE</code> says what is missing.</Empty>}
      {data && data.nodes.length > 0 && (
        <>
          {data.nodes.length <= kMostNodes
            ? <Graph flow={flow} nodes={nodes} edges={data.edges} />
            : <p class="quiet">With more than {kMostNodes} nodes it is not drawn here; <code>sluice flow graph</code> makes a picture of it.</p>}
          <h2>Nodes</h2>
          <Nodes flow={flow} nodes={nodes} edges={data.edges} />
        </>
      )}
    </>
  );
}
