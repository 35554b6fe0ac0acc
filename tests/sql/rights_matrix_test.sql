-- Every object and every right: what a role may do is written in the two lists here; all else is tried and must be refused. A new object
-- that a role can reach turns this red until somebody has decided so.
BEGIN;
SELECT no_plan();

CREATE ROLE sluice_test_nobody;

CREATE TABLE test.may (role name, privilege text, object text);
INSERT INTO test.may
SELECT 'sluice_reader', 'SELECT', 'sluice.' || o
  FROM unnest(string_to_array('audit_log circuit_breakers consumer_lag conversation_history cron_overview cron_schedules delivery_overview '
    'endpoint_health endpoint_overview event_consumers event_failures event_handlers event_types flow_connections flow_definitions flow_events flow_nodes '
    'flow_versions secrets_used session_overview session_changes settings task_failures task_idempotency_records task_overview validation_rules '
    'webhook_attempts webhook_deliveries webhook_endpoints webhook_messages', ' ')) AS o
UNION ALL
SELECT 'sluice_api', 'SELECT', 'sluice.' || o
  FROM unnest(string_to_array('consumer_lag cron_overview delivery_overview endpoint_overview session_overview task_overview', ' ')) AS o
UNION ALL
SELECT 'sluice_reader', 'EXECUTE', 'sluice.' || o FROM unnest(string_to_array('activity newest_tasks status tasks_of_session', ' ')) AS o
UNION ALL
SELECT 'sluice_api', 'EXECUTE', 'sluice.' || o
  FROM unnest(string_to_array('activity canonical_json clone_flow define_event disable_endpoint discard discard_delivery discard_event emit emit_row_events '
    'enable_endpoint end_session enqueue history import_flow keep_state_changes limit_queue migrate_session newest_tasks off_event on_event patch_state pause_queue '
    'publish_flow replay resume_queue retry_delivery retry_event retry_task retry_tasks rotate_secret schedule send_input session '
    'set_validation_rule start_session state_hash status store_report subscribe switch_validation_rule tasks_of_session test_endpoint undefine_event '
    'unschedule unsubscribe unwatch_table validate_flow validation_subject watch_table', ' ')) AS o;

-- What came of `statement` when `role` ran it: null when it was refused for want of a right.
CREATE FUNCTION test.tried(role name, statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  BEGIN
    EXECUTE format('SET LOCAL ROLE %I', role);
    EXECUTE statement;
    RAISE EXCEPTION USING ERRCODE = 'TE000', MESSAGE = 'it was done';  -- and is undone
  EXCEPTION
    WHEN insufficient_privilege THEN
      RETURN NULL;
    WHEN OTHERS THEN
      RETURN SQLERRM;
  END;
END
$$;

CREATE VIEW test.relation_statements AS
SELECT n.nspname || '.' || c.relname AS object, s.privilege, s.statement
  FROM pg_class AS c
  JOIN pg_namespace AS n ON n.oid = c.relnamespace
  JOIN LATERAL (
    SELECT quote_ident(a.attname) AS name FROM pg_attribute AS a
     WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum LIMIT 1) AS a ON true
 CROSS JOIN LATERAL (VALUES
    ('SELECT', format('SELECT r FROM %s AS r LIMIT 0', c.oid::regclass)),
    ('INSERT', format('INSERT INTO %s DEFAULT VALUES', c.oid::regclass)),
    ('UPDATE', format('UPDATE %s SET %s = DEFAULT WHERE false', c.oid::regclass, a.name)),
    ('DELETE', format('DELETE FROM %s WHERE false', c.oid::regclass)),
    ('TRUNCATE', format('TRUNCATE %s', c.oid::regclass))) AS s (privilege, statement)
 WHERE n.nspname IN ('sluice', 'sluice_private')
   AND (c.relkind IN ('r', 'p') OR c.relkind = 'v' AND s.privilege = 'SELECT');

-- OFFSET 0 keeps a strict function's call with nulls from being folded away before the right is looked at.
CREATE VIEW test.function_statements AS
SELECT n.nspname || '.' || p.proname AS object, 'EXECUTE' AS privilege,
       CASE WHEN p.pronargs = 0 THEN format('SELECT %I.%I()', n.nspname, p.proname)
            ELSE format('SELECT %I.%I(%s) FROM (SELECT %s OFFSET 0) AS x', n.nspname, p.proname, a.names, a.nulls) END AS statement
  FROM pg_proc AS p
  JOIN pg_namespace AS n ON n.oid = p.pronamespace
  JOIN pg_language AS l ON l.oid = p.prolang
 CROSS JOIN LATERAL (
    SELECT string_agg(format('%sx.a%s', CASE WHEN t.place = p.pronargs AND p.provariadic <> 0 THEN 'VARIADIC ' END, t.place), ', ' ORDER BY t.place) AS names,
           string_agg(format('NULL::%s AS a%s', t.type::regtype, t.place), ', ' ORDER BY t.place) AS nulls
      FROM unnest(p.proargtypes) WITH ORDINALITY AS t (type, place)) AS a
 WHERE n.nspname IN ('sluice', 'sluice_private') AND p.prokind = 'f' AND p.prorettype <> 'trigger'::regtype;

SELECT cmp_ok((SELECT count(*) FROM test.relation_statements), '>', 150::bigint, 'there are relations to try');
SELECT cmp_ok((SELECT count(*) FROM test.function_statements), '>', 100::bigint, 'there are functions to try');

SELECT is_empty($$
  SELECT r.role, s.statement, test.tried(r.role, s.statement)
    FROM (VALUES ('sluice_api'::name), ('sluice_reader'), ('sluice_test_nobody')) AS r (role)
   CROSS JOIN (SELECT * FROM test.relation_statements UNION ALL SELECT * FROM test.function_statements) AS s
   WHERE NOT EXISTS (SELECT FROM test.may AS m WHERE (m.role, m.privilege, m.object) = (r.role, s.privilege, s.object))
     AND test.tried(r.role, s.statement) IS NOT NULL$$, 'what is not in the lists is refused');

SELECT is_empty($$
  SELECT m.* FROM test.may AS m
   WHERE m.privilege = 'SELECT' AND NOT has_table_privilege(m.role, m.object, 'SELECT')
      OR m.privilege = 'EXECUTE' AND NOT EXISTS (
           SELECT FROM pg_proc AS p WHERE p.pronamespace::regnamespace::text || '.' || p.proname = m.object AND has_function_privilege(m.role, p.oid, 'EXECUTE'))$$,
  'what is in the lists is granted');

SELECT is_empty($$
  SELECT r.role, c.oid::regclass FROM (VALUES ('sluice_api'::name), ('sluice_reader'), ('sluice_test_nobody')) AS r (role), pg_class AS c
   WHERE c.relnamespace IN ('sluice'::regnamespace, 'sluice_private'::regnamespace)
     AND CASE WHEN c.relkind = 'S' THEN has_sequence_privilege(r.role, c.oid, 'USAGE, SELECT, UPDATE') END$$, 'no sequence is theirs');

-- What cannot be tried by calling it, and the schemas themselves.
SELECT is_empty($$
  SELECT r.role, p.oid::regprocedure FROM (VALUES ('sluice_api'::name), ('sluice_reader'), ('sluice_test_nobody')) AS r (role), pg_proc AS p
   WHERE p.pronamespace IN ('sluice'::regnamespace, 'sluice_private'::regnamespace) AND (p.prokind <> 'f' OR p.prorettype = 'trigger'::regtype)
     AND has_function_privilege(r.role, p.oid, 'EXECUTE')
     AND NOT EXISTS (SELECT FROM test.may AS m
                      WHERE (m.role, m.privilege, m.object) = (r.role, 'EXECUTE', p.pronamespace::regnamespace::text || '.' || p.proname))$$,
  'nor are triggers'' functions, procedures and aggregates that are not in the lists');
SELECT set_eq($$
  SELECT r.role::text, n.nspname::text, p.privilege
    FROM (VALUES ('sluice_daemon'::name), ('sluice_api'), ('sluice_reader'), ('sluice_test_nobody')) AS r (role), pg_namespace AS n,
         (VALUES ('USAGE'), ('CREATE')) AS p (privilege)
   WHERE n.nspname IN ('sluice', 'sluice_private') AND has_schema_privilege(r.role, n.oid, p.privilege)$$,
  $$VALUES ('sluice_daemon', 'sluice', 'USAGE'), ('sluice_daemon', 'sluice_private', 'USAGE'), ('sluice_api', 'sluice', 'USAGE'),
           ('sluice_reader', 'sluice', 'USAGE')$$, 'the schemas are open to those who need them');
SELECT is_empty($$
  SELECT r.role, c.oid::regclass FROM (VALUES ('sluice_api'::name), ('sluice_reader'), ('sluice_test_nobody')) AS r (role), pg_class AS c
   WHERE c.relnamespace IN ('sluice'::regnamespace, 'sluice_private'::regnamespace) AND c.relkind NOT IN ('S', 'i', 'I', 'c')
     AND (has_any_column_privilege(r.role, c.oid, 'INSERT, UPDATE, REFERENCES') OR has_table_privilege(r.role, c.oid, 'TRIGGER')
          OR c.relkind NOT IN ('r', 'p', 'v') AND has_any_column_privilege(r.role, c.oid, 'SELECT'))$$, 'no column of any relation is theirs to change');

-- Columns beside whole tables: sessions without their token, and nothing else.
SELECT set_eq($$
  SELECT c.relname::text, a.attname::text FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
   WHERE c.relnamespace IN ('sluice'::regnamespace, 'sluice_private'::regnamespace) AND c.relkind IN ('r', 'p', 'v')
     AND has_any_column_privilege('sluice_reader', c.oid, 'SELECT') AND NOT has_column_privilege('sluice_reader', c.oid, a.attnum, 'SELECT')$$,
  $$VALUES ('conversation_sessions', 'session_token')$$, 'a reader sees sessions but for their token');

-- What nobody but the owner may, a daemon included.
SELECT is(test.tried(r.role, s.statement), NULL, r.role || ': ' || s.statement)
  FROM (VALUES ('sluice_daemon'::name), ('sluice_api'), ('sluice_reader'), ('sluice_test_nobody')) AS r (role)
 CROSS JOIN (VALUES
   ('CREATE TABLE sluice.mine (a int)'), ('CREATE TABLE sluice_private.mine (a int)'),
   ('CREATE FUNCTION sluice.mine() RETURNS int LANGUAGE sql AS ''SELECT 1'''),
   ('CREATE OR REPLACE FUNCTION sluice.status() RETURNS jsonb LANGUAGE sql AS ''SELECT null::jsonb'''),
   ('DROP TABLE sluice.settings'), ('ALTER TABLE sluice.conversation_sessions DISABLE TRIGGER ALL'),
   ('UPDATE sluice.schema_migrations SET checksum = '''''), ('INSERT INTO sluice.schema_migrations DEFAULT VALUES'),
   ('CREATE ROLE mine'), ('GRANT sluice_owner TO sluice_daemon'),
   ('SELECT pg_read_file(''/etc/passwd'')'), ('COPY (SELECT 1) TO PROGRAM ''true'''), ('SELECT lo_import(''/etc/passwd'')')) AS s (statement);

SELECT is_empty($$
  SELECT a.rolname, b.rolname FROM pg_roles AS a, pg_roles AS b
   WHERE a.rolname IN ('sluice_daemon', 'sluice_api', 'sluice_reader') AND a.oid <> b.oid AND pg_has_role(a.oid, b.oid, 'MEMBER')
  UNION ALL
  SELECT rolname, 'attributes' FROM pg_roles
   WHERE rolname IN ('sluice_owner', 'sluice_daemon', 'sluice_api', 'sluice_reader')
     AND (rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls OR rolcanlogin)$$, 'the roles are members of nothing and have no attribute');

SELECT * FROM finish();
ROLLBACK;
