-- Rights: what each role may do, and that no definer function can be led astray.
BEGIN;
SELECT no_plan();

SELECT is_empty($$
  SELECT p.oid::regprocedure FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
   WHERE n.nspname IN ('sluice', 'sluice_private') AND p.prosecdef AND p.prosqlbody IS NULL
     AND NOT 'search_path=pg_catalog, pg_temp' = ANY (coalesce(p.proconfig, '{}'))$$, 'every definer function has a fixed search_path');
SELECT is_empty($$
  SELECT p.oid::regprocedure FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
   WHERE n.nspname IN ('sluice', 'sluice_private') AND has_function_privilege('public', p.oid, 'EXECUTE')$$, 'no function is everybody''s');
SELECT is_empty($$
  SELECT p.oid::regprocedure FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
   WHERE n.nspname = 'sluice_private' AND has_function_privilege('sluice_api', p.oid, 'EXECUTE')$$, 'internal functions are not the API''s');
SELECT is_empty($$
  SELECT c.oid::regclass FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE n.nspname IN ('sluice', 'sluice_private') AND c.relkind IN ('r', 'p') AND has_table_privilege('sluice_api', c.oid, 'SELECT, INSERT, UPDATE, DELETE')$$,
  'the API role touches no table');
SELECT is_empty($$
  SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
   WHERE n.nspname IN ('sluice', 'sluice_private') AND obj_description(p.oid, 'pg_proc') IS NULL
  UNION ALL
  SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE n.nspname IN ('sluice', 'sluice_private') AND c.relkind IN ('r', 'p', 'v') AND c.relname <> 'schema_migrations' AND obj_description(c.oid, 'pg_class') IS NULL$$,
  'everything has a comment');
SELECT ok(NOT has_column_privilege('sluice_reader', 'sluice.conversation_sessions', 'session_token', 'SELECT'), 'a reader sees no token');
SELECT ok(has_column_privilege('sluice_reader', 'sluice.conversation_sessions', 'state', 'SELECT'));

CREATE ROLE sluice_test_api;
CREATE ROLE sluice_test_reader;
CREATE ROLE sluice_test_daemon;
CREATE ROLE sluice_test_nobody;
GRANT sluice_api TO sluice_test_api;
GRANT sluice_reader TO sluice_test_reader;
GRANT sluice_daemon TO sluice_test_daemon;

SET SESSION AUTHORIZATION sluice_test_api;
SELECT session_token AS token FROM sluice.start_session('small') \gset
SELECT lives_ok(format('SELECT sluice.send_input(%L, %L), sluice.patch_state(%L, %L), sluice.session(%L), sluice.end_session(%L), sluice.status()',
                       :'token', '"x"', :'token', '{}', :'token', :'token'), 'the API role needs nothing but the functions');
SELECT throws_ok('SELECT * FROM sluice.conversation_sessions', '42501');
SELECT throws_ok('SELECT * FROM sluice_private.tasks', '42501');
SELECT throws_ok('SELECT sluice_private.heartbeat(1)', '42501');
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION sluice_test_reader;
SELECT lives_ok('SELECT * FROM sluice.session_overview, sluice.task_overview');
SELECT throws_ok($$SELECT sluice.start_session('small')$$, '42501');
SELECT throws_ok('SELECT session_token FROM sluice.conversation_sessions', '42501');
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION sluice_test_nobody;
SELECT throws_ok('SELECT * FROM sluice.session_overview', '42501');
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION sluice_test_daemon;
SELECT lives_ok($$SELECT sluice_private.register_process('worker', 'h', 1); SELECT * FROM sluice_private.tasks; SELECT sluice_private.ensure_partitions()$$);
RESET SESSION AUTHORIZATION;
SELECT * FROM finish();
ROLLBACK;
