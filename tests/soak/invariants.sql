-- What must hold after a soak. Each query returns the rows that break its sentence, so none is right. Columns session_id, key, event,
-- message and revision (with before) say whose history shows it.

-- invariant: what a client was told is committed is there
SELECT a.what, a.key, a.session_id FROM soak.acknowledged a
 WHERE NOT CASE a.what
         WHEN 'session' THEN EXISTS (SELECT FROM sluice.conversation_sessions s WHERE s.id = a.session_id)
         WHEN 'input' THEN EXISTS (SELECT FROM sluice.conversation_history h WHERE h.session_id = a.session_id AND h.content::text LIKE '%' || a.key || '%')
         WHEN 'patch' THEN EXISTS (SELECT FROM sluice.conversation_sessions s WHERE s.id = a.session_id AND s.state ? a.key)
         WHEN 'sql task' THEN EXISTS (SELECT FROM soak.effects e WHERE e.key = a.key)
         WHEN 'http task' THEN EXISTS (SELECT FROM sluice.task_idempotency_records r WHERE r.idempotency_key = a.key AND r.status = 'completed')
         WHEN 'note' THEN EXISTS (SELECT FROM soak.changes c WHERE c.key = a.key)
         ELSE EXISTS (SELECT FROM soak.orders o WHERE o.id = a.key AND o.status = 'paid')
       END;

-- invariant: the revisions of a session rise by one
SELECT r.session_id, r.before, r.revision
  FROM (SELECT session_id, revision, no, lag(revision) OVER (PARTITION BY session_id ORDER BY no) AS before FROM soak.revisions) AS r
 WHERE r.revision <> coalesce(r.before, 0) + 1;

-- invariant: a session is where its last committed revision left it
SELECT s.id AS session_id, s.revision, r.revision AS before, s.status, r.status AS was
  FROM sluice.conversation_sessions s LEFT JOIN LATERAL (SELECT * FROM soak.revisions r WHERE r.session_id = s.id ORDER BY r.no DESC LIMIT 1) AS r ON true
 WHERE (s.revision, s.status) IS DISTINCT FROM (r.revision, r.status);

-- invariant: an input takes effect once
SELECT h.session_id, h.content::text AS key, count(*) FROM sluice.conversation_history h
 WHERE h.interaction_type = 'input' GROUP BY 1, 2 HAVING count(*) > 1;

-- invariant: a node of a session leaves its mark once
SELECT h.session_id, h.node_id, h.interaction_type, count(*) FROM sluice.conversation_history h GROUP BY 1, 2, 3 HAVING count(*) > 1;

-- invariant: a session ends as its flow says, with all that led there
SELECT s.id AS session_id, f.name, s.status, s.current_node_id, s.revision
  FROM soak.acknowledged a
  JOIN sluice.conversation_sessions s ON s.id = a.session_id
  JOIN sluice.flow_definitions f ON f.id = s.flow_id
 WHERE a.what = 'session' AND s.ended_at IS NOT NULL
   AND CASE f.name
         WHEN 'talk' THEN s.status = 'completed' AND s.state -> 'variables' ->> 'lookup' = '42'
           AND (SELECT array_agg(DISTINCT h.node_id) FROM sluice.conversation_history h WHERE h.session_id = s.id) @> '{name,age,bye}'
         WHEN 'chain' THEN s.status = 'completed' AND s.state -> 'variables' @> '{"one": 42, "two": 42, "three": 42, "four": 42}'
           AND EXISTS (SELECT FROM sluice.conversation_history h WHERE h.session_id = s.id AND h.node_id = 'end')
         WHEN 'late' THEN s.status = 'completed' AND EXISTS (SELECT FROM sluice.conversation_history h WHERE h.session_id = s.id AND h.node_id = 'too_late')
         ELSE s.status = 'abandoned'
       END IS NOT TRUE;

-- invariant: no time runs out early by the database's clock, but for the half second by which a daemon may know it wrongly
SELECT r.session_id, r.before, r.revision, r.due - r.at AS early
  FROM (SELECT l.session_id, l.revision, l.at, lag(l.revision) OVER w AS before,
               CASE f.name WHEN 'late' THEN lag(l.deadline) OVER w WHEN 'idle' THEN lag(l.active_at) OVER w + interval '3 seconds' END AS due
          FROM soak.revisions l JOIN sluice.conversation_sessions s ON s.id = l.session_id JOIN sluice.flow_definitions f ON f.id = s.flow_id
         WHERE f.name IN ('late', 'idle')
        WINDOW w AS (PARTITION BY l.session_id ORDER BY l.no)) AS r
  JOIN sluice.conversation_sessions s ON s.id = r.session_id AND s.revision = r.revision AND s.ended_at IS NOT NULL
 WHERE r.at < r.due - interval '0.5 seconds';

-- invariant: no event reaches the SQL handler twice
SELECT id AS event, count(*) FROM soak.handled GROUP BY id HAVING count(*) > 1;

-- invariant: each committed revision reaches the SQL handler, and nothing else does
SELECT coalesce(r.session_id, h.session_id) AS session_id, coalesce(r.revision, h.revision) AS revision, r.revision IS NOT NULL AS committed, h.revision IS NOT NULL AS handled
  FROM (SELECT DISTINCT session_id, revision FROM soak.revisions) AS r
  FULL JOIN (SELECT DISTINCT session_id, revision FROM soak.handled WHERE revision IS NOT NULL) AS h ON h.session_id = r.session_id AND h.revision = r.revision
 WHERE r.session_id IS NULL OR h.session_id IS NULL;

-- invariant: the SQL handler sees the events of a session in the order of their revisions
SELECT h.session_id, h.before, h.revision
  FROM (SELECT session_id, revision, lag(revision) OVER (PARTITION BY session_id ORDER BY no) AS before FROM soak.handled WHERE revision IS NOT NULL) AS h
 WHERE h.revision < h.before;

-- invariant: each emitted event and each change of a watched table reaches the SQL handler once
SELECT coalesce(c.key, h.key) AS key, coalesce(c.type, h.type) AS type, c.n AS committed, h.n AS handled
  FROM (SELECT type, key, count(*) AS n FROM soak.changes GROUP BY 1, 2) AS c
  FULL JOIN (SELECT type, key, count(*) AS n FROM soak.handled WHERE session_id IS NULL GROUP BY 1, 2) AS h ON h.type = c.type AND h.key = c.key
 WHERE c.n IS DISTINCT FROM h.n;

-- invariant: each event is in a listener's log
SELECT h.id AS event, h.session_id, h.revision FROM soak.handled h WHERE NOT EXISTS (SELECT FROM soak.logged l WHERE l.event = h.id);

-- invariant: an event's task runs once
SELECT c.n AS events, t.n AS tasks
  FROM (SELECT count(*) AS n FROM soak.changes WHERE type = 'soak.note') AS c, (SELECT count(*) AS n FROM soak.ticks WHERE key = 'note') AS t
 WHERE c.n <> t.n;

-- invariant: a client that listens misses nothing of a session while its connection lasts, and sees it in order
SELECT s.session_id, s.before, s.revision, s.connection
  FROM (SELECT session_id, revision, connection, lag(revision) OVER (PARTITION BY connection, session_id ORDER BY no) AS before FROM soak.seen WHERE revision IS NOT NULL) AS s
 WHERE s.revision <> s.before + 1;

-- invariant: each event that the SQL handler saw was delivered to each endpoint that wants it, is dead, or is still scheduled
SELECT h.id AS event, h.session_id, h.revision, h.key, e.url FROM soak.handled h CROSS JOIN sluice.webhook_endpoints e
 WHERE sluice_private.event_matches(h.type, NULL, e.events)
   AND NOT EXISTS (SELECT FROM sluice.webhook_messages m JOIN sluice.delivery_overview d ON d.message_id = m.id
                    WHERE m.event_id = h.id AND d.endpoint_id = e.id);

-- invariant: an endpoint gets nothing that it does not want
SELECT r.id AS message, r.endpoint, r.type FROM soak.received r JOIN sluice.webhook_endpoints e ON e.url LIKE '%/' || r.endpoint
 WHERE NOT sluice_private.event_matches(r.type, NULL, e.events);

-- invariant: no delivery is dead before its last attempt
SELECT a.delivery_id, m.id AS message, a.attempt FROM sluice.webhook_attempts a JOIN sluice.webhook_messages m ON m.no = a.message_no AND m.created_at = a.message_at
 WHERE a.outcome = 'dead' AND a.attempt < 100;

-- invariant: what is marked delivered was accepted by its receiver, under the same webhook-id
SELECT d.delivery_id, d.message_id AS message, d.url FROM sluice.delivery_overview d
 WHERE d.status = 'delivered'
   AND NOT EXISTS (SELECT FROM soak.received r WHERE r.accepted AND r.id = d.message_id AND d.url LIKE '%/' || r.endpoint);

-- invariant: an event has one webhook-id for each receiver, however often it comes
SELECT r.endpoint, r.session_id, r.key, r.type, r.revision, count(DISTINCT r.id) FROM soak.received r
 WHERE r.session_id IS NOT NULL OR r.key IS NOT NULL GROUP BY 1, 2, 3, 4, 5 HAVING count(DISTINCT r.id) > 1;

-- invariant: a webhook-id has one body, byte for byte
SELECT r.id AS message, count(DISTINCT r.body) FROM soak.received r GROUP BY 1 HAVING count(DISTINCT r.body) > 1;

-- invariant: an endpoint ordered by session accepts the messages of a session in order
SELECT o.session_id, o.before, o.revision
  FROM (SELECT session_id, revision, lag(revision) OVER (PARTITION BY session_id ORDER BY first) AS before
          FROM (SELECT session_id, revision, id, min(no) AS first FROM soak.received
                 WHERE accepted AND endpoint = 'ordered' AND revision IS NOT NULL GROUP BY 1, 2, 3) AS f) AS o
 WHERE o.revision < o.before;

-- invariant: a free-standing sql task takes effect once
SELECT key, count(*) FROM soak.effects GROUP BY key HAVING count(*) > 1;

-- invariant: a task has one record of its end
SELECT idempotency_key AS key, count(*) FROM sluice.task_idempotency_records WHERE status <> 'discarded' GROUP BY 1 HAVING count(*) > 1;

-- invariant: each call that was counted as made was seen by the service, under the key of its record
SELECT t.idempotency_key AS key, t.session_id FROM sluice.task_idempotency_records t
 WHERE t.kind IN ('webhook', 'http') AND t.status = 'completed' AND NOT EXISTS (SELECT FROM soak.calls c WHERE c.key = t.idempotency_key);

-- invariant: a schedule enqueues nothing but what is due, each time once; with run_all every time, and what it enqueued runs once
WITH due AS (
  SELECT s.name, s.missed, d.at, s.name || ':' || to_char(d.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS key
    FROM sluice.cron_schedules s
   CROSS JOIN LATERAL generate_series(date_trunc('minute', s.created_at) + interval '1 minute', s.next_at - interval '1 minute', interval '1 minute') AS d (at)
), fired AS (
  SELECT k.key, count(*) AS n FROM sluice_private.idempotency_keys k WHERE k.scope = 'cron' GROUP BY 1
)
SELECT coalesce(d.key, f.key) AS key, d.at AS due, f.n AS fired, NULL::bigint AS ran FROM due d FULL JOIN fired f ON f.key = d.key
 WHERE d.key IS NULL OR f.n > 1 OR d.missed = 'run_all' AND f.n IS NULL
UNION ALL
SELECT s.name, NULL, f.n, t.n
  FROM sluice.cron_schedules s
 CROSS JOIN LATERAL (SELECT count(*) AS n FROM sluice_private.idempotency_keys k WHERE k.scope = 'cron' AND k.key LIKE s.name || ':%') AS f
 CROSS JOIN LATERAL (SELECT count(*) AS n FROM soak.ticks t WHERE t.key = s.name) AS t
 WHERE f.n <> t.n + (SELECT count(*) FROM sluice_private.tasks l WHERE l.key LIKE s.name || ':%');

-- invariant: no session stands still
SELECT s.id AS session_id, s.status, s.current_node_id, t.id AS task, t.kind, t.errors
  FROM sluice.conversation_sessions s LEFT JOIN sluice_private.tasks t ON t.session_id = s.id
 WHERE s.ended_at IS NULL;

-- invariant: no task is left, none is dead, no event is parked
SELECT 'task' AS what, t.id::text AS id, t.kind AS detail, t.session_id FROM sluice_private.tasks t WHERE t.kind NOT IN ('timer', 'cron') AND (t.key LIKE 'soak %:%') IS NOT TRUE -- a schedule was due as the daemons stopped
UNION ALL SELECT 'dead task', f.task_id::text, f.reason, f.session_id FROM sluice.task_failures f
UNION ALL SELECT 'parked event', f.event_id::text, f.error, NULL FROM sluice.event_failures f;
