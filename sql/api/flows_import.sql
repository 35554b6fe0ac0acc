-- Flows: import of a draft, and the document it makes.

-- What import accepts beside the canonical form (FLOW 1): other names for keys, inline connections, aliases of labels, single actions.
CREATE OR REPLACE FUNCTION sluice_private.read_nodes(flow_data jsonb)
RETURNS TABLE (place int, node_id text, node_type text, template text, content jsonb, "position" jsonb, info jsonb)
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT n.place::int,
         coalesce(n.node ->> 'node_id', n.node ->> 'id', n.node ->> 'node_key', n.node #>> '{data,id}'),
         lower(coalesce(n.node ->> 'node_type', n.node ->> 'type', n.node #>> '{data,type}')),
         n.node ->> 'template',
         CASE WHEN b.body ? 'action' AND NOT b.body ? 'actions' AND jsonb_typeof(b.body -> 'action') = 'string'
              THEN (b.body - 'action' - 'params')
                   || jsonb_build_object('actions', jsonb_build_array(jsonb_build_object('type', b.body -> 'action') || coalesce(b.body -> 'params', '{}')))
              ELSE b.body END,
         n.node -> 'position',
         coalesce(n.node -> 'info', '{}')
    FROM jsonb_array_elements(coalesce(flow_data -> 'nodes', flow_data -> 'flow_nodes', '[]')) WITH ORDINALITY AS n (node, place)
    CROSS JOIN LATERAL (SELECT coalesce(n.node -> 'content', n.node #> '{data,content}', (n.node -> 'data') - 'id' - 'type', '{}')) AS b (body)
$$;
COMMENT ON FUNCTION sluice_private.read_nodes(jsonb) IS 'the nodes of a flow document in canonical columns';

CREATE OR REPLACE FUNCTION sluice_private.read_label(label text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT CASE lower(coalesce(label, 'default'))
           WHEN 'error' THEN 'failure' WHEN 'complete' THEN 'default' WHEN 'conditional' THEN 'default' ELSE lower(coalesce(label, 'default')) END
$$;
COMMENT ON FUNCTION sluice_private.read_label(text) IS 'a connection label with its aliases resolved';

CREATE OR REPLACE FUNCTION sluice_private.read_connections(flow_data jsonb)
RETURNS TABLE (source_node_id text, target_node_id text, connection_type text, conditions jsonb, condition text, info jsonb)
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce(e.edge ->> 'source_node_id', e.edge ->> 'source', e.edge ->> 'from'),
         coalesce(e.edge ->> 'target_node_id', e.edge ->> 'target', e.edge ->> 'to'),
         sluice_private.read_label(coalesce(e.edge ->> 'connection_type', e.edge ->> 'type', e.edge ->> 'label')),
         nullif(nullif(e.edge -> 'conditions', 'null'), '{}'), e.edge ->> 'condition', coalesce(e.edge -> 'info', '{}')
    FROM jsonb_array_elements(coalesce(flow_data -> 'connections', flow_data -> 'edges', flow_data -> 'flow_connections', '[]')) WITH ORDINALITY AS e (edge, place)
  UNION ALL
  SELECT coalesce(n.node ->> 'node_id', n.node ->> 'id', n.node ->> 'node_key', n.node #>> '{data,id}'), t.target #>> '{}',
         sluice_private.read_label(i.label), NULL, NULL, '{}'
    FROM jsonb_array_elements(coalesce(flow_data -> 'nodes', flow_data -> 'flow_nodes', '[]')) AS n (node)
    CROSS JOIN LATERAL jsonb_each(CASE WHEN jsonb_typeof(n.node -> 'connections') = 'object' THEN n.node -> 'connections' ELSE '{}' END) AS i (label, target)
    CROSS JOIN LATERAL jsonb_array_elements(CASE WHEN jsonb_typeof(i.target) = 'array' THEN i.target ELSE jsonb_build_array(i.target) END) AS t (target)
$$;
COMMENT ON FUNCTION sluice_private.read_connections(jsonb) IS 'the edges of a flow document, inline ones included, in canonical columns';

-- Long timeouts of a value in seconds, at any depth. What holds expressions, patterns or code is left as it is, as in
-- core/flow/import/sluice_rewrite.cpp.
CREATE OR REPLACE FUNCTION sluice_private.in_seconds(node_id text, value jsonb) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  member record;
BEGIN
  IF NOT value @? '$.**.timeout ? (@ >= 1000)' THEN
    RETURN value;
  END IF;
  IF jsonb_typeof(value) = 'array' THEN
    RETURN (SELECT jsonb_agg(sluice_private.in_seconds(node_id, e.item) ORDER BY e.place) FROM jsonb_array_elements(value) WITH ORDINALITY AS e (item, place));
  END IF;
  FOR member IN SELECT m.key, m.value FROM jsonb_each(value) AS m LOOP
    IF member.key = 'timeout' AND jsonb_typeof(member.value) = 'number' AND (member.value #>> '{}')::numeric >= 1000 THEN
      RAISE NOTICE 'node %: timeout % was taken for milliseconds', node_id, member.value;
      value := jsonb_set(value, '{timeout}', to_jsonb(trim_scale((member.value #>> '{}')::numeric / 1000)));
    ELSIF jsonb_typeof(member.value) IN ('object', 'array')
          AND member.key NOT IN ('pattern', 'if', 'condition', 'conditions', 'expression', 'code', 'cel', 'script') THEN
      value := jsonb_set(value, ARRAY[member.key], sluice_private.in_seconds(node_id, member.value));
    END IF;
  END LOOP;
  RETURN value;
END
$$;
COMMENT ON FUNCTION sluice_private.in_seconds(text, jsonb) IS 'a value whose timeouts of 1000 or more were milliseconds, each told in a notice';

-- Old spellings in a node's content: references in single braces. Each rewrite is told in a notice.
CREATE OR REPLACE FUNCTION sluice_private.modernise(node_id text, content jsonb, variables jsonb) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  before text := content::text;
  after text := before;
  variable text;
BEGIN
  after := regexp_replace(after, '(?<!\{)\{(secret:[A-Za-z0-9_.-]+)\}(?!\})', '{{\1}}', 'g');
  after := regexp_replace(after, '(?<!\{)\{((?:user|variables|context|temp|session|input|output|local)\.[A-Za-z0-9_.]+)\}(?!\})', '{{\1}}', 'g');
  IF jsonb_typeof(variables) = 'object' AND after ~ '(?<!\{)\{[A-Za-z_][A-Za-z0-9_.]*\}(?!\})' THEN
    FOR variable IN SELECT k FROM jsonb_object_keys(variables) AS k WHERE k ~ '^[A-Za-z_][A-Za-z0-9_.]*$' LOOP
      after := replace(regexp_replace(after, '(?<!\{)\{' || replace(variable, '.', '\.') || '\}(?!\})', '{{variables.' || variable || '}}', 'g'),
                       '{{variables.variables.', '{{variables.');
    END LOOP;
  END IF;
  IF after <> before THEN
    RAISE NOTICE 'node %: references in single braces were rewritten to double braces', node_id;
    content := after::jsonb;
  END IF;
  RETURN content;
END
$$;
COMMENT ON FUNCTION sluice_private.modernise(text, jsonb, jsonb) IS 'a node''s content with old spellings rewritten, each told in a notice';

-- Inline composites hold graphs of their own, which the engine takes in canonical form only.
CREATE OR REPLACE FUNCTION sluice_private.canonical_content(node_type text, content jsonb) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF node_type IS DISTINCT FROM 'composite' OR jsonb_typeof(content -> 'nodes') IS DISTINCT FROM 'array' THEN
    RETURN content;
  END IF;
  RETURN content - '{nodes,connections,edges}'::text[] || jsonb_build_object(
    'nodes', (SELECT coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('node_id', n.node_id, 'node_type', n.node_type, 'position', n.position))
                                        || jsonb_build_object('content', sluice_private.canonical_content(n.node_type, n.content)) ORDER BY n.place), '[]')
                FROM sluice_private.read_nodes(content) n),
    'connections', (SELECT coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('source_node_id', c.source_node_id, 'target_node_id', c.target_node_id,
                                                               'connection_type', c.connection_type, 'condition', c.condition))
                                              || CASE WHEN c.conditions IS NULL THEN '{}' ELSE jsonb_build_object('conditions', c.conditions) END
                                              || CASE WHEN c.info = '{}' THEN '{}' ELSE jsonb_build_object('info', c.info) END ORDER BY c.ordinality), '[]')
                      FROM sluice_private.read_connections(content) WITH ORDINALITY AS c));
END
$$;
COMMENT ON FUNCTION sluice_private.canonical_content(text, jsonb) IS 'a node''s content with the graphs of inline composites in canonical form';

CREATE OR REPLACE FUNCTION sluice_private.refuse_unreadable(flow_data jsonb) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  report jsonb;
BEGIN
  IF flow_data IS NULL OR jsonb_typeof(flow_data) <> 'object' THEN
    PERFORM sluice_private.fail('SL005', format('flow_data is not a JSON object but %s', coalesce(jsonb_typeof(flow_data), 'null')));
  END IF;
  PERFORM sluice_private.check_json('flow_data', flow_data, 16777216);
  IF coalesce(jsonb_typeof(coalesce(flow_data -> 'nodes', flow_data -> 'flow_nodes')), '') <> 'array' THEN
    PERFORM sluice_private.fail('SL005', 'flow_data has no list of nodes', NULL,
                                'a flow is {"name", "entry_node_id", "nodes": […], "connections": […]}; convert other formats with sluice flow import --format');
  END IF;
  IF coalesce(jsonb_typeof(coalesce(flow_data -> 'connections', flow_data -> 'edges', flow_data -> 'flow_connections')), 'array') <> 'array' THEN
    PERFORM sluice_private.fail('SL005', 'the connections of flow_data are not a list');
  END IF;
  SELECT jsonb_agg(jsonb_build_object('path', p.path, 'severity', 'ERROR', 'rule', p.rule, 'message', p.message, 'fix', p.fix)) INTO report
    FROM (
      SELECT format('nodes.%s', n.place - 1) AS path, 'missing-node-id' AS rule, format('node %s has no id', n.place) AS message,
             'give it a node_id' AS fix
        FROM sluice_private.read_nodes(flow_data) n WHERE coalesce(n.node_id, '') = ''
      UNION ALL
      SELECT format('nodes.%s', left(n.node_id, 40)), 'node-id-too-long', format('node id %s… has %s characters', left(n.node_id, 40), length(n.node_id)),
             'keep it within 255 characters'
        FROM sluice_private.read_nodes(flow_data) n WHERE length(n.node_id) > 255
      UNION ALL
      SELECT format('nodes.%s', n.node_id), 'missing-node-type', format('node %s has no type', n.node_id), 'give it a node_type'
        FROM sluice_private.read_nodes(flow_data) n WHERE n.node_type IS NULL
      UNION ALL
      SELECT format('nodes.%s', n.node_id), 'duplicate-node-id', format('%s nodes have the id %s', count(*), n.node_id), 'rename all but one'
        FROM sluice_private.read_nodes(flow_data) n WHERE n.node_id IS NOT NULL GROUP BY n.node_id HAVING count(*) > 1
      UNION ALL
      SELECT 'connections', 'dangling-edge', format('an edge from %s to %s lacks an end', coalesce(c.source_node_id, 'nowhere'), coalesce(c.target_node_id, 'nowhere')),
             'give it source_node_id and target_node_id'
        FROM sluice_private.read_connections(flow_data) c WHERE c.source_node_id IS NULL OR c.target_node_id IS NULL) AS p;
  IF report IS NOT NULL THEN
    PERFORM sluice_private.fail('SL004', format('the flow cannot be stored: %s', report #>> '{0,message}'), report::text, report #>> '{0,fix}');
  END IF;
END
$$;
COMMENT ON FUNCTION sluice_private.refuse_unreadable(jsonb) IS 'SL005 or SL004 for a document that the canonical tables cannot hold';

CREATE OR REPLACE FUNCTION sluice.import_flow(flow_data jsonb, name text DEFAULT NULL, format text DEFAULT 'sluice') RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
  flow_name text := coalesce(import_flow.name, flow_data ->> 'name');
  flow uuid;
BEGIN
  IF format IS DISTINCT FROM 'sluice' THEN
    PERFORM sluice_private.fail('SL005', pg_catalog.format('format %s cannot be imported in SQL', coalesce(quote_literal(format), 'null')), NULL,
                                'the command line converts other formats: sluice flow import FILE --format typebot');
  END IF;
  PERFORM sluice_private.refuse_unreadable(flow_data);
  IF coalesce(flow_name, '') = '' OR length(flow_name) > 255 THEN
    PERFORM sluice_private.fail('SL005', 'the flow has no name, or one over 255 characters', NULL, 'give "name" in flow_data or as an argument');
  END IF;

  INSERT INTO sluice.flow_definitions AS f (name, description, version, flow_data, entry_node_id, info)
  VALUES (flow_name, flow_data ->> 'description', coalesce(flow_data ->> 'version', '1.0'),
          flow_data - '{nodes,connections,edges,flow_nodes,flow_connections}'::text[],
          coalesce(flow_data ->> 'entry_node_id', flow_data ->> 'entry_node', flow_data ->> 'start_node_id'), coalesce(flow_data -> 'info', '{}'))
  ON CONFLICT (name) DO UPDATE
     SET description = excluded.description, version = excluded.version, flow_data = excluded.flow_data,
         entry_node_id = excluded.entry_node_id, info = excluded.info, updated_at = now()
  RETURNING f.id INTO flow;

  DELETE FROM sluice.flow_connections c WHERE c.flow_id = flow;
  DELETE FROM sluice.flow_nodes n WHERE n.flow_id = flow;
  INSERT INTO sluice.flow_nodes (flow_id, node_id, node_type, template, content, position, info)
  SELECT flow, n.node_id, n.node_type, n.template, c.content, n.position, n.info
    FROM sluice_private.read_nodes(flow_data) n
    CROSS JOIN LATERAL (SELECT sluice_private.modernise(n.node_id, sluice_private.canonical_content(n.node_type, n.content), flow_data -> 'variables')) AS m (content)
    CROSS JOIN LATERAL (SELECT CASE WHEN flow_data ->> 'timeout_unit' = 'seconds' THEN m.content ELSE sluice_private.in_seconds(n.node_id, m.content) END) AS c (content)
   ORDER BY n.place;
  INSERT INTO sluice.flow_connections (flow_id, source_node_id, target_node_id, connection_type, conditions, condition, info)
  SELECT flow, c.source_node_id, c.target_node_id, c.connection_type, c.conditions, c.condition, c.info
    FROM sluice_private.read_connections(flow_data) WITH ORDINALITY AS c ORDER BY c.ordinality;
  UPDATE sluice.flow_definitions f SET flow_data = sluice_private.flow_document(flow) WHERE f.id = flow;
  RETURN flow;
END
$$;
COMMENT ON FUNCTION sluice.import_flow(jsonb, text, text) IS
  'stores a flow''s draft, replacing the draft of the flow with that name, and returns the flow''s id; sessions are not touched until it is '
  'published. Errors: SL004, SL005';

CREATE OR REPLACE FUNCTION sluice_private.flow_document(flow uuid) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT f.flow_data
         || jsonb_build_object(
              'name', f.name, 'version', f.version, 'entry_node_id', f.entry_node_id,
              'nodes', coalesce((
                SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object('template', n.template, 'position', n.position))
                                 || jsonb_build_object('node_id', n.node_id, 'node_type', n.node_type, 'content', n.content)
                                 || CASE WHEN n.info = '{}' THEN '{}' ELSE jsonb_build_object('info', n.info) END ORDER BY n.seq)
                  FROM sluice.flow_nodes n WHERE n.flow_id = f.id), '[]'),
              'connections', coalesce((
                SELECT jsonb_agg(jsonb_build_object('source_node_id', c.source_node_id, 'target_node_id', c.target_node_id,
                                                    'connection_type', c.connection_type)
                                 || CASE WHEN c.conditions IS NULL THEN '{}' ELSE jsonb_build_object('conditions', c.conditions) END
                                 || CASE WHEN c.condition IS NULL THEN '{}' ELSE jsonb_build_object('condition', c.condition) END
                                 || CASE WHEN c.info = '{}' THEN '{}' ELSE jsonb_build_object('info', c.info) END ORDER BY c.id)
                  FROM sluice.flow_connections c WHERE c.flow_id = f.id), '[]'))
         || CASE WHEN EXISTS (SELECT 1 FROM sluice.flow_nodes n WHERE n.flow_id = f.id AND n.content @? '$.**.timeout ? (@ >= 1000)')
                 THEN '{"timeout_unit": "seconds"}'::jsonb ELSE '{}' END
    FROM sluice.flow_definitions f WHERE f.id = flow
$$;
COMMENT ON FUNCTION sluice_private.flow_document(uuid) IS
  'a flow''s draft in format sluice: the canonical tables, which hold seconds, and the other keys of flow_data; timeout_unit keeps the next import '
  'from taking a long timeout for milliseconds';

SELECT sluice_private.hide('sluice_private.read_nodes(jsonb)');
SELECT sluice_private.hide('sluice_private.read_label(text)');
SELECT sluice_private.hide('sluice_private.read_connections(jsonb)');
SELECT sluice_private.hide('sluice_private.in_seconds(text, jsonb)');
SELECT sluice_private.hide('sluice_private.modernise(text, jsonb, jsonb)');
SELECT sluice_private.hide('sluice_private.canonical_content(text, jsonb)');
SELECT sluice_private.hide('sluice_private.refuse_unreadable(jsonb)');
SELECT sluice_private.hide('sluice_private.flow_document(uuid)');
SELECT sluice_private.publish_api('sluice.import_flow(jsonb, text, text)');
