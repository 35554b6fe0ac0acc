-- What is known of a session, a key, an event or a message, oldest first, among the faults that were on then.
-- $1 session uuid, $2 key text, $3 event bigint, $4 message text (null: any), $5 and $6 the first and the last revision that matter, or null.
WITH entries AS (
  SELECT a.at, 'client' AS who, 'was told: ' || a.what || ' ' || a.key AS what, a.session_id, a.key, NULL::bigint AS event, NULL AS message, NULL::int AS revision FROM soak.acknowledged a
  UNION ALL SELECT r.at, 'session', concat_ws(' ', 'committed revision', r.revision, r.status, 'at ' || r.node), r.session_id, NULL, NULL, NULL, r.revision FROM soak.revisions r
  UNION ALL SELECT c.at, 'table', 'committed ' || c.type || ' ' || c.key, NULL, c.key, NULL, NULL, NULL FROM soak.changes c
  UNION ALL SELECT h.at, 'handler', concat_ws(' ', 'saw event', h.id, h.type, 'revision ' || h.revision), h.session_id, h.key, h.id, NULL, h.revision FROM soak.handled h
  UNION ALL SELECT s.at, 'LISTEN', concat_ws(' ', 'saw', s.type, 'revision ' || s.revision, 'on connection', s.connection), s.session_id, NULL, NULL, NULL, s.revision FROM soak.seen s
  UNION ALL SELECT m.created_at, 'fan-out', concat_ws(' ', 'made', m.id, 'of event', m.event_id), m.session_id, NULL, m.event_id, m.id, NULL FROM sluice.webhook_messages m
  UNION ALL SELECT w.started_at, 'notifier', concat_ws(' ', 'attempt', w.attempt, w.outcome, w.status, w.error_class, 'of', m.id), m.session_id, NULL, m.event_id, m.id, NULL
              FROM sluice.webhook_attempts w JOIN sluice.webhook_messages m ON m.no = w.message_no AND m.created_at = w.message_at
  UNION ALL SELECT r.at, r.endpoint, concat_ws(' ', CASE WHEN r.accepted THEN 'accepted' ELSE 'refused' END, r.id, r.type, 'revision ' || r.revision), r.session_id, r.key, NULL, r.id, r.revision
              FROM soak.received r
  UNION ALL SELECT c.at, 'service', 'was called under ' || c.key, NULL, c.key, NULL, NULL, NULL FROM soak.calls c
  UNION ALL SELECT t.completed_at, 'worker', concat_ws(' ', 'recorded', t.kind, t.idempotency_key, t.status, t.error_message), t.session_id, t.idempotency_key, NULL, NULL, t.session_revision
              FROM sluice.task_idempotency_records t
  UNION ALL SELECT e.at, 'task', 'took effect', NULL, e.key, NULL, NULL, NULL FROM soak.effects e
), shown AS (
  SELECT e.at, e.who, e.what FROM entries e
   WHERE ($1::uuid IS NULL OR e.session_id = $1 OR e.session_id IS NULL AND e.key = $2) AND ($2::text IS NULL OR e.key = $2) AND ($3::bigint IS NULL OR e.event = $3)
     AND ($4::text IS NULL OR e.message = $4) AND ($5::int IS NULL OR e.revision BETWEEN $5 AND $6)
)
SELECT s.at, s.who, s.what FROM shown s
UNION ALL
SELECT f.at, 'FAULT', concat_ws(' ', f.kind, f.detail, 'until', to_char(f.until, 'HH24:MI:SS.MS')) FROM soak.faults f
 WHERE (SELECT count(*) FROM shown) > 0 AND f.at < (SELECT max(at) FROM shown) AND coalesce(f.until, f.at) > (SELECT min(at) FROM shown) - interval '5 seconds'
 ORDER BY at;
