-- Validation: operators' rules, and the reports of those who can evaluate them.

CREATE OR REPLACE FUNCTION sluice.set_validation_rule(name text, part text, severity text, expression text, message text, fix text DEFAULT '') RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
  INSERT INTO sluice.validation_rules AS r (name, part, severity, expression, message, fix)
  VALUES (set_validation_rule.name, set_validation_rule.part, set_validation_rule.severity, set_validation_rule.expression, set_validation_rule.message,
          coalesce(set_validation_rule.fix, ''))
  ON CONFLICT (name) DO UPDATE
     SET is_active = true, part = excluded.part, severity = excluded.severity, expression = excluded.expression, message = excluded.message,
         fix = excluded.fix, updated_at = now();
EXCEPTION
  WHEN check_violation OR not_null_violation THEN
    PERFORM sluice_private.fail('SL005', format('the rule %s is not complete, or its part or severity is unknown', coalesce(quote_literal(set_validation_rule.name), 'null')),
                                sqlerrm, 'give name, part (node, request, message …), severity (ERROR, WARNING, INFO), a CEL expression and a message');
END
$$;
COMMENT ON FUNCTION sluice.set_validation_rule(text, text, text, text, text, text) IS
  'adds a rule of the operator''s own or replaces it: it finds something where the CEL expression is true of a part of a flow. Error: SL005';

CREATE OR REPLACE FUNCTION sluice.switch_validation_rule(name text, is_active boolean) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
  IF switch_validation_rule.is_active AND EXISTS (SELECT 1 FROM sluice.validation_rules r WHERE r.name = switch_validation_rule.name AND r.part IS NULL) THEN
    DELETE FROM sluice.validation_rules r WHERE r.name = switch_validation_rule.name;
    RETURN;
  END IF;
  UPDATE sluice.validation_rules r SET is_active = switch_validation_rule.is_active, updated_at = now() WHERE r.name = switch_validation_rule.name;
  IF NOT FOUND AND NOT switch_validation_rule.is_active THEN
    INSERT INTO sluice.validation_rules (name, is_active) VALUES (switch_validation_rule.name, false);
  END IF;
EXCEPTION
  WHEN check_violation OR not_null_violation THEN
    PERFORM sluice_private.fail('SL005', 'the rule has no name, or is neither on nor off', sqlerrm, 'give a rule''s name and true or false');
END
$$;
COMMENT ON FUNCTION sluice.switch_validation_rule(text, boolean) IS
  'switches a rule off or on again, a built-in one or one of the operator''s own. Error: SL005';

-- What is judged, and a key that changes with any of it.
CREATE OR REPLACE FUNCTION sluice.validation_subject(flow_id uuid, OUT key text, OUT document jsonb, OUT rules jsonb, OUT flows text[])
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  definition sluice.flow_definitions := sluice_private.find_flow(validation_subject.flow_id::text);
BEGIN
  document := sluice_private.flow_document(definition.id);
  SELECT coalesce(jsonb_agg(to_jsonb(r) - 'updated_at' ORDER BY r.name COLLATE "C"), '[]') INTO rules FROM sluice.validation_rules r;
  SELECT array_agg(DISTINCT c.reference ORDER BY c.reference) INTO flows
    FROM sluice_private.subflow_references(document) AS c (reference)
    JOIN sluice.flow_definitions f ON c.reference IN (f.name, f.id::text) AND (f.id = definition.id OR f.is_active AND f.published_version_id IS NOT NULL);
  flows := coalesce(flows, '{}');
  key := encode(sha256(convert_to(jsonb_build_array(document, rules, to_jsonb(flows))::text, 'UTF8')), 'hex');
END
$$;
COMMENT ON FUNCTION sluice.validation_subject(uuid) IS
  'what sluice flow validate judges: a flow''s draft, the operators'' rules, those flows of the ones it calls that can be called, and a key of all that. Error: SL001';

CREATE OR REPLACE FUNCTION sluice.store_report(flow_id uuid, key text, report jsonb) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
  IF report IS NULL OR jsonb_typeof(report) <> 'array' THEN
    PERFORM sluice_private.fail('SL005', 'the report is not a list', NULL, 'give [{"path", "severity", "rule", "message", "fix"}]');
  END IF;
  PERFORM 1 FROM sluice.flow_definitions f WHERE f.id = store_report.flow_id FOR UPDATE;
  IF store_report.key IS DISTINCT FROM (SELECT s.key FROM sluice.validation_subject(store_report.flow_id) AS s) THEN
    RETURN false;
  END IF;
  INSERT INTO sluice_private.flow_reports AS r (flow_id, key, report) VALUES (store_report.flow_id, store_report.key, store_report.report)
  ON CONFLICT (flow_id) DO UPDATE SET key = excluded.key, report = excluded.report, created_at = now();
  RETURN true;
END
$$;
COMMENT ON FUNCTION sluice.store_report(uuid, text, jsonb) IS
  'keeps the whole report that was made of a validation_subject, for validate_flow and publish_flow; false when the draft or the rules changed meanwhile. '
  'Errors: SL001, SL005';

SELECT sluice_private.publish_api('sluice.set_validation_rule(text, text, text, text, text, text)');
SELECT sluice_private.publish_api('sluice.switch_validation_rule(text, boolean)');
SELECT sluice_private.publish_api('sluice.validation_subject(uuid)');
SELECT sluice_private.publish_api('sluice.store_report(uuid, text, jsonb)');
SELECT sluice_private.grant_to('sluice_reader', 'SELECT ON sluice.validation_rules');
