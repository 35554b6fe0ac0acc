-- These have another parameter now: see sql/api/webhook_outcomes.sql and webhook_fan_out.sql.
DROP FUNCTION IF EXISTS sluice_private.commit_attempts(
  bigint, bigint[], uuid[], bigint[], text[], bigint[], int[], timestamptz[], int[], int[], text[], text[], bytea[], uuid[], bigint[], jsonb[], text[]);
DROP FUNCTION IF EXISTS sluice_private.message_id(bigint);
