// A flow drawn as a graph: dagre says where things lie, this draws them.
import dagre from '@dagrejs/dagre';
import { useMemo } from 'preact/hooks';
import { count } from '../format';
import { withQuery } from '../api';
import type { FlowEdge, FlowNode } from '../types';

const kWidth = 216;
const kHeight = 76;
const kLetters = 26;
export const kMostNodes = 300; // laying out more would hold up the page

interface Point { x: number; y: number }
interface Placed { width: number; height: number; nodes: (FlowNode & Point)[]; edges: (FlowEdge & { points: Point[]; at: Point })[] }

function place(nodes: FlowNode[], edges: FlowEdge[]): Placed {
  const graph = new dagre.graphlib.Graph({ multigraph: true });
  graph.setGraph({ rankdir: 'TB', nodesep: 28, ranksep: 46, marginx: 12, marginy: 12 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const node of nodes) graph.setNode(node.id, { width: kWidth, height: kHeight });
  const drawn = edges.filter((edge) => graph.hasNode(edge.from) && graph.hasNode(edge.to));
  drawn.forEach((edge, i) => graph.setEdge(edge.from, edge.to, { width: labelOf(edge).length * 7 + 8, height: 16, labelpos: 'c' }, `${i}`));
  dagre.layout(graph);
  const size = graph.graph() as { width?: number; height?: number };
  return {
    width: Math.ceil(size.width ?? kWidth), height: Math.ceil(size.height ?? kHeight),
    nodes: nodes.map((node) => ({ ...node, ...(graph.node(node.id) as Point) })),
    edges: drawn.map((edge, i) => {
      const laid = graph.edge(edge.from, edge.to, `${i}`) as unknown as { points: Point[]; x: number; y: number };
      return { ...edge, points: laid.points, at: laid };
    }),
  };
}

// 'default' is what an edge is called that has no label of its own.
const labelOf = (edge: FlowEdge) => (edge.label && edge.label !== 'default' ? cut(edge.label, kLetters) : '');
const cut = (text: string, letters: number) => (text.length > letters ? `${text.slice(0, letters - 1)}…` : text);

// Through the middles of the points, bent at the points themselves.
function curve(points: Point[]): string {
  const [first, ...rest] = points;
  let path = `M${first.x},${first.y}`;
  for (let i = 0; i < rest.length - 1; i += 1) {
    path += `Q${rest[i].x},${rest[i].y} ${(rest[i].x + rest[i + 1].x) / 2},${(rest[i].y + rest[i + 1].y) / 2}`;
  }
  const last = rest[rest.length - 1];
  return `${path}L${last.x},${last.y}`;
}

// The share of those who came that were abandoned here.
export const dropOff = ({ reached, left }: FlowNode) => (reached ? Math.min(left / reached, 1) : 0);

function NodeBox({ node, flow }: { node: FlowNode & Point; flow: string }) {
  const lost = dropOff(node) * (kWidth - 2);
  return (
    <a href={withQuery('/sessions', { flow, q: node.id })} class={node.live > 0 ? 'node live' : 'node'}>
      <g transform={`translate(${node.x - kWidth / 2},${node.y - kHeight / 2})`}>
        <rect class="box" width={kWidth} height={kHeight} rx="8" />
        <text x="12" y="22" class="name">{cut(node.label || node.id, kLetters)}</text>
        <text x="12" y="39" class="type">{node.entry ? `${node.type} · start` : node.type}</text>
        {node.live > 0 && (
          <>
            <rect class="pill" x={kWidth - 12 - pillWidth(node.live)} y="29" width={pillWidth(node.live)} height="17" rx="8.5" />
            <text x={kWidth - 12 - pillWidth(node.live) / 2} y="41.5" class="pilltext">{count(node.live)} here</text>
          </>
        )}
        {node.reached !== null && <text x="12" y="60" class="reached">{count(node.reached)} reached</text>}
        {node.left + node.ended > 0 && (
          <text x={kWidth - 12} y="60" class={node.left > 0 ? 'left some' : 'left'}>{node.left > 0 ? `${count(node.left)} abandoned` : `${count(node.ended)} ended`}</text>
        )}
        <rect class="track" x="12" y={kHeight - 9} width={kWidth - 24} height="3" rx="1.5" />
        {lost > 0 && <rect class="lost" x="12" y={kHeight - 9} width={Math.max(3, (lost * (kWidth - 24)) / kWidth)} height="3" rx="1.5" />}
      </g>
    </a>
  );
}

const pillWidth = (live: number) => (count(live).length + 5) * 7 + 16;

export function Graph({ flow, nodes, edges }: { flow: string; nodes: FlowNode[]; edges: FlowEdge[] }) {
  const shape = JSON.stringify([nodes.map((node) => node.id), edges]);
  const laid = useMemo(() => place(nodes, edges), [shape]);
  const now = new Map(nodes.map((node) => [node.id, node]));
  return (
    <div class="graph" tabIndex={0} role="region" aria-label={`Graph of ${flow}`}>
      <svg width={laid.width} height={laid.height} viewBox={`0 0 ${laid.width} ${laid.height}`} role="group" aria-label={`${flow}: ${nodes.length} nodes. The table below says the same.`}>
        <defs>
          <marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto-start-reverse"><path class="arrow" d="M0,0.5 L7.5,4 L0,7.5 z" /></marker>
        </defs>
        {laid.edges.map((edge, i) => <path key={i} class="edge" d={curve(edge.points)} marker-end="url(#arrow)" />)}
        {laid.edges.filter((edge) => labelOf(edge) !== '').map((edge, i) => (
          <text key={i} class="edgelabel" x={edge.at.x} y={edge.at.y + 4}>{labelOf(edge)}</text>
        ))}
        {laid.nodes.map((node) => <NodeBox key={node.id} node={{ ...node, ...now.get(node.id)! }} flow={flow} />)}
      </svg>
    </div>
  );
}
