#!/usr/bin/env bash
# Two workers decide on one limited queue at the same time: the second, who cannot see what the first has claimed, passes the queue over. Without
# the queue's lock it would claim as many again.
set -euo pipefail
q() { psql -XAtq -v ON_ERROR_STOP=1 "$@"; }
work="$(mktemp -d)"
trap 'exec 7>&- 2>/dev/null || true; wait; rm -rf "$work"' EXIT
mkfifo "$work/in"
psql -XAtq <"$work/in" >/dev/null &
exec 7>"$work/in"
other() { # says something to the first worker and waits until it is done
  printf '%s\n\\! touch %s\n' "$1" "$work/done" >&7
  until [ -e "$work/done" ]; do sleep 0.01; done
  rm "$work/done"
}
claim="SELECT count((task).id) FROM sluice_private.claim_limited((SELECT max(id) FROM sluice_private.processes), 10)"
expect() { if [ "$1" = "$2" ]; then echo "ok - $3"; else echo "not ok - $3: $1, expected $2"; fi; }

q -o /dev/null <<'SQL'
SELECT test.process();
SELECT sluice.limit_queue('narrow', 2);
SELECT sluice.enqueue('http', '{"url": "https://example.org/"}', 'narrow') FROM generate_series(1, 100);
SQL
echo "1..4"
other "BEGIN; $claim;"
expect "$(q -c "$claim")" 0 "while one decides, the other claims nothing"
other 'COMMIT;'
expect "$(q -c "SELECT count(*) FROM sluice_private.tasks WHERE queue = 'narrow' AND claim_token IS NOT NULL")" 2 "the limit was used"

q -o /dev/null <<'SQL'
UPDATE sluice_private.tasks SET claimed_by = NULL, claim_token = NULL;
DELETE FROM sluice_private.limited_runs;
DO $$
DECLARE
  source text := pg_get_functiondef('sluice_private.claim_limited(bigint, int)'::regprocedure);
  step text := 'pg_try_advisory_xact_lock(sluice_private.limits_lock(q.name))';
BEGIN
  IF position(step IN source) = 0 THEN RAISE 'claim_limited has no such step'; END IF;
  EXECUTE replace(source, step, 'true');
END $$;
SQL
other "BEGIN; $claim;"
expect "$(q -c "$claim")" 2 "without the lock both claim"
other 'COMMIT;'
expect "$(q -c "SELECT count(*) FROM sluice_private.tasks WHERE queue = 'narrow' AND claim_token IS NOT NULL")" 4 "and the limit is exceeded"
