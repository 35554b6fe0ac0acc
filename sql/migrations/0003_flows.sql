-- Flows: the draft that is edited in canonical tables, and the versions that are frozen by publishing.

CREATE TABLE sluice.flow_definitions (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  name text NOT NULL UNIQUE CHECK (name <> '' AND length(name) <= 255),
  description text,
  version text NOT NULL DEFAULT '1.0',
  flow_data jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(flow_data) = 'object'),
  entry_node_id text,
  info jsonb NOT NULL DEFAULT '{}',
  is_published boolean NOT NULL DEFAULT false,
  is_active boolean NOT NULL DEFAULT true,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  published_at timestamptz,
  created_by uuid,
  published_by uuid,
  published_version_id bigint
);
COMMENT ON TABLE sluice.flow_definitions IS 'one row a flow: its draft and what was published last';
COMMENT ON COLUMN sluice.flow_definitions.id IS 'stays the same through all versions';
COMMENT ON COLUMN sluice.flow_definitions.name IS 'unique; import replaces the draft of the flow with this name';
COMMENT ON COLUMN sluice.flow_definitions.description IS 'for people';
COMMENT ON COLUMN sluice.flow_definitions.version IS 'the draft''s declared version; publishing raises its last number when it is taken';
COMMENT ON COLUMN sluice.flow_definitions.flow_data IS
  'snapshot in format sluice, regenerated from the canonical tables; keys that are not the graph (variables, conditions, settings) live here';
COMMENT ON COLUMN sluice.flow_definitions.entry_node_id IS 'where a session starts';
COMMENT ON COLUMN sluice.flow_definitions.info IS 'free for tools';
COMMENT ON COLUMN sluice.flow_definitions.is_published IS 'true once a version was published';
COMMENT ON COLUMN sluice.flow_definitions.is_active IS 'false: no new sessions; running ones go on';
COMMENT ON COLUMN sluice.flow_definitions.created_at IS 'first import';
COMMENT ON COLUMN sluice.flow_definitions.updated_at IS 'last import';
COMMENT ON COLUMN sluice.flow_definitions.published_at IS 'last publication';
COMMENT ON COLUMN sluice.flow_definitions.created_by IS 'the author, a user of the application';
COMMENT ON COLUMN sluice.flow_definitions.published_by IS 'who published, a user of the application';
COMMENT ON COLUMN sluice.flow_definitions.published_version_id IS 'the flow_versions row that new sessions get';

CREATE TABLE sluice.flow_nodes (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  flow_id uuid NOT NULL REFERENCES sluice.flow_definitions (id) ON DELETE CASCADE,
  node_id text NOT NULL CHECK (node_id <> '' AND length(node_id) <= 255),
  node_type text NOT NULL,
  template text,
  content jsonb NOT NULL DEFAULT '{}',
  position jsonb,
  info jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  seq bigint GENERATED ALWAYS AS IDENTITY,
  UNIQUE (flow_id, node_id)
);
COMMENT ON TABLE sluice.flow_nodes IS 'the draft''s nodes; sessions run frozen versions, so edits here disturb nobody';
COMMENT ON COLUMN sluice.flow_nodes.id IS 'row id';
COMMENT ON COLUMN sluice.flow_nodes.flow_id IS 'the flow';
COMMENT ON COLUMN sluice.flow_nodes.node_id IS 'the node''s name within its flow';
COMMENT ON COLUMN sluice.flow_nodes.node_type IS 'message, question, condition, action, webhook, composite or script';
COMMENT ON COLUMN sluice.flow_nodes.template IS 'the editor''s template that the node was made from';
COMMENT ON COLUMN sluice.flow_nodes.content IS 'what the node does';
COMMENT ON COLUMN sluice.flow_nodes.position IS 'where an editor draws it: {"x", "y"}';
COMMENT ON COLUMN sluice.flow_nodes.info IS 'free for tools';
COMMENT ON COLUMN sluice.flow_nodes.created_at IS 'when the row was made';
COMMENT ON COLUMN sluice.flow_nodes.updated_at IS 'when the row was last imported';
COMMENT ON COLUMN sluice.flow_nodes.seq IS 'insertion order';

CREATE TABLE sluice.flow_connections (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  flow_id uuid NOT NULL REFERENCES sluice.flow_definitions (id) ON DELETE CASCADE,
  source_node_id text NOT NULL,
  target_node_id text NOT NULL,
  connection_type text NOT NULL DEFAULT 'default',
  conditions jsonb,
  condition text,
  info jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX flow_connections_by_source ON sluice.flow_connections (flow_id, source_node_id, id);
COMMENT ON TABLE sluice.flow_connections IS
  'the draft''s edges; an edge may name a node that is not there yet, validation says so (hence no foreign key to nodes)';
COMMENT ON COLUMN sluice.flow_connections.id IS 'insertion order, which decides between edges with the same label and priority';
COMMENT ON COLUMN sluice.flow_connections.flow_id IS 'the flow';
COMMENT ON COLUMN sluice.flow_connections.source_node_id IS 'the node it leaves';
COMMENT ON COLUMN sluice.flow_connections.target_node_id IS 'the node it reaches';
COMMENT ON COLUMN sluice.flow_connections.connection_type IS 'default, success, failure, timeout or $N';
COMMENT ON COLUMN sluice.flow_connections.conditions IS 'a JSON condition, null: none';
COMMENT ON COLUMN sluice.flow_connections.condition IS 'a CEL condition, null: none';
COMMENT ON COLUMN sluice.flow_connections.info IS '{"priority": n}: lower is tried first; else free for tools';
COMMENT ON COLUMN sluice.flow_connections.created_at IS 'when the row was made';

CREATE TABLE sluice.flow_versions (
  id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  flow_id uuid NOT NULL REFERENCES sluice.flow_definitions (id),
  version text NOT NULL,
  document jsonb NOT NULL,
  pins jsonb NOT NULL DEFAULT '{}',
  entry_node_id text NOT NULL,
  session_timeout interval NOT NULL DEFAULT '24 hours',
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (flow_id, version)
);
COMMENT ON TABLE sluice.flow_versions IS 'frozen versions; a session stays on the one it started on';
COMMENT ON COLUMN sluice.flow_versions.id IS 'grows with publication';
COMMENT ON COLUMN sluice.flow_versions.flow_id IS 'the flow';
COMMENT ON COLUMN sluice.flow_versions.version IS 'unique within the flow';
COMMENT ON COLUMN sluice.flow_versions.document IS 'the whole flow in format sluice';
COMMENT ON COLUMN sluice.flow_versions.pins IS 'for each reference that a composite uses, the flow_versions.id that was current when this was published';
COMMENT ON COLUMN sluice.flow_versions.entry_node_id IS 'copied from the document';
COMMENT ON COLUMN sluice.flow_versions.session_timeout IS 'settings.session_timeout of the document';
COMMENT ON COLUMN sluice.flow_versions.created_at IS 'when it was published';

ALTER TABLE sluice.flow_definitions
  ADD FOREIGN KEY (published_version_id) REFERENCES sluice.flow_versions (id) DEFERRABLE INITIALLY DEFERRED;

CREATE FUNCTION sluice_private.refuse_version_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RAISE EXCEPTION 'flow version % of flow % is frozen', old.version, old.flow_id
    USING ERRCODE = 'SL005', HINT = 'change the draft and publish it: that makes a new version';
END
$$;
COMMENT ON FUNCTION sluice_private.refuse_version_change() IS 'keeps flow_versions immutable';
SELECT sluice_private.hide('sluice_private.refuse_version_change()');

CREATE TRIGGER flow_versions_are_frozen BEFORE UPDATE OR DELETE ON sluice.flow_versions
  FOR EACH ROW EXECUTE FUNCTION sluice_private.refuse_version_change();
