-- The checker's own evidence inside the database, written by the same transactions that it judges.
CREATE SCHEMA soak;

-- Each committed revision of each session, in commit order of the session.
CREATE TABLE soak.revisions (no bigserial PRIMARY KEY, session_id uuid NOT NULL, revision int NOT NULL, status text NOT NULL, node text);
CREATE FUNCTION soak.note_revision() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  INSERT INTO soak.revisions (session_id, revision, status, node) VALUES (NEW.id, NEW.revision, NEW.status, NEW.current_node_id);
  RETURN NULL;
END $$;
CREATE TRIGGER note_revision AFTER INSERT OR UPDATE OF revision ON sluice.conversation_sessions FOR EACH ROW EXECUTE FUNCTION soak.note_revision();

-- What the SQL handler saw. No unique index: an event that comes twice must show.
CREATE TABLE soak.handled (no bigserial PRIMARY KEY, id bigint, type text, session_id uuid, revision int, key text);
CREATE FUNCTION soak.handle(events jsonb) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  INSERT INTO soak.handled (id, type, session_id, revision, key)
  SELECT (e ->> 'id')::bigint, e ->> 'type', (e ->> 'session_id')::uuid, (e -> 'data' ->> 'revision')::int, e ->> 'key'
    FROM jsonb_array_elements(events) WITH ORDINALITY AS a (e, n) ORDER BY n
$$;

-- What free-standing sql tasks did.
CREATE TABLE soak.effects (no bigserial PRIMARY KEY, key text NOT NULL);
CREATE FUNCTION soak.act(argument jsonb) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  INSERT INTO soak.effects (key) VALUES (argument ->> 'key')
$$;

-- Filled at the end from the memory of the clients and the receivers.
CREATE TABLE soak.acknowledged (what text NOT NULL, key text NOT NULL, session_id uuid);
CREATE TABLE soak.calls (no bigserial PRIMARY KEY, key text NOT NULL);
CREATE TABLE soak.received (no bigserial PRIMARY KEY, endpoint text NOT NULL, id text NOT NULL, session_id uuid, type text, revision int, accepted boolean NOT NULL);

SELECT sluice.on_event('soak', '{*}', 'soak.handle(jsonb)');
