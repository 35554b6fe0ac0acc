-- Roles, rights and settings: who may do what, and the values that all processes share.

-- Roles belong to the cluster, not to the database, so they may be there already; a user who may not create them goes on without.
DO $$
DECLARE
  wanted text;
BEGIN
  FOREACH wanted IN ARRAY ARRAY['sluice_owner', 'sluice_daemon', 'sluice_api', 'sluice_reader'] LOOP
    CONTINUE WHEN EXISTS (SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = wanted);
    BEGIN
      EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN', wanted);
    EXCEPTION
      WHEN duplicate_object OR unique_violation THEN
        NULL;  -- another database of the cluster was migrated at the same moment
      WHEN insufficient_privilege THEN
        RAISE WARNING 'role % is missing and % may not create it', wanted, current_user
          USING HINT = 'ask an administrator to create it, then migrate again; until then only the owner can use sluice';
    END;
  END LOOP;
END
$$;

-- Objects that later migrations make get these rights by themselves.
DO $$
DECLARE
  grants text[] := ARRAY[
    'GRANT USAGE ON SCHEMA sluice TO sluice_daemon, sluice_api, sluice_reader',
    'GRANT USAGE ON SCHEMA sluice_private TO sluice_daemon',
    'ALTER DEFAULT PRIVILEGES IN SCHEMA sluice GRANT ALL ON TABLES TO sluice_daemon',
    'ALTER DEFAULT PRIVILEGES IN SCHEMA sluice GRANT ALL ON SEQUENCES TO sluice_daemon',
    'ALTER DEFAULT PRIVILEGES IN SCHEMA sluice GRANT EXECUTE ON FUNCTIONS TO sluice_daemon',
    'ALTER DEFAULT PRIVILEGES IN SCHEMA sluice_private GRANT ALL ON TABLES TO sluice_daemon',
    'ALTER DEFAULT PRIVILEGES IN SCHEMA sluice_private GRANT ALL ON SEQUENCES TO sluice_daemon',
    'ALTER DEFAULT PRIVILEGES IN SCHEMA sluice_private GRANT EXECUTE ON FUNCTIONS TO sluice_daemon'];
  statement text;
BEGIN
  FOREACH statement IN ARRAY grants LOOP
    BEGIN
      EXECUTE statement;
    EXCEPTION WHEN undefined_object THEN
      NULL;  -- a role is missing; the warning is out already
    END;
  END LOOP;
END
$$;

REVOKE ALL ON SCHEMA sluice, sluice_private FROM PUBLIC;

-- Grants `privilege` on an object to a role if that role exists.
CREATE FUNCTION sluice_private.grant_to(role_name name, privilege_on text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = role_name) THEN
    EXECUTE format('GRANT %s TO %I', privilege_on, role_name);
  END IF;
END
$$;
COMMENT ON FUNCTION sluice_private.grant_to(name, text) IS
  'grants, for example, ''SELECT ON sluice.consumer_lag'' to a role, and does nothing when the role does not exist';

-- Every function is executable by everyone until told otherwise, so each API file ends by naming its functions here.
CREATE FUNCTION sluice_private.publish_api(function_name regprocedure) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', function_name);
  PERFORM sluice_private.grant_to('sluice_api', format('EXECUTE ON FUNCTION %s', function_name));
  PERFORM sluice_private.grant_to('sluice_daemon', format('EXECUTE ON FUNCTION %s', function_name));
END
$$;
COMMENT ON FUNCTION sluice_private.publish_api(regprocedure) IS
  'takes EXECUTE on a function from PUBLIC and gives it to sluice_api and sluice_daemon';

CREATE FUNCTION sluice_private.hide(function_name regprocedure) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', function_name);
  PERFORM sluice_private.grant_to('sluice_daemon', format('EXECUTE ON FUNCTION %s', function_name));
END
$$;
COMMENT ON FUNCTION sluice_private.hide(regprocedure) IS
  'takes EXECUTE on an internal function from PUBLIC and gives it to sluice_daemon alone';

CREATE TABLE sluice.settings (
  key text PRIMARY KEY,
  value jsonb NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE sluice.settings IS 'values that all processes and the triggers share';
COMMENT ON COLUMN sluice.settings.key IS 'the setting''s name, for example notify';
COMMENT ON COLUMN sluice.settings.value IS 'its value as JSON';
COMMENT ON COLUMN sluice.settings.updated_at IS 'when it was last changed';

-- One way to fail for all functions: the contract's SQLSTATEs are SL001 to SL006 and 40001.
CREATE FUNCTION sluice_private.fail(code text, message text, detail text DEFAULT NULL, hint text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF detail IS NULL AND hint IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = code, MESSAGE = message;
  ELSIF detail IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = code, MESSAGE = message, HINT = hint;
  ELSIF hint IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = code, MESSAGE = message, DETAIL = detail;
  ELSE
    RAISE EXCEPTION USING ERRCODE = code, MESSAGE = message, DETAIL = detail, HINT = hint;
  END IF;
END
$$;
COMMENT ON FUNCTION sluice_private.fail(text, text, text, text) IS 'raises an error of the contract with detail and hint';

SELECT sluice_private.hide('sluice_private.grant_to(name, text)');
SELECT sluice_private.hide('sluice_private.publish_api(regprocedure)');
SELECT sluice_private.hide('sluice_private.hide(regprocedure)');
SELECT sluice_private.hide('sluice_private.fail(text, text, text, text)');
