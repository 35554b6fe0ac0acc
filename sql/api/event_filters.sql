-- Patterns of consumers and endpoints: exact, prefix.*, *, and the dotted aliases of WEBHOOKS 2.

-- All patterns that match an event are few and known, so matching is the overlap of two arrays. session_started is session.started too,
-- and a change of status is session.<status>.
CREATE OR REPLACE FUNCTION sluice_private.event_names(p_type text, p_alias text) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  names text[] := ARRAY['*', p_type];
  name text;
  at int;
BEGIN
  IF p_alias IS NOT NULL THEN
    names := names || p_alias;
  END IF;
  IF starts_with(p_type, 'session_') OR starts_with(p_type, 'node_') THEN
    names := names || overlay(p_type PLACING '.' FROM position('_' IN p_type) FOR 1);
  END IF;
  FOREACH name IN ARRAY names[2:] LOOP
    FOR at IN 1..length(name) LOOP
      IF substr(name, at, 1) = '.' THEN
        names := names || (left(name, at) || '*');
      END IF;
    END LOOP;
  END LOOP;
  RETURN names;
END $$;
COMMENT ON FUNCTION sluice_private.event_names(text, text) IS 'every pattern that matches an event of this type and alias';
SELECT sluice_private.hide('sluice_private.event_names(text, text)');

CREATE OR REPLACE FUNCTION sluice_private.event_matches(p_type text, p_alias text, p_patterns text[]) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN '*' = ANY (p_patterns) OR p_type = ANY (p_patterns) OR p_patterns && sluice_private.event_names(p_type, p_alias);
COMMENT ON FUNCTION sluice_private.event_matches(text, text, text[]) IS 'whether any of the patterns names this event';
SELECT sluice_private.hide('sluice_private.event_matches(text, text, text[])');

CREATE OR REPLACE FUNCTION sluice_private.check_patterns(p_patterns text[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  bad text;
BEGIN
  IF coalesce(cardinality(p_patterns), 0) = 0 THEN
    PERFORM sluice_private.fail('SL005', 'no event patterns', NULL, 'give at least one, for example {*}');
  END IF;
  SELECT coalesce(w.pattern, 'null') INTO bad FROM unnest(p_patterns) AS w (pattern)
   WHERE w.pattern IS NULL OR w.pattern !~ '^(\*|[A-Za-z][A-Za-z0-9_]*([.-][A-Za-z0-9_]+)*(\.\*)?)$' OR length(w.pattern) > 100;
  IF FOUND THEN
    PERFORM sluice_private.fail('SL005', format('bad event pattern %L', bad), NULL,
      'a pattern is an event type, a prefix such as orders.*, or *');
  END IF;
END $$;
COMMENT ON FUNCTION sluice_private.check_patterns(text[]) IS 'SL005 unless each element is a pattern';
SELECT sluice_private.hide('sluice_private.check_patterns(text[])');
