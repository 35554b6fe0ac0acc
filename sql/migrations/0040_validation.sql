-- Validation: the operators' rules, and the reports of those who can evaluate them.

CREATE TABLE sluice.validation_rules (
  name text PRIMARY KEY CHECK (name <> '' AND length(name) <= 255),
  is_active boolean NOT NULL DEFAULT true,
  part text CHECK (part IN ('graph', 'node', 'connection', 'cycle', 'message', 'question', 'condition', 'branch', 'action', 'composite', 'expression',
                            'variable', 'request', 'reference', 'subflow', 'setting')),
  severity text CHECK (severity IN ('ERROR', 'WARNING', 'INFO')),
  expression text,
  message text,
  fix text NOT NULL DEFAULT '',
  updated_at timestamptz NOT NULL DEFAULT now(),
  CHECK (num_nulls(part, severity, expression, message) IN (0, 4))
);
COMMENT ON TABLE sluice.validation_rules IS
  'what operators change about the validation of flows: rules of their own, and built-in rules that are switched off (a name and is_active false)';
COMMENT ON COLUMN sluice.validation_rules.name IS 'the rule id that reports show';
COMMENT ON COLUMN sluice.validation_rules.is_active IS 'false: no rule of this name is asked, built-in ones included';
COMMENT ON COLUMN sluice.validation_rules.part IS 'what the rule is asked of: node, request, message … (docs/validation.md); null: a built-in rule';
COMMENT ON COLUMN sluice.validation_rules.severity IS 'ERROR keeps a flow from being published, WARNING, INFO';
COMMENT ON COLUMN sluice.validation_rules.expression IS 'CEL over it, node, flow and options; true: something is wrong';
COMMENT ON COLUMN sluice.validation_rules.message IS 'what is wrong; {name} is the part''s fact of that name';
COMMENT ON COLUMN sluice.validation_rules.fix IS 'what to do about it';
COMMENT ON COLUMN sluice.validation_rules.updated_at IS 'when it was last changed';

CREATE TABLE sluice_private.flow_reports (
  flow_id uuid PRIMARY KEY REFERENCES sluice.flow_definitions (id) ON DELETE CASCADE,
  key text NOT NULL,
  report jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE sluice_private.flow_reports IS 'the last whole report on a flow''s draft, made by the command line';
COMMENT ON COLUMN sluice_private.flow_reports.flow_id IS 'the flow';
COMMENT ON COLUMN sluice_private.flow_reports.key IS 'of the draft, the rules and the called flows that were judged: the report is good while they are the same';
COMMENT ON COLUMN sluice_private.flow_reports.report IS 'findings: [{"path", "severity", "rule", "message", "fix"}]';
COMMENT ON COLUMN sluice_private.flow_reports.created_at IS 'when it was made';
