-- Validation of a draft (FLOW 10). The rules that need CEL or JSON Schemas are the command line's: bad-expression, always-true-condition,
-- unreachable-condition, schema, and the operators' own. It stores its report, which is the answer here while the draft and the rules stay
-- as they were; without one, the rules below answer, with the same paths, severities and words (tests/pg/validation_test.cpp compares them).
-- Just-in-time compilation is off: the planner takes functions over JSON for large sets and would compile for seconds.

CREATE OR REPLACE FUNCTION sluice_private.node_path(node_id text, place int) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT CASE WHEN coalesce(node_id, '') = '' THEN format('nodes[%s]', place - 1) ELSE 'nodes.' || node_id END
$$;
COMMENT ON FUNCTION sluice_private.node_path(text, int) IS 'where a node stands, for reports';

-- A flow and its inline composites, each a graph of its own. `at` is the path of the graph within the document.
CREATE OR REPLACE FUNCTION sluice_private.graphs(document jsonb) RETURNS TABLE (at text, graph jsonb)
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  WITH RECURSIVE found (at, graph) AS (
    SELECT '', document
    UNION ALL
    SELECT f.at || sluice_private.node_path(n.node_id, n.place) || '.content.', n.content
      FROM found f CROSS JOIN LATERAL sluice_private.read_nodes(f.graph) AS n
     WHERE n.node_type = 'composite' AND jsonb_typeof(n.content -> 'nodes') = 'array'
  )
  SELECT f.at, f.graph FROM found f
$$;
COMMENT ON FUNCTION sluice_private.graphs(jsonb) IS 'a flow''s own graph and those of its inline composites';

-- Volatile, like the other public readers, so that it sees what the same statement wrote: validate_flow(import_flow(…)).
CREATE OR REPLACE FUNCTION sluice.validate_flow(flow_id uuid) RETURNS TABLE (path text, severity text, rule text, message text, fix text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
  definition sluice.flow_definitions := sluice_private.find_flow(validate_flow.flow_id::text);
  whole jsonb := (SELECT r.report FROM sluice_private.flow_reports r JOIN sluice.validation_subject(definition.id) AS s ON s.key = r.key
                   WHERE r.flow_id = definition.id);
BEGIN
  IF whole IS NULL THEN
    RETURN QUERY SELECT r.* FROM sluice_private.validate_here(definition.id) AS r;
  ELSE
    RETURN QUERY SELECT f ->> 'path', f ->> 'severity', f ->> 'rule', f ->> 'message', f ->> 'fix'
                   FROM jsonb_array_elements(whole) WITH ORDINALITY AS w (f, place) ORDER BY w.place;
  END IF;
END
$$;
COMMENT ON FUNCTION sluice.validate_flow(uuid) IS
  'the report on a flow''s draft: path, severity (ERROR keeps it from being published, WARNING, INFO), rule, message, fix. The whole report if '
  '`sluice flow import` or `validate` made one of this draft and these rules, else that of the rules that SQL can ask. Error: SL001';

CREATE OR REPLACE FUNCTION sluice_private.validate_here(flow_id uuid) RETURNS TABLE (path text, severity text, rule text, message text, fix text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
  definition sluice.flow_definitions := sluice_private.find_flow(validate_here.flow_id::text);
  document jsonb := sluice_private.flow_document(definition.id);
BEGIN
  RETURN QUERY
    SELECT r.*
      FROM (SELECT * FROM sluice_private.check_graphs(document) UNION ALL SELECT * FROM sluice_private.check_contents(document)
            UNION ALL SELECT * FROM sluice_private.check_requests(document) UNION ALL SELECT * FROM sluice_private.check_references(document)
            UNION ALL SELECT * FROM sluice_private.check_settings(definition, document)) AS r
     WHERE NOT EXISTS (SELECT 1 FROM sluice.validation_rules o WHERE o.name = r.rule AND NOT o.is_active);
  RETURN QUERY
    SELECT '', 'WARNING', o.name, 'the rule could not be evaluated: it needs CEL',
           format('run: sluice flow validate %s', definition.name)
      FROM sluice.validation_rules o WHERE o.is_active AND o.part IS NOT NULL ORDER BY o.name;
END
$$;
COMMENT ON FUNCTION sluice_private.validate_here(uuid) IS 'validate_flow by the rules that SQL can ask; the operators'' own are warnings';

CREATE OR REPLACE FUNCTION sluice_private.is_hasty(node_type text, content jsonb) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF node_type IS DISTINCT FROM 'composite' OR jsonb_typeof(content -> 'nodes') IS DISTINCT FROM 'array' THEN
    RETURN coalesce(node_type IN ('message', 'condition'), false);
  END IF;
  RETURN NOT EXISTS (SELECT 1 FROM sluice_private.read_nodes(content) AS n WHERE NOT sluice_private.is_hasty(n.node_type, n.content));
END
$$;
COMMENT ON FUNCTION sluice_private.is_hasty(text, jsonb) IS
  'whether a step runs through a node without waiting: a message, a condition, an inline composite of nothing else';

-- Nodes and edges as a graph: ends, entry, reachability, cycles.
CREATE OR REPLACE FUNCTION sluice_private.check_graphs(document jsonb) RETURNS TABLE (path text, severity text, rule text, message text, fix text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET jit = off AS $$
  WITH RECURSIVE graphs AS MATERIALIZED (
    SELECT g.at, g.graph, coalesce(g.graph ->> 'entry_node_id', '') AS entry FROM sluice_private.graphs(document) AS g
  ), nodes AS MATERIALIZED (
    SELECT g.at, n.*, g.at || sluice_private.node_path(n.node_id, n.place) AS path, sluice_private.is_hasty(n.node_type, n.content) AS hasty
      FROM graphs g CROSS JOIN LATERAL sluice_private.read_nodes(g.graph) AS n
  ), edges AS MATERIALIZED (
    SELECT g.at, g.at || 'connections[' || (c.place - 1) || ']' AS path, c.*
      FROM graphs g
      CROSS JOIN LATERAL sluice_private.read_connections(g.graph)
        WITH ORDINALITY AS c (source_node_id, target_node_id, connection_type, conditions, condition, info, place)
  ), named AS MATERIALIZED (
    -- what conditions name directly: a label, else a node
    SELECT n.at, n.node_id AS source, n.path || '.content.' || t.path AS path, t.branch, t.target
      FROM nodes n
      CROSS JOIN LATERAL (
        SELECT 'conditions[' || (e.place - 1) || ']', w.place, w.target
          FROM jsonb_array_elements(CASE WHEN jsonb_typeof(n.content -> 'conditions') = 'array' THEN n.content -> 'conditions' ELSE '[]' END)
               WITH ORDINALITY AS e (entry, place)
          CROSS JOIN LATERAL (VALUES (e.entry -> 'then', 1), (e.entry -> 'else', 2)) AS w (target, place)
        UNION ALL
        SELECT 'else', 1, n.content -> 'else' UNION ALL SELECT 'default_path', 1, n.content -> 'default_path') AS v (path, branch, target)
      CROSS JOIN LATERAL (SELECT v.path, v.branch, v.target #>> '{}') AS t (path, branch, target)
     WHERE n.node_type = 'condition' AND jsonb_typeof(v.target) = 'string' AND t.target <> ''
  ), ways AS MATERIALIZED (
    SELECT e.at, e.source_node_id AS source, e.target_node_id AS target FROM edges e
    UNION
    SELECT x.at, x.source, x.target FROM named x JOIN nodes n ON n.at = x.at AND n.node_id = x.target
  ), roots AS (
    SELECT g.at, g.entry AS node_id FROM graphs g
    UNION ALL
    SELECT '', r.node #>> '{}' FROM jsonb_path_query(document, '$.settings.**') AS r (node) WHERE jsonb_typeof(r.node) = 'string'
  ), reached (at, node_id) AS (
    SELECT n.at, n.node_id FROM nodes n JOIN roots r ON r.at = n.at AND r.node_id = n.node_id
    UNION
    SELECT w.at, w.target FROM reached r JOIN ways w ON w.at = r.at AND w.source = r.node_id
  ), hasty AS MATERIALIZED (
    -- ways between nodes that do not wait, along which a step would run round and round
    SELECT w.at, w.source, w.target
      FROM ways w
      JOIN nodes s ON s.at = w.at AND s.node_id = w.source AND s.hasty
      JOIN nodes t ON t.at = w.at AND t.node_id = w.target AND t.hasty
  ), runs (at, source, target) AS (
    SELECT h.at, h.source, h.target FROM hasty h
    UNION
    SELECT r.at, r.source, h.target FROM runs r JOIN hasty h ON h.at = r.at AND h.source = r.target
  ), circles AS (
    -- each node that leads back to itself, with the first of those that it leads to and that lead back
    SELECT r.at, r.source, min(b.source COLLATE "C") AS first
      FROM runs r JOIN runs b ON b.at = r.at AND b.target = r.source JOIN runs t ON t.at = r.at AND t.source = r.source AND t.target = b.source
     WHERE r.source = r.target GROUP BY r.at, r.source
  )
  SELECT g.at || 'entry_node_id', 'ERROR', 'missing-entry', 'the flow has no entry node', 'set entry_node_id to the node where it starts'
    FROM graphs g WHERE g.entry = ''
  UNION ALL
  SELECT g.at || 'entry_node_id', 'ERROR', 'unknown-entry', format('the entry node ''%s'' is unknown', g.entry), 'set entry_node_id to an existing node'
    FROM graphs g WHERE g.entry <> '' AND NOT EXISTS (SELECT 1 FROM nodes n WHERE n.at = g.at AND n.node_id = g.entry)
  UNION ALL
  SELECT n.path, 'ERROR', 'missing-node-id', 'a node has no node_id', 'give it one that no other node has' FROM nodes n WHERE coalesce(n.node_id, '') = ''
  UNION ALL
  SELECT n.path, 'ERROR', 'duplicate-node-id', format('%s nodes have the id ''%s''', c.copies, n.node_id), 'rename all but one'
    FROM nodes n JOIN (SELECT at, coalesce(node_id, '') AS node_id, count(*) AS copies FROM nodes GROUP BY at, coalesce(node_id, '') HAVING count(*) > 1) AS c
      ON c.at = n.at AND c.node_id = coalesce(n.node_id, '')
  UNION ALL
  SELECT n.path, 'ERROR', 'unknown-node-type', format('node ''%s'' has the unknown type ''%s''', n.node_id, n.node_type),
         'use message, question, condition, action, webhook, composite or script'
    FROM nodes n WHERE n.node_type IS NULL OR n.node_type NOT IN ('message', 'question', 'condition', 'action', 'webhook', 'composite', 'script')
  UNION ALL
  SELECT e.path, 'ERROR', 'dangling-edge', format('the %s edge from ''%s'' to ''%s'' has an end that does not exist', e.connection_type, e.source_node_id, e.target_node_id),
         'add the node or remove the edge'
    FROM edges e
   WHERE NOT EXISTS (SELECT 1 FROM nodes n WHERE n.at = e.at AND n.node_id = e.target_node_id)
      OR NOT EXISTS (SELECT 1 FROM nodes n WHERE n.at = e.at AND n.node_id = e.source_node_id)
  UNION ALL
  SELECT e.path, 'ERROR', 'unknown-label', format('an edge of ''%s'' has the unknown label ''%s''', e.source_node_id, e.connection_type),
         'use default, success, failure, timeout or $N'
    FROM edges e WHERE e.connection_type !~ '^(default|success|failure|timeout|\$[0-9]+)$'
  UNION ALL
  SELECT e.path, 'ERROR', 'ambiguous-edge',
         format('''%s'' has several %s edges without conditions: one of them is never taken', e.source_node_id, e.connection_type),
         'give them conditions, or other labels'
    FROM (SELECT p.*, first_value(p.target_node_id) OVER (PARTITION BY p.at, p.source_node_id, p.connection_type ORDER BY p.place) AS first_target
            FROM edges p
           WHERE coalesce(p.conditions, '{}') IN ('{}', '[]', '""') AND coalesce(p.condition, '') = '' AND coalesce(p.info ->> 'condition', '') = '') AS e
   WHERE e.target_node_id <> e.first_target
  UNION ALL
  SELECT * FROM (
    SELECT DISTINCT ON (x.path) x.path, 'ERROR', 'dangling-edge',
           format('the condition goes to ''%s'', which is neither a label nor a node', x.target), 'name an edge label or a node of this flow'
      FROM named x
     WHERE x.target !~ '^(default|success|failure|timeout|\$[0-9]+)$' AND NOT EXISTS (SELECT 1 FROM nodes n WHERE n.at = x.at AND n.node_id = x.target)
     ORDER BY x.path, x.branch
  ) AS lost
  UNION ALL
  SELECT n.path, 'WARNING', 'unreachable-node', format('no way leads to node ''%s''', n.node_id), 'connect it or remove it'
    FROM nodes n JOIN graphs g ON g.at = n.at AND EXISTS (SELECT 1 FROM nodes e WHERE e.at = g.at AND e.node_id = g.entry)
   WHERE NOT EXISTS (SELECT 1 FROM reached r WHERE r.at = n.at AND r.node_id = n.node_id)
  UNION ALL
  SELECT c.at || 'nodes.' || c.first, 'ERROR', 'cycle-without-wait',
         format('nodes %s form a cycle in which nothing waits', string_agg(c.source, ', ' ORDER BY c.source COLLATE "C")),
         'put a question into the cycle, or break it'
    FROM circles c GROUP BY c.at, c.first
  UNION ALL
  SELECT n.path, 'WARNING', 'missing-failure-edge', format('node ''%s'' makes a request and has no failure edge', n.node_id),
         'connect what follows a failure, or set settings.fallback_node'
    FROM nodes n
   WHERE (n.node_type = 'webhook' OR n.node_type = 'action' AND n.content @? '$.actions[*] ? (@.type == "api_call")')
     AND coalesce(document #>> '{settings,fallback_node}', '') = ''
     AND NOT EXISTS (SELECT 1 FROM edges e WHERE e.at = n.at AND e.source_node_id = n.node_id AND e.connection_type = 'failure')
  UNION ALL
  SELECT n.path, 'WARNING', 'missing-timeout-edge', format('question ''%s'' has a timeout and no timeout edge', n.node_id),
         'connect what follows when nobody answers'
    FROM nodes n
   WHERE n.node_type = 'question' AND n.content ->> 'timeout' IS NOT NULL
     AND NOT EXISTS (SELECT 1 FROM edges e WHERE e.at = n.at AND e.source_node_id = n.node_id AND e.connection_type = 'timeout')
$$;
COMMENT ON FUNCTION sluice_private.check_graphs(jsonb) IS 'validate_flow: nodes and edges as a graph';

CREATE OR REPLACE FUNCTION sluice_private.check_settings(definition sluice.flow_definitions, document jsonb)
RETURNS TABLE (path text, severity text, rule text, message text, fix text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off AS $$
  SELECT 'settings.' || s.key, 'ERROR', 'bad-setting', format('setting %s is %s', s.key, s.value #>> '{}'), 'give a number greater than 0'
    FROM jsonb_each(CASE WHEN jsonb_typeof(document -> 'settings') = 'object' THEN document -> 'settings' ELSE '{}' END) AS s (key, value)
   WHERE s.key IN ('session_timeout', 'max_steps', 'max_turns')
     AND CASE WHEN jsonb_typeof(s.value) = 'number' THEN (s.value #>> '{}')::numeric <= 0 OR (s.value #>> '{}')::numeric > 1e9 ELSE true END
  UNION ALL
  SELECT 'settings.fallback_node', 'ERROR', 'unknown-fallback', format('the fallback node ''%s'' does not exist', document #>> '{settings,fallback_node}'),
         'name a node of this flow'
   WHERE document #>> '{settings,fallback_node}' IS NOT NULL
     AND NOT EXISTS (SELECT 1 FROM sluice_private.read_nodes(document) n WHERE n.node_id = document #>> '{settings,fallback_node}')
  UNION ALL
  SELECT 'variables.' || v.key, 'ERROR', 'unsafe-variable-name', format('''%s'' is no safe name for a variable', v.key),
         'use letters, digits, _ and dots, and do not begin with a digit'
    FROM jsonb_object_keys(CASE WHEN jsonb_typeof(document -> 'variables') = 'object' THEN document -> 'variables' ELSE '{}' END) AS v (key)
   WHERE v.key !~ '^[a-zA-Z_][a-zA-Z0-9_.]*$'
  UNION ALL
  SELECT g.at || sluice_private.node_path(n.node_id, n.place) || '.content.flow', 'ERROR', 'unknown-subflow',
         format('the composite calls ''%s'', which is no published flow', c.reference), 'publish that flow first, or correct the name'
    FROM sluice_private.graphs(document) AS g
    CROSS JOIN LATERAL sluice_private.read_nodes(g.graph) AS n
    CROSS JOIN LATERAL (SELECT coalesce(n.content ->> 'flow', n.content ->> 'flow_id')) AS c (reference)
   WHERE n.node_type = 'composite' AND c.reference <> ''
     AND NOT EXISTS (SELECT 1 FROM sluice.flow_definitions f
                      WHERE c.reference IN (f.name, f.id::text) AND (f.id = definition.id OR f.is_active AND f.published_version_id IS NOT NULL))
$$;
COMMENT ON FUNCTION sluice_private.check_settings(sluice.flow_definitions, jsonb) IS 'validate_flow: settings, variables, called flows';

SELECT sluice_private.publish_api('sluice.validate_flow(uuid)');
SELECT sluice_private.hide('sluice_private.graphs(jsonb)');
SELECT sluice_private.hide('sluice_private.node_path(text, int)');
SELECT sluice_private.hide('sluice_private.validate_here(uuid)');
SELECT sluice_private.hide('sluice_private.is_hasty(text, jsonb)');
SELECT sluice_private.hide('sluice_private.check_graphs(jsonb)');
SELECT sluice_private.hide('sluice_private.check_settings(sluice.flow_definitions, jsonb)');
