// Tables: one component for all lists, so that they look and behave alike.
import type { ComponentChildren } from 'preact';
import type { Listed } from '../data';
import { Loading, Trouble } from './basics';

export interface Column<Row> {
  name: string;
  cell: (row: Row) => ComponentChildren;
  numeric?: boolean;
  wide?: boolean; // left out on narrow screens
}

interface TableProps<Row> {
  label: string;
  columns: Column<Row>[];
  rows: Row[];
  id: (row: Row) => string | number;
  stale?: boolean;
}

const classOf = <Row,>(column: Column<Row>) => [column.numeric && 'numeric', column.wide && 'wide'].filter(Boolean).join(' ') || undefined;

export function Table<Row>({ label, columns, rows, id, stale }: TableProps<Row>) {
  return (
    <div class={stale ? 'scroll stale' : 'scroll'} tabIndex={0} role="region" aria-label={label} aria-busy={stale}>
      <table>
        <thead>
          <tr>{columns.map((column) => <th key={column.name} scope="col" class={classOf(column)}>{column.name}</th>)}</tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={id(row)}>
              {columns.map((column) => <td key={column.name} class={classOf(column)}>{column.cell(row)}</td>)}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

// A list that the server gives in pages: its table, or what stands for it, and the way to more.
export function Listing<Row>({ list, empty, ...table }: { list: Listed<Row>; empty: ComponentChildren } & Omit<TableProps<Row>, 'rows' | 'stale'>) {
  if (!list.rows) return list.error ? <Trouble error={list.error} /> : <Loading />;
  return (
    <>
      {list.error && !list.error.passing && <Trouble error={list.error} />}
      {list.rows.length > 0 && <Table {...table} rows={list.rows} stale={list.stale} />}
      {list.rows.length === 0 && !list.more && empty}
      <p class="foot">
        <span role="status">{list.more ? `${list.rows.length} found among the newest so far` : list.rows.length > 0 ? `${list.rows.length}, and no more` : ''}</span>
        {list.more && <button type="button" onClick={list.more}>Go on</button>}
      </p>
    </>
  );
}
