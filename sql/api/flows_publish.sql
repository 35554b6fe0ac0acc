-- Flows: freeze a version, copy a draft, move a session to another version.

CREATE OR REPLACE FUNCTION sluice_private.subflow_references(document jsonb) RETURNS SETOF text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT DISTINCT r.reference
    FROM jsonb_path_query(document, 'strict $.** ? (@.node_type == "composite" || @.type == "composite").content', silent => true) AS c (content)
    CROSS JOIN LATERAL (SELECT coalesce(c.content ->> 'flow', c.content ->> 'flow_id')) AS r (reference)
   WHERE jsonb_typeof(c.content) = 'object' AND r.reference <> ''
$$;
COMMENT ON FUNCTION sluice_private.subflow_references(jsonb) IS 'the flows that composites of a document call, at any depth, by name or id';

CREATE OR REPLACE FUNCTION sluice_private.next_version(flow uuid, declared text) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  candidate text := declared;
BEGIN
  WHILE EXISTS (SELECT 1 FROM sluice.flow_versions v WHERE v.flow_id = flow AND v.version = candidate) LOOP
    candidate := CASE WHEN candidate ~ '[0-9]$'
                      THEN regexp_replace(candidate, '[0-9]+$', '') || (substring(candidate FROM '[0-9]+$')::numeric + 1)
                      ELSE candidate || '.1' END;
  END LOOP;
  RETURN candidate;
END
$$;
COMMENT ON FUNCTION sluice_private.next_version(uuid, text) IS 'the declared version, its last number raised until it is free';

-- A flow that calls itself calls the version it is called from.
CREATE OR REPLACE FUNCTION sluice_private.pins(flow uuid, document jsonb, own_version bigint) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce(jsonb_object_agg(r.reference, CASE WHEN (sluice_private.find_flow(r.reference)).id = flow THEN own_version
                                                     ELSE (sluice_private.current_version(r.reference)).id END), '{}')
    FROM sluice_private.subflow_references(document) AS r (reference)
$$;
COMMENT ON FUNCTION sluice_private.pins(uuid, jsonb, bigint) IS 'for each flow that a document calls, the version that is current now; SL001 when there is none';

CREATE OR REPLACE FUNCTION sluice.publish_flow(flow_id uuid) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off AS $$
DECLARE
  definition sluice.flow_definitions;
  latest sluice.flow_versions;
  report jsonb;
  document jsonb;
  new_id bigint := nextval(pg_get_serial_sequence('sluice.flow_versions', 'id'));
  new_version text;
BEGIN
  SELECT * INTO definition FROM sluice.flow_definitions f WHERE f.id = publish_flow.flow_id FOR UPDATE;
  IF definition.id IS NULL THEN
    definition := sluice_private.find_flow(publish_flow.flow_id::text);
  END IF;
  -- A stored report adds to what is asked here; it never stands in for it.
  SELECT jsonb_agg(to_jsonb(r)) INTO report
    FROM (SELECT * FROM sluice.validate_flow(definition.id) UNION SELECT * FROM sluice_private.validate_here(definition.id)) AS r;
  IF report @> '[{"severity": "ERROR"}]' THEN
    PERFORM sluice_private.fail('SL004', format('flow %s is not valid: %s', definition.name,
                                                jsonb_path_query_first(report, '$[*] ? (@.severity == "ERROR").message') #>> '{}'),
                                report::text, format('SELECT * FROM sluice.validate_flow(%L) shows the report', definition.id));
  END IF;

  document := sluice_private.flow_document(definition.id);
  SELECT * INTO latest FROM sluice.flow_versions v WHERE v.flow_id = definition.id ORDER BY v.id DESC LIMIT 1;
  IF latest.document - 'version' = document - 'version' AND latest.pins = sluice_private.pins(definition.id, document, latest.id) THEN
    new_id := latest.id;
    new_version := latest.version;
  ELSE
    new_version := sluice_private.next_version(definition.id, definition.version);
    document := document || jsonb_build_object('version', new_version);
    INSERT INTO sluice.flow_versions (id, flow_id, version, document, pins, entry_node_id, session_timeout)
    VALUES (new_id, definition.id, new_version, document, sluice_private.pins(definition.id, document, new_id), definition.entry_node_id,
            make_interval(secs => coalesce((document #>> '{settings,session_timeout}')::float8, 86400)));
    INSERT INTO sluice.secrets_used AS u (name, flow_ids)
    SELECT DISTINCT m[1], ARRAY[definition.id] FROM regexp_matches(document::text, '\{\{\s*secret:([^}\s]+)\s*\}\}', 'g') AS m
    ON CONFLICT (name) DO UPDATE SET flow_ids = u.flow_ids || excluded.flow_ids WHERE NOT u.flow_ids @> excluded.flow_ids;
  END IF;
  UPDATE sluice.flow_definitions f
     SET is_published = true, published_at = now(), published_version_id = new_id, version = new_version,
         flow_data = document || jsonb_build_object('version', new_version)
   WHERE f.id = definition.id;
  RETURN new_version;
END
$$;
COMMENT ON FUNCTION sluice.publish_flow(uuid) IS
  'validates a flow''s draft, freezes it with the versions of the flows it calls, and returns the version that new sessions get; a draft that did not '
  'change gives the version there is. Errors: SL001, SL004 (detail: the report as JSON)';

CREATE OR REPLACE FUNCTION sluice.clone_flow(flow_id uuid, name text) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  origin sluice.flow_definitions;
BEGIN
  origin := sluice_private.find_flow(clone_flow.flow_id::text);
  IF EXISTS (SELECT 1 FROM sluice.flow_definitions f WHERE f.name = clone_flow.name) THEN
    PERFORM sluice_private.fail('SL005', format('there is a flow named %s already', quote_literal(clone_flow.name)), NULL, 'choose another name');
  END IF;
  RETURN sluice.import_flow(sluice_private.flow_document(origin.id), coalesce(clone_flow.name, ''));
END
$$;
COMMENT ON FUNCTION sluice.clone_flow(uuid, text) IS 'copies a flow''s draft under a new name and returns the copy''s id. Errors: SL001, SL005';

CREATE OR REPLACE FUNCTION sluice.migrate_session(session_token text, version text DEFAULT NULL) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  session sluice.conversation_sessions;
  target sluice.flow_versions;
BEGIN
  session := sluice_private.lock_session(session_token);
  PERFORM sluice_private.refuse_ended(session);
  SELECT * INTO target FROM sluice.flow_versions v
   WHERE v.flow_id = session.flow_id
     AND CASE WHEN migrate_session.version IS NULL
              THEN v.id = (SELECT f.published_version_id FROM sluice.flow_definitions f WHERE f.id = session.flow_id)
              ELSE v.version = migrate_session.version END;
  IF target.id IS NULL THEN
    PERFORM sluice_private.fail('SL005', format('the flow of session %s has no version %s', session.id, coalesce(quote_literal(version), 'that is published')),
                                NULL, 'SELECT version FROM sluice.flow_versions lists them');
  END IF;
  IF session.wait ->> 'for' IS NOT DISTINCT FROM 'task' OR session.stack <> '[]'
     OR EXISTS (SELECT 1 FROM sluice_private.tasks t WHERE t.session_id = session.id AND t.kind <> 'timer') THEN
    PERFORM sluice_private.fail('SL005', format('session %s is in the middle of something', session.id), format('it waits for %s', session.wait),
                                'migrate it while it waits for an input outside of composites');
  END IF;
  IF NOT EXISTS (SELECT 1
                   FROM jsonb_array_elements((SELECT o.document -> 'nodes' FROM sluice.flow_versions o WHERE o.id = session.flow_version_id)) AS old_node
                   JOIN jsonb_array_elements(target.document -> 'nodes') AS new_node
                     ON new_node ->> 'node_id' = old_node ->> 'node_id' AND new_node ->> 'node_type' = old_node ->> 'node_type'
                  WHERE new_node ->> 'node_id' = session.current_node_id) THEN
    PERFORM sluice_private.fail('SL005', format('version %s has no node %s of the same type', target.version, quote_literal(session.current_node_id)), NULL,
                                'a session goes on at the node where it waits, so that node must be in both versions');
  END IF;
  UPDATE sluice.conversation_sessions s SET flow_version_id = target.id, revision = s.revision + 1, last_activity_at = now() WHERE s.id = session.id;
  RETURN session.revision + 1;
END
$$;
COMMENT ON FUNCTION sluice.migrate_session(text, text) IS
  'moves a session that waits for an input to another version of its flow (default: the published one), raises the revision and returns it. '
  'Errors: SL002, SL003, SL005';

SELECT sluice_private.hide('sluice_private.subflow_references(jsonb)');
SELECT sluice_private.hide('sluice_private.pins(uuid, jsonb, bigint)');
SELECT sluice_private.hide('sluice_private.next_version(uuid, text)');
SELECT sluice_private.publish_api('sluice.publish_flow(uuid)');
SELECT sluice_private.publish_api('sluice.clone_flow(uuid, text)');
SELECT sluice_private.publish_api('sluice.migrate_session(text, text)');
