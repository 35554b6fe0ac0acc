-- A task's row may follow its session: without a revision of its own it stands for whatever action or webhook task the session waits for, and
-- key, node and revision are those of the session's wait. A worker that takes on one step of a session after another then writes to the
-- session alone. What a row stands for is so told by the session's revision, which everything that moves a session raises.
COMMENT ON COLUMN sluice_private.tasks.revision IS
  'the session''s revision it belongs to; a state patch re-stamps it, its key stays. Null with a session: the row follows that, see commit_steps';
COMMENT ON COLUMN sluice_private.tasks.created_at IS
  'when it was queued, by the clock, not the transaction''s start; of a row that follows its session when the first of its tasks was';
COMMENT ON COLUMN sluice_private.tasks.key IS
  'idempotency key session:node:revision; of a timer the wait key it guards, or session for the session''s own timeout; null in a row that follows its session';

-- It has other parameters and results now: see sql/api/steps.sql.
DROP FUNCTION IF EXISTS sluice_private.commit_steps(bigint, bigint[], bigint[], text[], int[], jsonb[], text[], text[], jsonb[], jsonb[], jsonb[],
  text[], text[], text[], timestamptz[], jsonb[], text[], int[], text[], text[], jsonb[], int);
