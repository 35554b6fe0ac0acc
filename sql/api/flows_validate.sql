-- Validation of a draft: the rules of FLOW 10 that need no expression language. The command line checks the rest.
-- Just-in-time compilation is off: the planner takes functions over JSON for large sets and would compile for seconds.

-- A flow and its inline composites, each a graph of its own. `at` is the path of the graph within the document.
CREATE OR REPLACE FUNCTION sluice_private.graphs(document jsonb) RETURNS TABLE (at text, graph jsonb)
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  WITH RECURSIVE found (at, graph) AS (
    SELECT '', document
    UNION ALL
    SELECT f.at || 'nodes.' || n.node_id || '.content.', n.content
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
  document jsonb := sluice_private.flow_document(definition.id);
BEGIN
  RETURN QUERY SELECT r.* FROM sluice_private.check_graphs(document) AS r;
  RETURN QUERY SELECT r.* FROM sluice_private.check_contents(document) AS r;
  RETURN QUERY SELECT r.* FROM sluice_private.check_requests(document) AS r;
  RETURN QUERY SELECT r.* FROM sluice_private.check_settings(definition, document) AS r;
END
$$;
COMMENT ON FUNCTION sluice.validate_flow(uuid) IS
  'the report on a flow''s draft: path, severity (ERROR keeps it from being published, WARNING, INFO), rule, message, fix. Error: SL001';

-- Nodes and edges as a graph: ends, entry, reachability, cycles.
CREATE OR REPLACE FUNCTION sluice_private.check_graphs(document jsonb) RETURNS TABLE (path text, severity text, rule text, message text, fix text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET jit = off AS $$
  WITH RECURSIVE graphs AS MATERIALIZED (
    SELECT g.at, g.graph, g.graph ->> 'entry_node_id' AS entry FROM sluice_private.graphs(document) AS g
  ), nodes AS MATERIALIZED (
    SELECT g.at, n.* FROM graphs g CROSS JOIN LATERAL sluice_private.read_nodes(g.graph) AS n
  ), edges AS MATERIALIZED (
    SELECT g.at, c.* FROM graphs g CROSS JOIN LATERAL sluice_private.read_connections(g.graph) AS c
  ), named AS MATERIALIZED (
    -- what conditions name directly: a label, else a node
    SELECT DISTINCT n.at, n.node_id AS source, t.target #>> '{}' AS target
      FROM nodes n
      CROSS JOIN LATERAL (
        SELECT jsonb_path_query(n.content, '$.conditions[*].then') UNION ALL SELECT jsonb_path_query(n.content, '$.conditions[*].else')
        UNION ALL SELECT n.content -> 'else' UNION ALL SELECT n.content -> 'default_path') AS t (target)
     WHERE n.node_type = 'condition' AND jsonb_typeof(t.target) = 'string'
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
      JOIN nodes s ON s.at = w.at AND s.node_id = w.source AND s.node_type IN ('message', 'condition')
      JOIN nodes t ON t.at = w.at AND t.node_id = w.target AND t.node_type IN ('message', 'condition')
  ), runs (at, source, target) AS (
    SELECT h.at, h.source, h.target FROM hasty h
    UNION
    SELECT r.at, r.source, h.target FROM runs r JOIN hasty h ON h.at = r.at AND h.source = r.target
  )
  SELECT g.at || 'entry_node_id', 'ERROR', 'missing-entry', 'the flow has no entry node', 'set entry_node_id to the node where it starts'
    FROM graphs g WHERE g.entry IS NULL
  UNION ALL
  SELECT g.at || 'entry_node_id', 'ERROR', 'unknown-entry', format('the entry node %s is unknown', g.entry), 'set entry_node_id to an existing node'
    FROM graphs g WHERE g.entry IS NOT NULL AND NOT EXISTS (SELECT 1 FROM nodes n WHERE n.at = g.at AND n.node_id = g.entry)
  UNION ALL
  SELECT n.at || 'nodes', 'ERROR', 'duplicate-node-id', format('%s nodes have the id %s', count(*), n.node_id), 'rename all but one'
    FROM nodes n WHERE n.node_id IS NOT NULL GROUP BY n.at, n.node_id HAVING count(*) > 1
  UNION ALL
  SELECT n.at || 'nodes.' || coalesce(n.node_id, '?') || '.node_type', 'ERROR', 'unknown-node-type',
         format('node %s has the unknown type %s', n.node_id, coalesce(n.node_type, 'null')),
         'use message, question, condition, action, webhook, composite or script'
    FROM nodes n WHERE n.node_type IS NULL OR n.node_type NOT IN ('message', 'question', 'condition', 'action', 'webhook', 'composite', 'script')
  UNION ALL
  SELECT e.at || 'connections', 'ERROR', 'dangling-edge', format('the %s edge of %s goes to %s, which does not exist', e.connection_type, e.source_node_id, e.target_node_id),
         'add the node or remove the edge'
    FROM edges e WHERE NOT EXISTS (SELECT 1 FROM nodes n WHERE n.at = e.at AND n.node_id = e.target_node_id)
  UNION ALL
  SELECT e.at || 'connections', 'ERROR', 'dangling-edge', format('an edge to %s comes from %s, which does not exist', e.target_node_id, e.source_node_id),
         'add the node or remove the edge'
    FROM edges e WHERE NOT EXISTS (SELECT 1 FROM nodes n WHERE n.at = e.at AND n.node_id = e.source_node_id)
  UNION ALL
  SELECT e.at || 'connections', 'ERROR', 'unknown-label', format('an edge of %s has the unknown label %s', e.source_node_id, e.connection_type),
         'use default, success, failure, timeout or $N'
    FROM edges e WHERE e.connection_type !~ '^(default|success|failure|timeout|\$[0-9]+)$'
  UNION ALL
  SELECT x.at || 'nodes.' || x.source || '.content', 'ERROR', 'dangling-edge',
         format('condition %s goes to %s, which is neither a label nor a node', x.source, x.target), 'name an edge label or a node of this flow'
    FROM named x
   WHERE x.target !~ '^(default|success|failure|timeout|\$[0-9]+)$' AND NOT EXISTS (SELECT 1 FROM nodes n WHERE n.at = x.at AND n.node_id = x.target)
  UNION ALL
  SELECT n.at || 'nodes.' || n.node_id, 'WARNING', 'unreachable-node', format('no way leads to node %s', n.node_id), 'connect it or remove it'
    FROM nodes n JOIN graphs g ON g.at = n.at AND g.entry IS NOT NULL
   WHERE NOT EXISTS (SELECT 1 FROM reached r WHERE r.at = n.at AND r.node_id = n.node_id)
  UNION ALL
  SELECT r.at || 'nodes.' || min(r.source), 'ERROR', 'cycle-without-wait', format('nodes %s form a cycle in which nothing waits', string_agg(r.source, ', ' ORDER BY r.source)),
         'put a question into the cycle, or break it'
    FROM runs r WHERE r.source = r.target GROUP BY r.at
  UNION ALL
  SELECT n.at || 'nodes.' || n.node_id, 'WARNING', 'missing-failure-edge', format('node %s makes a request and has no failure edge', n.node_id),
         'connect what follows a failure, or set settings.fallback_node'
    FROM nodes n
   WHERE (n.node_type = 'webhook' OR n.node_type = 'action' AND n.content @? '$.actions[*] ? (@.type == "api_call")')
     AND document #>> '{settings,fallback_node}' IS NULL
     AND NOT EXISTS (SELECT 1 FROM edges e WHERE e.at = n.at AND e.source_node_id = n.node_id AND e.connection_type = 'failure')
  UNION ALL
  SELECT n.at || 'nodes.' || n.node_id, 'WARNING', 'missing-timeout-edge', format('question %s has a timeout and no timeout edge', n.node_id),
         'connect what follows when nobody answers'
    FROM nodes n
   WHERE n.node_type = 'question' AND n.content ? 'timeout'
     AND NOT EXISTS (SELECT 1 FROM edges e WHERE e.at = n.at AND e.source_node_id = n.node_id AND e.connection_type = 'timeout')
$$;
COMMENT ON FUNCTION sluice_private.check_graphs(jsonb) IS 'validate_flow: nodes and edges as a graph';

-- What each node must contain.
CREATE OR REPLACE FUNCTION sluice_private.check_contents(document jsonb) RETURNS TABLE (path text, severity text, rule text, message text, fix text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET jit = off AS $$
  WITH nodes AS MATERIALIZED (
    SELECT g.at || 'nodes.' || coalesce(n.node_id, '?') || '.content' AS at, n.node_id, n.node_type, n.content
      FROM sluice_private.graphs(document) AS g CROSS JOIN LATERAL sluice_private.read_nodes(g.graph) AS n
  ), variables AS (
    SELECT n.at || '.variable' AS at, n.node_id, n.content ->> 'variable' AS name FROM nodes n WHERE n.node_type = 'question'
    UNION ALL
    SELECT n.at || '.actions.' || (a.place - 1), n.node_id, coalesce(a.action ->> 'variable', a.action ->> 'target')
      FROM nodes n CROSS JOIN LATERAL jsonb_path_query(n.content, '$.actions[*]') WITH ORDINALITY AS a (action, place) WHERE n.node_type = 'action'
  ), choices AS (
    SELECT n.*, CASE WHEN jsonb_typeof(c.list) = 'array' THEN jsonb_array_length(c.list) END AS number
      FROM nodes n CROSS JOIN LATERAL (SELECT coalesce(n.content -> 'options', n.content -> 'choices')) AS c (list)
     WHERE n.node_type = 'question' AND n.content ->> 'input_type' IN ('choice', 'image_choice', 'buttons', 'multi_choice')
  )
  SELECT n.at, 'ERROR', 'missing-content', format('message %s says nothing', n.node_id), 'give messages, text or content_id'
    FROM nodes n WHERE n.node_type = 'message' AND NOT n.content ?| '{messages,message,text,content_id,type}'
  UNION ALL
  SELECT n.at, 'WARNING', 'empty-message', format('message %s has an empty text', n.node_id), 'write something or remove it'
    FROM nodes n
   WHERE n.node_type = 'message' AND (n.content @? '$.messages[*] ? (@.text == "")' OR n.content -> 'messages' = '[]' OR n.content ->> 'text' = '')
  UNION ALL
  SELECT n.at, 'ERROR', 'missing-content', format('question %s asks nothing', n.node_id), 'give question, text or content_id'
    FROM nodes n WHERE n.node_type = 'question' AND NOT n.content ?| '{question,text,content_id}'
  UNION ALL
  SELECT n.at || '.input_type', 'ERROR', 'unknown-input-type', format('question %s has the unknown input type %s', n.node_id, n.content ->> 'input_type'),
         'use text, choice, image_choice, buttons, multi_choice, number, email, phone, url, date or file'
    FROM nodes n
   WHERE n.node_type = 'question' AND n.content ? 'input_type'
     AND n.content ->> 'input_type' NOT IN ('text', 'choice', 'image_choice', 'buttons', 'multi_choice', 'number', 'email', 'phone', 'url', 'date', 'file')
  UNION ALL
  SELECT n.at, 'ERROR', 'missing-content', format('condition %s decides nothing', n.node_id), 'give conditions'
    FROM nodes n WHERE n.node_type = 'condition' AND jsonb_typeof(n.content -> 'conditions') IS DISTINCT FROM 'array'
  UNION ALL
  SELECT n.at, 'ERROR', 'missing-content', format('action node %s has no actions', n.node_id), 'give actions, a list'
    FROM nodes n WHERE n.node_type = 'action' AND coalesce(jsonb_typeof(n.content -> 'actions'), '') <> 'array'
  UNION ALL
  SELECT n.at || '.actions.' || (a.place - 1), 'ERROR', 'unknown-action', format('node %s has the unknown action %s', n.node_id, coalesce(a.action ->> 'type', 'null')),
         'use set_variable, increment, decrement, append, remove, clear, delete_variable, calculate, aggregate or api_call'
    FROM nodes n CROSS JOIN LATERAL jsonb_path_query(n.content, '$.actions[*]') WITH ORDINALITY AS a (action, place)
   WHERE n.node_type = 'action'
     AND coalesce(a.action ->> 'type', '') NOT IN ('set_variable', 'increment', 'decrement', 'append', 'remove', 'clear', 'delete_variable', 'calculate', 'aggregate', 'api_call')
  UNION ALL
  SELECT n.at || '.url', 'ERROR', 'missing-content', format('webhook %s has no url', n.node_id), 'give url'
    FROM nodes n WHERE n.node_type = 'webhook' AND coalesce(n.content ->> 'url', '') = ''
  UNION ALL
  SELECT n.at, 'ERROR', 'missing-content', format('composite %s calls nothing', n.node_id), 'give flow (a name or id) or nodes'
    FROM nodes n WHERE n.node_type = 'composite' AND NOT n.content ?| '{flow,nodes}'
  UNION ALL
  SELECT v.at, 'ERROR', 'unsafe-variable-name', format('node %s stores into %s', v.node_id, quote_literal(v.name)),
         'use letters, digits, _ and dots, and do not begin with a digit'
    FROM variables v WHERE v.name !~ '^[a-zA-Z_][a-zA-Z0-9_.]*$'
  UNION ALL
  SELECT c.at, 'WARNING', 'number-of-choices', format('question %s offers %s choices', c.node_id, coalesce(c.number, 0)), 'offer 2 to 10'
    FROM choices c WHERE coalesce(c.number, 0) NOT BETWEEN 2 AND 10
  UNION ALL
  SELECT n.at, 'WARNING', 'unknown-scope', format('node %s refers to {{%s}}', n.node_id, m.reference[1]),
         'scopes are user, variables, context, temp, session, input, output, local and secret:key'
    FROM nodes n CROSS JOIN LATERAL regexp_matches(n.content::text, '\{\{\s*([^{}"]*?)\s*\}\}', 'g') AS m (reference)
   WHERE m.reference[1] !~ '^(user|variables|context|temp|session|input|output|local)[.[]' AND m.reference[1] !~ '^secret:.'
$$;
COMMENT ON FUNCTION sluice_private.check_contents(jsonb) IS 'validate_flow: what each node contains';

-- Requests that webhook nodes and api_call actions make.
CREATE OR REPLACE FUNCTION sluice_private.check_requests(document jsonb) RETURNS TABLE (path text, severity text, rule text, message text, fix text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET jit = off AS $$
  WITH nodes AS MATERIALIZED (
    SELECT g.at || 'nodes.' || coalesce(n.node_id, '?') || '.content' AS at, n.node_id, n.node_type, n.content
      FROM sluice_private.graphs(document) AS g CROSS JOIN LATERAL sluice_private.read_nodes(g.graph) AS n
  ), requests AS MATERIALIZED (
    SELECT n.at, n.node_id, n.content ->> 'url' AS url, n.content -> 'timeout' AS timeout, n.content -> 'headers' AS headers
      FROM nodes n WHERE n.node_type = 'webhook'
    UNION ALL
    SELECT n.at || '.actions.' || (a.place - 1), n.node_id, c.call ->> 'url', c.call -> 'timeout', c.call -> 'headers'
      FROM nodes n
      CROSS JOIN LATERAL jsonb_path_query(n.content, '$.actions[*]') WITH ORDINALITY AS a (action, place)
      CROSS JOIN LATERAL (SELECT CASE WHEN jsonb_typeof(a.action -> 'params') = 'object' THEN a.action || (a.action -> 'params') ELSE a.action END) AS c (call)
     WHERE n.node_type = 'action' AND a.action ->> 'type' = 'api_call'
  ), timed AS (
    SELECT r.*, CASE WHEN jsonb_typeof(r.timeout) = 'number' THEN (r.timeout #>> '{}')::numeric END AS seconds FROM requests r
  ), hosts AS (
    SELECT r.*, lower(substring(r.url FROM '^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?(\[[^]]*\]|[^/?#:]*)')) AS host FROM requests r
  )
  SELECT r.at || '.url', 'ERROR', 'credentials-in-url', format('the url of node %s carries credentials', r.node_id),
         'put them into a header as {{secret:name}}'
    FROM requests r WHERE r.url ~ '^[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*@'
  UNION ALL
  SELECT r.at || '.url', CASE WHEN document #> '{settings,require_https}' = 'true' THEN 'ERROR' ELSE 'WARNING' END, 'not-https',
         format('the request of node %s is not encrypted', r.node_id), 'use https'
    FROM requests r WHERE r.url ~* '^http://'
  UNION ALL
  SELECT r.at || '.url', 'ERROR', 'bad-url', format('the url of node %s is not http or https', r.node_id), 'give an absolute http or https URL'
    FROM requests r WHERE r.url <> '' AND r.url !~* '^https?://[^/?#]' AND r.url NOT LIKE '{{%'
  UNION ALL
  SELECT h.at || '.url', 'WARNING', 'private-host', format('node %s calls %s, which is not public', h.node_id, h.host),
         'it is refused unless the operator allows that network'
    FROM hosts h
   WHERE h.host ~ '^(localhost|.*\.local|.*\.localhost|.*\.internal|0|0\..*|10\..*|127\..*|169\.254\..*|172\.(1[6-9]|2[0-9]|3[01])\..*|192\.168\..*|\[::1?\]|\[f[cde].*\])$'
  UNION ALL
  SELECT t.at || '.timeout', 'ERROR', 'timeout-out-of-range', format('the timeout of node %s is %s', t.node_id, t.timeout), 'give 1 to 300 seconds'
    FROM timed t WHERE t.timeout IS NOT NULL AND (t.seconds IS NULL OR t.seconds < 1 OR t.seconds > 300)
  UNION ALL
  SELECT t.at || '.timeout', 'WARNING', 'long-timeout', format('node %s waits up to %s s', t.node_id, t.seconds), 'give 1 to 120 seconds'
    FROM timed t WHERE t.seconds > 120 AND t.seconds <= 300
  UNION ALL
  SELECT r.at || '.headers', 'INFO', 'missing-auth-header', format('the request of node %s carries no authorization', r.node_id),
         'add a header such as "Authorization": "Bearer {{secret:name}}" if the service wants one'
    FROM requests r
   WHERE NOT EXISTS (SELECT 1 FROM jsonb_object_keys(CASE WHEN jsonb_typeof(r.headers) = 'object' THEN r.headers ELSE '{}' END) AS k
                      WHERE k ~* 'auth|api-?key|token')
$$;
COMMENT ON FUNCTION sluice_private.check_requests(jsonb) IS 'validate_flow: urls, timeouts and headers of requests';

CREATE OR REPLACE FUNCTION sluice_private.check_settings(definition sluice.flow_definitions, document jsonb)
RETURNS TABLE (path text, severity text, rule text, message text, fix text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off AS $$
  SELECT 'settings.' || s.key, 'ERROR', 'bad-setting', format('setting %s is %s', s.key, s.value), 'give a number greater than 0'
    FROM jsonb_each(CASE WHEN jsonb_typeof(document -> 'settings') = 'object' THEN document -> 'settings' ELSE '{}' END) AS s (key, value)
   WHERE s.key IN ('session_timeout', 'max_steps', 'max_turns')
     AND CASE WHEN jsonb_typeof(s.value) = 'number' THEN (s.value #>> '{}')::numeric NOT BETWEEN 0.001 AND 1e9 ELSE true END
  UNION ALL
  SELECT 'settings.fallback_node', 'ERROR', 'unknown-fallback', format('the fallback node %s does not exist', document #>> '{settings,fallback_node}'),
         'name a node of this flow'
   WHERE document #>> '{settings,fallback_node}' IS NOT NULL
     AND NOT EXISTS (SELECT 1 FROM sluice_private.read_nodes(document) n WHERE n.node_id = document #>> '{settings,fallback_node}')
  UNION ALL
  SELECT 'variables.' || v.key, 'ERROR', 'unsafe-variable-name', format('variable %s has an unsafe name', quote_literal(v.key)),
         'use letters, digits, _ and dots, and do not begin with a digit'
    FROM jsonb_object_keys(CASE WHEN jsonb_typeof(document -> 'variables') = 'object' THEN document -> 'variables' ELSE '{}' END) AS v (key)
   WHERE v.key !~ '^[a-zA-Z_][a-zA-Z0-9_.]*$'
  UNION ALL
  SELECT 'nodes', 'ERROR', 'unknown-subflow', format('a composite calls %s, which is no published flow', quote_literal(r.reference)),
         'publish that flow first, or correct the name'
    FROM sluice_private.subflow_references(document) AS r (reference)
   WHERE NOT EXISTS (SELECT 1 FROM sluice.flow_definitions f
                      WHERE r.reference IN (f.name, f.id::text) AND (f.id = definition.id OR f.is_active AND f.published_version_id IS NOT NULL))
$$;
COMMENT ON FUNCTION sluice_private.check_settings(sluice.flow_definitions, jsonb) IS 'validate_flow: settings, variables, called flows';

SELECT sluice_private.publish_api('sluice.validate_flow(uuid)');
SELECT sluice_private.hide('sluice_private.graphs(jsonb)');
SELECT sluice_private.hide('sluice_private.check_graphs(jsonb)');
SELECT sluice_private.hide('sluice_private.check_contents(jsonb)');
SELECT sluice_private.hide('sluice_private.check_requests(jsonb)');
SELECT sluice_private.hide('sluice_private.check_settings(sluice.flow_definitions, jsonb)');
