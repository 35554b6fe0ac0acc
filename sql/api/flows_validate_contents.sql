-- Validation of a draft: what each node contains, the requests it makes, the references in its texts. The words are those of
-- core/flow/validate/rules.cpp.

CREATE OR REPLACE FUNCTION sluice_private.contents(document jsonb) RETURNS TABLE (at text, node_id text, node_type text, content jsonb)
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT g.at || sluice_private.node_path(n.node_id, n.place) || '.content', n.node_id, n.node_type, n.content
    FROM sluice_private.graphs(document) AS g CROSS JOIN LATERAL sluice_private.read_nodes(g.graph) AS n
   WHERE jsonb_typeof(n.content) = 'object'
$$;
COMMENT ON FUNCTION sluice_private.contents(jsonb) IS 'the contents of all nodes of a flow, those of inline composites included, with their paths';

CREATE OR REPLACE FUNCTION sluice_private.actions(document jsonb) RETURNS TABLE (at text, action jsonb, params jsonb)
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT c.at || '.actions[' || (a.place - 1) || ']', a.action,
         CASE WHEN jsonb_typeof(a.action -> 'params') = 'object' THEN a.action -> 'params' ELSE a.action END
    FROM sluice_private.contents(document) AS c
    CROSS JOIN LATERAL jsonb_array_elements(CASE WHEN jsonb_typeof(c.content -> 'actions') = 'array' THEN c.content -> 'actions' ELSE '[]' END)
      WITH ORDINALITY AS a (action, place)
   WHERE c.node_type = 'action'
$$;
COMMENT ON FUNCTION sluice_private.actions(jsonb) IS 'the actions of all action nodes of a flow with their paths';

CREATE OR REPLACE FUNCTION sluice_private.string_of(value jsonb) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$ SELECT CASE WHEN jsonb_typeof(value) = 'string' THEN value #>> '{}' END $$;
COMMENT ON FUNCTION sluice_private.string_of(jsonb) IS 'the text of a JSON string, null for anything else';

CREATE OR REPLACE FUNCTION sluice_private.check_contents(document jsonb) RETURNS TABLE (path text, severity text, rule text, message text, fix text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET jit = off AS $$
  WITH nodes AS MATERIALIZED (
    SELECT c.*, (SELECT coalesce(array_agg(m.key), '{}') FROM jsonb_each(c.content) AS m WHERE m.value <> 'null') AS given
      FROM sluice_private.contents(document) AS c
  ), actions AS MATERIALIZED (
    SELECT a.at, a.params, coalesce(sluice_private.string_of(a.action -> 'type'), sluice_private.string_of(a.action -> 'action'), '') AS type
      FROM sluice_private.actions(document) AS a
  ), variables AS (
    SELECT n.at || '.variable' AS at, sluice_private.string_of(n.content -> 'variable') AS name FROM nodes n WHERE n.node_type = 'question'
    UNION ALL
    SELECT a.at, coalesce(sluice_private.string_of(a.params -> 'variable'), sluice_private.string_of(a.params -> 'target')) FROM actions a
  ), questions AS (
    SELECT n.at, n.given && '{question,text,content_id}' AS present, coalesce(sluice_private.string_of(n.content -> 'input_type'), 'text') AS type,
           coalesce(n.content -> 'options', n.content -> 'choices', n.content -> 'buttons') AS options,
           CASE WHEN n.content ? 'content_id' THEN '?'
                WHEN jsonb_typeof(n.content -> 'question') = 'string' THEN n.content ->> 'question'
                WHEN n.content ? 'question' THEN coalesce(sluice_private.string_of(n.content #> '{question,text}'), '?')
                ELSE coalesce(sluice_private.string_of(n.content -> 'text'), '') END AS text
      FROM nodes n WHERE n.node_type = 'question'
  )
  SELECT n.at, 'ERROR', 'missing-content', 'the message says nothing', 'give messages, text or content_id'
    FROM nodes n WHERE n.node_type = 'message' AND NOT n.given && '{messages,message,text,content_id,type}'
  UNION ALL
  SELECT n.at, 'WARNING', 'empty-message', 'the message has an empty text', 'write something or remove it'
    FROM nodes n
   WHERE n.node_type = 'message' AND n.given && '{messages,message,text,content_id,type}'
     AND (n.content ? 'text' AND coalesce(sluice_private.string_of(n.content -> 'text'), '') = ''
          OR jsonb_typeof(n.content -> 'messages') = 'array' AND n.content @? '$.messages[*] ? (@.text == "")'
          OR NOT n.given && '{text,message,content_id,type}' AND (jsonb_typeof(n.content -> 'messages') <> 'array' OR n.content -> 'messages' = '[]'))
  UNION ALL
  SELECT q.at, 'ERROR', 'missing-content', 'the question asks nothing', 'give question, text or content_id' FROM questions q WHERE NOT q.present
  UNION ALL
  SELECT q.at, 'INFO', 'silent-question', 'the question has no text: it only listens', 'say before it what is expected'
    FROM questions q WHERE q.present AND q.text = ''
  UNION ALL
  SELECT q.at, 'ERROR', 'unknown-input-type', format('the input type ''%s'' is unknown', q.type),
         'use text, choice, image_choice, buttons, multi_choice, number, email, phone, url, date or file'
    FROM questions q
   WHERE q.type NOT IN ('text', 'choice', 'image_choice', 'buttons', 'multi_choice', 'number', 'email', 'phone', 'url', 'date', 'file')
  UNION ALL
  SELECT q.at, 'WARNING', 'number-of-choices', format('the question offers %s choices', c.number), 'offer 2 to 10'
    FROM questions q CROSS JOIN LATERAL (SELECT CASE WHEN jsonb_typeof(q.options) = 'array' THEN jsonb_array_length(q.options) ELSE 0 END) AS c (number)
   WHERE q.type IN ('choice', 'image_choice', 'buttons', 'multi_choice') AND jsonb_typeof(q.options) IS DISTINCT FROM 'string' AND c.number NOT BETWEEN 2 AND 10
  UNION ALL
  SELECT n.at, 'ERROR', 'missing-content', 'the condition decides nothing', 'give conditions, a list'
    FROM nodes n WHERE n.node_type = 'condition' AND jsonb_typeof(n.content -> 'conditions') IS DISTINCT FROM 'array'
  UNION ALL
  SELECT n.at, 'ERROR', 'missing-content', 'the action node has no actions', 'give actions, a list'
    FROM nodes n WHERE n.node_type = 'action' AND jsonb_typeof(n.content -> 'actions') IS DISTINCT FROM 'array'
  UNION ALL
  SELECT a.at, 'ERROR', 'unknown-action', format('the action ''%s'' is unknown', a.type),
         'use set_variable, increment, decrement, append, remove, clear, delete_variable, calculate, aggregate or api_call'
    FROM actions a
   WHERE a.type NOT IN ('set_variable', 'increment', 'decrement', 'append', 'remove', 'clear', 'delete_variable', 'calculate', 'aggregate', 'api_call')
  UNION ALL
  SELECT n.at, 'ERROR', 'missing-content', 'the composite calls nothing', 'give flow (a name or id) or nodes'
    FROM nodes n
   WHERE n.node_type = 'composite' AND NOT n.given && '{nodes}'
     AND coalesce(sluice_private.string_of(n.content -> 'flow'), sluice_private.string_of(n.content -> 'flow_id'), '') = ''
  UNION ALL
  SELECT v.at, 'ERROR', 'unsafe-variable-name', format('''%s'' is no safe name for a variable', v.name),
         'use letters, digits, _ and dots, and do not begin with a digit'
    FROM variables v WHERE v.name <> '' AND v.name !~ '^[a-zA-Z_][a-zA-Z0-9_.]*$'
$$;
COMMENT ON FUNCTION sluice_private.check_contents(jsonb) IS 'validate_flow: what each node contains';

-- Requests that webhook nodes and api_call actions make.
CREATE OR REPLACE FUNCTION sluice_private.check_requests(document jsonb) RETURNS TABLE (path text, severity text, rule text, message text, fix text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET jit = off AS $$
  WITH requests AS (
    SELECT c.at, c.content AS request FROM sluice_private.contents(document) AS c WHERE c.node_type = 'webhook'
    UNION ALL
    SELECT a.at, a.params FROM sluice_private.actions(document) AS a
     WHERE coalesce(sluice_private.string_of(a.action -> 'type'), sluice_private.string_of(a.action -> 'action')) = 'api_call'
  ), urls AS (
    SELECT r.at, r.request, u.url, s.scheme, regexp_replace(s.rest, '[/?#].*$', '') AS authority, nullif(r.request -> 'timeout', 'null') AS timeout
      FROM requests r
      CROSS JOIN LATERAL (SELECT coalesce(sluice_private.string_of(r.request -> 'url'), '')) AS u (url)
      CROSS JOIN LATERAL (SELECT CASE WHEN u.url LIKE '%://%' THEN lower(split_part(u.url, '://', 1)) ELSE '' END,
                                 CASE WHEN u.url LIKE '%://%' THEN substr(u.url, position('://' IN u.url) + 3) ELSE '' END) AS s (scheme, rest)
  ), parts AS MATERIALIZED (
    SELECT u.*, CASE WHEN h.host LIKE '[%]%' THEN lower(substring(h.host FROM '^\[[^]]*\]')) ELSE lower(split_part(h.host, ':', 1)) END AS host,
           CASE WHEN jsonb_typeof(u.timeout) = 'number' THEN (u.timeout #>> '{}')::numeric END AS seconds
      FROM urls u CROSS JOIN LATERAL (SELECT regexp_replace(u.authority, '^.*@', '')) AS h (host)
  )
  SELECT p.at, 'ERROR', 'missing-content', 'the request has no url', 'give url' FROM parts p WHERE p.url = ''
  UNION ALL
  SELECT p.at, 'ERROR', 'credentials-in-url', 'the url carries credentials', 'put them into a header as {{secret:name}}' FROM parts p WHERE p.authority LIKE '%@%'
  UNION ALL
  SELECT p.at, 'ERROR', 'bad-url', format('''%s'' is not an absolute http or https URL', p.url), 'give an absolute http or https URL'
    FROM parts p WHERE p.url <> '' AND p.url NOT LIKE '{{%' AND NOT (p.scheme IN ('http', 'https') AND p.authority <> '')
  UNION ALL
  SELECT p.at, CASE WHEN document #> '{settings,require_https}' = 'true' THEN 'ERROR' ELSE 'WARNING' END, 'not-https', 'the request is not encrypted', 'use https'
    FROM parts p WHERE p.scheme = 'http'
  UNION ALL
  SELECT p.at, 'WARNING', 'private-host', format('''%s'' is not public', p.host), 'it is refused unless the operator allows that network'
    FROM parts p
   WHERE p.host ~ '^(localhost|.*\.(local|localhost|internal)|0|(0|10|127)\..*|169\.254\..*|172\.(1[6-9]|2[0-9]|3[01])\..*|192\.168\..*|\[::1?\]|\[f[cde].*\])$'
  UNION ALL
  SELECT p.at, 'ERROR', 'timeout-out-of-range', format('the timeout is %s', p.timeout #>> '{}'), 'give 1 to 300 seconds'
    FROM parts p WHERE p.timeout IS NOT NULL AND (p.seconds IS NULL OR p.seconds < 1 OR p.seconds > 300)
  UNION ALL
  SELECT p.at, 'WARNING', 'long-timeout', format('the request waits up to %s s', p.timeout #>> '{}'), 'give 1 to 120 seconds'
    FROM parts p WHERE p.seconds > 120 AND p.seconds <= 300
  UNION ALL
  SELECT p.at, 'INFO', 'missing-auth-header', 'the request carries no authorization',
         'add a header such as "Authorization": "Bearer {{secret:name}}" if the service wants one'
    FROM parts p
   WHERE NOT EXISTS (SELECT 1 FROM jsonb_object_keys(CASE WHEN jsonb_typeof(p.request -> 'headers') = 'object' THEN p.request -> 'headers' ELSE '{}' END) AS k
                      WHERE lower(k) ~ 'auth|api-?key|token')
$$;
COMMENT ON FUNCTION sluice_private.check_requests(jsonb) IS 'validate_flow: urls, timeouts and headers of requests';

-- Every text of a content, but not expressions, code and what an inline composite holds.
CREATE OR REPLACE FUNCTION sluice_private.check_references(document jsonb) RETURNS TABLE (path text, severity text, rule text, message text, fix text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET jit = off AS $$
  WITH RECURSIVE values (path, value) AS (
    SELECT c.at || '.' || m.key, m.value
      FROM sluice_private.contents(document) AS c CROSS JOIN LATERAL jsonb_each(c.content) AS m
     WHERE (c.node_type, m.key) NOT IN (('condition', 'conditions'), ('composite', 'nodes'), ('script', 'code'))
    UNION ALL
    SELECT v.path || i.step, i.value
      FROM values v
      CROSS JOIN LATERAL (
        SELECT '.' || m.key, m.value FROM jsonb_each(CASE WHEN jsonb_typeof(v.value) = 'object' THEN v.value ELSE '{}' END) AS m
        UNION ALL
        SELECT '[' || (e.place - 1) || ']', e.item
          FROM jsonb_array_elements(CASE WHEN jsonb_typeof(v.value) = 'array' THEN v.value ELSE '[]' END) WITH ORDINALITY AS e (item, place)) AS i (step, value)
  ), found AS (
    SELECT v.path, btrim(m.inside[1], E' \t\n') AS reference
      FROM values v CROSS JOIN LATERAL regexp_matches(v.value #>> '{}', '\{\{(?!\{)((?:(?!\{\{|\}\}).)*)\}\}', 'g') AS m (inside)
     WHERE jsonb_typeof(v.value) = 'string'
  )
  SELECT f.path, 'WARNING', 'unknown-scope', format('''%s'' does not begin with a scope', f.reference),
         'scopes are user, variables, context, temp, session, input, output, local and secret:key'
    FROM found f
   WHERE f.reference !~ '^(user|variables|context|temp|session|input|output|local)[.[]' AND f.reference !~ '^secret:.'
$$;
COMMENT ON FUNCTION sluice_private.check_references(jsonb) IS 'validate_flow: the {{references}} of texts';

SELECT sluice_private.hide('sluice_private.contents(jsonb)');
SELECT sluice_private.hide('sluice_private.actions(jsonb)');
SELECT sluice_private.hide('sluice_private.string_of(jsonb)');
SELECT sluice_private.hide('sluice_private.check_contents(jsonb)');
SELECT sluice_private.hide('sluice_private.check_requests(jsonb)');
SELECT sluice_private.hide('sluice_private.check_references(jsonb)');
