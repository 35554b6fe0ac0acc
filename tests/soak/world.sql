-- The checker's own evidence inside the database, written by the same transactions that it judges.
CREATE SCHEMA soak;
GRANT USAGE ON SCHEMA soak TO PUBLIC;

-- Each committed revision of each session, in commit order of the session.
CREATE TABLE soak.revisions (no bigserial PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp(), session_id uuid NOT NULL, revision int NOT NULL,
                             status text NOT NULL, node text, active_at timestamptz, deadline timestamptz);
CREATE FUNCTION soak.note_revision() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  INSERT INTO soak.revisions (session_id, revision, status, node, active_at, deadline)
  VALUES (NEW.id, NEW.revision, NEW.status, NEW.current_node_id, NEW.last_activity_at, (NEW.wait ->> 'deadline')::timestamptz);
  RETURN NULL;
END $$;
CREATE TRIGGER note_revision AFTER INSERT OR UPDATE OF revision ON sluice.conversation_sessions FOR EACH ROW EXECUTE FUNCTION soak.note_revision();

-- What the SQL handler saw. No unique index: an event that comes twice must show.
CREATE TABLE soak.handled (no bigserial PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp(), id bigint, type text, session_id uuid, revision int, key text);
CREATE FUNCTION soak.handle(events jsonb) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  INSERT INTO soak.handled (id, type, session_id, revision, key)
  SELECT (e ->> 'id')::bigint, e ->> 'type', (e ->> 'session_id')::uuid, (e -> 'data' ->> 'revision')::int, e ->> 'key'
    FROM jsonb_array_elements(events) WITH ORDINALITY AS a (e, n) ORDER BY n
$$;

-- What free-standing sql tasks, schedules' tasks and the tasks of events did.
CREATE TABLE soak.effects (no bigserial PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp(), key text NOT NULL);
CREATE TABLE soak.ticks (no bigserial PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp(), key text NOT NULL);
CREATE FUNCTION soak.act(argument jsonb) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  INSERT INTO soak.effects (key) VALUES (argument ->> 'key')
$$;
CREATE FUNCTION soak.tick(argument jsonb) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  INSERT INTO soak.ticks (key) VALUES (argument ->> 'key')
$$;

-- Events of the user's own: one that is emitted with a row, and a table that is watched. Each change is written down beside its event.
CREATE TABLE soak.changes (no bigserial PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp(), type text NOT NULL, key text NOT NULL);
CREATE FUNCTION soak.note(p_key text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext(p_key));
  IF NOT EXISTS (SELECT FROM soak.changes WHERE key = p_key) THEN
    INSERT INTO soak.changes (type, key) VALUES ('soak.note', p_key);
    PERFORM sluice.emit('soak.note', p_key, '{"n": 1}');
  END IF;
END $$;
CREATE INDEX ON soak.changes (key);
CREATE TABLE soak.orders (id text PRIMARY KEY, status text NOT NULL);
GRANT SELECT, INSERT, UPDATE ON soak.orders TO soak_client;
CREATE FUNCTION soak.note_order() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  INSERT INTO soak.changes (type, key) VALUES (CASE TG_OP WHEN 'INSERT' THEN 'order.inserted' ELSE 'order.updated' END, NEW.id);
  RETURN NULL;
END $$;
CREATE TRIGGER note_order AFTER INSERT OR UPDATE ON soak.orders FOR EACH ROW EXECUTE FUNCTION soak.note_order();
SELECT sluice.watch_table('soak.orders', 'order', 'id', '{id,status}');

-- Filled at the end from the memory of the clients, the receivers, the subscriber and the nemesis, and from the listeners' logs.
CREATE TABLE soak.acknowledged (at timestamptz, what text NOT NULL, key text NOT NULL, session_id uuid);
CREATE TABLE soak.calls (at timestamptz, key text NOT NULL);
CREATE TABLE soak.received (no bigserial PRIMARY KEY, at timestamptz, endpoint text NOT NULL, id text NOT NULL, session_id uuid, key text, type text, revision int,
                            body text, accepted boolean NOT NULL);
CREATE TABLE soak.seen (no bigserial PRIMARY KEY, at timestamptz, connection int NOT NULL, session_id uuid, type text, revision int);
CREATE TABLE soak.logged (event bigint NOT NULL);
CREATE TABLE soak.faults (at timestamptz NOT NULL, until timestamptz, kind text NOT NULL, detail text);

-- Consumers of all kinds; webhooks and the relay are there anyway.
SELECT sluice.on_event('soak', '{*}', 'soak.handle(jsonb)');
SELECT sluice_private.add_consumer('soak-log', 'log', '{*}', '{}');
SELECT sluice_private.add_consumer('soak-task', 'task', '{soak.note}',
  '{"kind": "sql", "payload": {"function": "soak.tick", "argument": {"key": "note"}}}');

SELECT sluice.schedule('soak ' || missed, '* * * * *', 'sql', jsonb_build_object('function', 'soak.tick', 'argument', jsonb_build_object('key', 'soak ' || missed)),
                       missed => missed, max_attempts => 20)
  FROM unnest('{skip,run_once,run_all}'::text[]) AS missed;
