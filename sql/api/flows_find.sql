-- Flows: found by name or id, with the version that new sessions get.

CREATE OR REPLACE FUNCTION sluice_private.find_flow(flow text) RETURNS sluice.flow_definitions
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  definition sluice.flow_definitions;
BEGIN
  SELECT * INTO definition FROM sluice.flow_definitions f WHERE f.name = flow;
  IF definition.id IS NULL AND flow ~* '^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$' THEN
    SELECT * INTO definition FROM sluice.flow_definitions f WHERE f.id = flow::uuid;
  END IF;
  IF definition.id IS NULL THEN
    PERFORM sluice_private.fail('SL001', format('flow %s is unknown', coalesce(quote_literal(flow), 'null')), NULL,
                                'SELECT id, name FROM sluice.flow_definitions lists the flows');
  END IF;
  RETURN definition;
END
$$;
COMMENT ON FUNCTION sluice_private.find_flow(text) IS 'a flow by name or id; SL001 when there is none';

CREATE OR REPLACE FUNCTION sluice_private.current_version(flow text) RETURNS sluice.flow_versions
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  definition sluice.flow_definitions;
  version sluice.flow_versions;
BEGIN
  definition := sluice_private.find_flow(flow);
  IF NOT definition.is_active THEN
    PERFORM sluice_private.fail('SL001', format('flow %s is not active', definition.name), NULL,
                                'set is_active in sluice.flow_definitions to let sessions start');
  END IF;
  SELECT * INTO version FROM sluice.flow_versions v WHERE v.id = definition.published_version_id;
  IF version.id IS NULL THEN
    PERFORM sluice_private.fail('SL001', format('flow %s was never published', definition.name), NULL,
                                format('publish it first: SELECT sluice.publish_flow(%L)', definition.id));
  END IF;
  RETURN version;
END
$$;
COMMENT ON FUNCTION sluice_private.current_version(text) IS 'the version that new sessions of a flow get; SL001 when there is none';

SELECT sluice_private.hide('sluice_private.current_version(text)');
SELECT sluice_private.hide('sluice_private.find_flow(text)');
