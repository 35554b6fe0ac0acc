-- What must hold after a soak. Each query returns the rows that break its sentence, so none is right.

-- invariant: a session, an input and a task whose commit was acknowledged are there
SELECT a.what, a.key, a.session_id FROM soak.acknowledged a
 WHERE CASE a.what
         WHEN 'session' THEN NOT EXISTS (SELECT FROM sluice.conversation_sessions s WHERE s.id = a.session_id)
         WHEN 'input' THEN NOT EXISTS (SELECT FROM sluice.conversation_history h WHERE h.session_id = a.session_id AND h.content::text LIKE '%' || a.key || '%')
         ELSE NOT EXISTS (SELECT FROM soak.effects e WHERE e.key = a.key)
       END;

-- invariant: the revisions of a session rise by one
SELECT r.session_id, r.before, r.revision
  FROM (SELECT session_id, revision, no, lag(revision) OVER (PARTITION BY session_id ORDER BY no) AS before FROM soak.revisions) AS r
 WHERE r.revision <> coalesce(r.before, 0) + 1;

-- invariant: an input takes effect once
SELECT h.session_id, h.content::text, count(*) FROM sluice.conversation_history h
 WHERE h.interaction_type = 'input' GROUP BY 1, 2 HAVING count(*) > 1;

-- invariant: no event reaches the SQL handler twice
SELECT id, count(*) FROM soak.handled GROUP BY id HAVING count(*) > 1;

-- invariant: each committed revision reaches the SQL handler, and nothing else does
SELECT coalesce(r.session_id, h.session_id) AS session_id, r.revision AS committed, h.revision AS handled
  FROM (SELECT DISTINCT session_id, revision FROM soak.revisions) AS r
  FULL JOIN (SELECT DISTINCT session_id, revision FROM soak.handled WHERE revision IS NOT NULL) AS h ON h.session_id = r.session_id AND h.revision = r.revision
 WHERE r.session_id IS NULL OR h.session_id IS NULL;

-- invariant: the SQL handler sees the events of a session in the order of their revisions
SELECT h.session_id, h.before, h.revision
  FROM (SELECT session_id, revision, lag(revision) OVER (PARTITION BY session_id ORDER BY no) AS before FROM soak.handled WHERE revision IS NOT NULL) AS h
 WHERE h.revision < h.before;

-- invariant: each event that the SQL handler saw was delivered to each endpoint, or is dead
SELECT h.id, h.type, e.url FROM soak.handled h CROSS JOIN sluice.webhook_endpoints e
 WHERE h.session_id IS NOT NULL
   AND NOT EXISTS (SELECT FROM sluice.webhook_messages m JOIN sluice.delivery_overview d ON d.message_id = m.id
                    WHERE m.event_id = h.id AND d.endpoint_id = e.id AND d.status IN ('delivered', 'dead'));

-- invariant: what is marked delivered was accepted by its receiver, under the same webhook-id
SELECT d.delivery_id, d.message_id, d.url FROM sluice.delivery_overview d
 WHERE d.status = 'delivered'
   AND NOT EXISTS (SELECT FROM soak.received r WHERE r.accepted AND r.id = d.message_id AND d.url LIKE '%/' || r.endpoint);

-- invariant: an event has one webhook-id for each receiver, however often it comes
SELECT r.endpoint, r.session_id, r.type, r.revision, count(DISTINCT r.id) FROM soak.received r
 WHERE r.session_id IS NOT NULL GROUP BY 1, 2, 3, 4 HAVING count(DISTINCT r.id) > 1;

-- invariant: an endpoint ordered by session accepts the messages of a session in order
SELECT o.session_id, o.before, o.revision
  FROM (SELECT session_id, revision, lag(revision) OVER (PARTITION BY session_id ORDER BY first) AS before
          FROM (SELECT session_id, revision, id, min(no) AS first FROM soak.received
                 WHERE accepted AND endpoint = 'ordered' AND revision IS NOT NULL GROUP BY 1, 2, 3) AS f) AS o
 WHERE o.revision < o.before;

-- invariant: a free-standing sql task takes effect once
SELECT key, count(*) FROM soak.effects GROUP BY key HAVING count(*) > 1;

-- invariant: each call that a session counts as made was seen by the service, under the key of its record
SELECT t.idempotency_key, t.session_id FROM sluice.task_idempotency_records t
 WHERE t.kind = 'webhook' AND t.status = 'completed' AND NOT EXISTS (SELECT FROM soak.calls c WHERE c.key = t.idempotency_key);

-- invariant: no session stands still
SELECT s.id, s.status, s.current_node_id, t.id AS task, t.kind, t.errors
  FROM sluice.conversation_sessions s LEFT JOIN sluice_private.tasks t ON t.session_id = s.id
 WHERE s.ended_at IS NULL AND s.id IN (SELECT a.session_id FROM soak.acknowledged a);

-- invariant: no task is left, none is dead, no event is parked
SELECT 'task' AS what, t.id::text AS id, t.kind AS detail FROM sluice_private.tasks t WHERE t.kind <> 'timer'
UNION ALL SELECT 'dead task', f.task_id::text, f.reason FROM sluice.task_failures f
UNION ALL SELECT 'parked event', f.event_id::text, f.error FROM sluice.event_failures f;
