-- Conversation sessions: one row each, updated by every step.

CREATE TABLE sluice.conversation_sessions (
  id uuid NOT NULL DEFAULT gen_random_uuid() PRIMARY KEY,
  user_id uuid,
  flow_id uuid NOT NULL,
  flow_version_id bigint NOT NULL,
  session_token text NOT NULL UNIQUE,
  current_node_id text,
  state jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(state) = 'object'),
  stack jsonb NOT NULL DEFAULT '[]',
  wait jsonb,
  info jsonb NOT NULL DEFAULT '{}',
  started_at timestamptz NOT NULL DEFAULT now(),
  last_activity_at timestamptz NOT NULL DEFAULT now(),
  ended_at timestamptz,
  status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'completed', 'abandoned')),
  revision int NOT NULL DEFAULT 1,
  state_hash text NOT NULL DEFAULT 'RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=',
  correlation_id text
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
-- No index holds a column that a step changes, so that every step is a HOT update within its page.
CREATE INDEX conversation_sessions_by_start ON sluice.conversation_sessions (started_at);
CREATE INDEX conversation_sessions_by_user ON sluice.conversation_sessions (user_id, started_at) WHERE user_id IS NOT NULL;

COMMENT ON TABLE sluice.conversation_sessions IS
  'one row a conversation; every committed step raises revision by one. May be updated directly: triggers see it';
COMMENT ON COLUMN sluice.conversation_sessions.id IS 'the session';
COMMENT ON COLUMN sluice.conversation_sessions.user_id IS 'a user of the application, null: nobody in particular';
COMMENT ON COLUMN sluice.conversation_sessions.flow_id IS 'the flow (no foreign key: its row lock would be shared by every start)';
COMMENT ON COLUMN sluice.conversation_sessions.flow_version_id IS 'the frozen version it runs on';
COMMENT ON COLUMN sluice.conversation_sessions.session_token IS 'what a client holds; who has it may speak in the session';
COMMENT ON COLUMN sluice.conversation_sessions.current_node_id IS 'the node it is at';
COMMENT ON COLUMN sluice.conversation_sessions.state IS 'scopes user, variables, context, temp; at most 1 MiB';
COMMENT ON COLUMN sluice.conversation_sessions.stack IS 'the engine''s composite frames';
COMMENT ON COLUMN sluice.conversation_sessions.wait IS '{"for": "input" | "task", "key": …} or null';
COMMENT ON COLUMN sluice.conversation_sessions.info IS 'last_error, the reason of an end, and whatever tools keep';
COMMENT ON COLUMN sluice.conversation_sessions.started_at IS 'when it was stored';
COMMENT ON COLUMN sluice.conversation_sessions.last_activity_at IS 'the last step';
COMMENT ON COLUMN sluice.conversation_sessions.ended_at IS 'when it left active';
COMMENT ON COLUMN sluice.conversation_sessions.status IS 'active, completed or abandoned';
COMMENT ON COLUMN sluice.conversation_sessions.revision IS '1 when stored, plus one a step';
COMMENT ON COLUMN sluice.conversation_sessions.state_hash IS 'sluice.state_hash(state), kept true for direct updates by a trigger';
COMMENT ON COLUMN sluice.conversation_sessions.correlation_id IS 'follows the conversation into events, logs and requests';

DO $$
BEGIN
  ALTER TABLE sluice.conversation_sessions ALTER COLUMN state SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN
  NULL;  -- a server built without lz4 keeps pglz
END
$$;

CREATE FUNCTION sluice_private.rehash_state() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  new.state_hash := sluice.state_hash(new.state);
  RETURN new;
END
$$;
COMMENT ON FUNCTION sluice_private.rehash_state() IS 'keeps state_hash true when somebody sets state alone';
SELECT sluice_private.hide('sluice_private.rehash_state()');

-- A worker sends the hash along, so its updates pass the first comparison and never run the function.
CREATE TRIGGER conversation_sessions_rehash BEFORE UPDATE OF state ON sluice.conversation_sessions
  FOR EACH ROW WHEN (new.state_hash IS NOT DISTINCT FROM old.state_hash AND new.state IS DISTINCT FROM old.state)
  EXECUTE FUNCTION sluice_private.rehash_state();
CREATE TRIGGER conversation_sessions_hash BEFORE INSERT ON sluice.conversation_sessions
  FOR EACH ROW WHEN (new.state_hash = 'RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=' AND new.state <> '{}'::jsonb)
  EXECUTE FUNCTION sluice_private.rehash_state();

CREATE TABLE sluice_private.session_keys (
  key text PRIMARY KEY,
  session_id uuid NOT NULL REFERENCES sluice.conversation_sessions (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
CREATE INDEX session_keys_by_session ON sluice_private.session_keys (session_id);
COMMENT ON TABLE sluice_private.session_keys IS
  'idempotency keys of start_session; the key is taken before the session is stored, hence the deferred reference';
COMMENT ON COLUMN sluice_private.session_keys.key IS 'as the caller gave it';
COMMENT ON COLUMN sluice_private.session_keys.session_id IS 'the session that was started with it';
