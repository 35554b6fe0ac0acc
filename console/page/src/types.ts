// What the console's server sends. Fields are named like the columns of schema sluice; times are ISO 8601 texts.

export interface Me { actions: boolean; role: string; database: string; version: string }

export interface Page<Row> { rows: Row[]; next: string | null }

export interface Series {
  t: number[];
  events: number[]; steps: number[]; tasks_failed: number[]; deliveries: number[]; deliveries_failed: number[];
  lag: number[]; // seconds
  backlog: number[];
}

export interface Activity {
  delivery_ms: { attempts: number; request_p50: number | null; request_p99: number | null; total_p50: number | null; total_p99: number | null };
  queues: { name: string; paused: boolean; due: number; oldest_seconds: number | null }[];
  lanes: { url: string; state: string; late_seconds: number | null; waiting: number }[];
  breakers: { key: string; state: string; open_seconds: number | null }[];
  consumers: { name: string; kind: string; running: boolean; lag_seconds: number; parked: number }[];
  flows: { flow: string; steps: number; oldest_seconds: number; at: string | null }[];
}

export interface Overview { now: string; activity: Activity; series: Series }

export interface FlowRow {
  flow_key: string; version: string | null; status: string; description?: string | null;
  sessions_active: number; sessions_ended: number;
}

// reached is null where sessions leave no trace; left are those that were abandoned there, ended those that completed.
export interface FlowNode { id: string; type: string; label: string | null; live: number; reached: number | null; left: number; ended: number; entry: boolean }
export interface FlowEdge { from: string; to: string; label: string | null }
export interface FlowGraph {
  flow: { flow_key: string; version: string | null; status: string; sessions: number; sampled: number; versions: string[] }; // reached is of the sampled
  nodes: FlowNode[]; edges: FlowEdge[];
}

export interface SessionRow {
  session_id: string; flow: string | null; flow_version: string | null; user_id: string | null; status: string;
  current_node_id: string | null; revision: number; waits_for: string | null; started_at: string; last_activity_at: string;
  ended_at: string | null; correlation_id: string | null; last_error: string | null;
}

export interface Change { path: string; before: unknown; after: unknown }
export interface Entry {
  at: string; kind: 'revision' | 'message' | 'task' | 'event' | 'delivery'; title: string; revision?: number | null;
  diff?: Change[] | null; detail: Record<string, unknown>;
}
export interface SessionDetail { session: SessionRow; correlation_id: string | null; timeline: Entry[]; truncated: boolean; diffs: boolean }

export interface TaskRow {
  task_id: number; kind: string; queue: string; session_id: string | null; node_id: string | null; status: string;
  attempt: number; max_attempts: number; run_at: string | null; created_at: string; correlation_id: string | null;
  error: string | null; failed_at: string | null; retryable: boolean; discardable: boolean;
}

export interface DeliveryRow {
  delivery_id: number; endpoint_id: string; url: string | null; event_type: string | null; session_id: string | null;
  correlation_id: string | null; status: string; attempt: number; due_at: string | null; created_at: string;
  finished_at: string | null; response_status: number | null; error_class: string | null; duration_ms: number | null;
}

export interface EndpointRow {
  endpoint_id: string; url: string; events: string[]; description: string | null; enabled: boolean; disabled_reason: string | null;
  state: string; waiting: number; late_seconds: number | null;
  attempts: number | null; success_rate: number | null; p50_ms: number | null; p99_ms: number | null; // of the newest attempts
  paused_until: string | null; failing_since: string | null;
  validation: string | null; validation_error: string | null;
}

export interface EventRow {
  id: number; created_at: string; event_type: string; session_id: string | null; correlation_id: string | null; body: unknown;
}

export interface AuditRow { id: number; at: string; actor: string; program: string; action: string; target: string; outcome: string }
