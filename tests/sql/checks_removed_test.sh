#!/usr/bin/env bash
# Takes one check at a time out of commit_steps and sees that steps_test.sql notices.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
names=("the claim token of the session's task" "the revision" "the wait key" "the status" "the claim token of the task that ends" "the queue of inputs behind a task")
from=("WHERE k.id = g.id AND k.claim_token = g.token OFFSET" "AND c.revision = revisions[g.place] AND c.status" "AND (wait_keys[g.place] = c.wait ->> 'key' OR g.kind = 'input' OR g.kind = 'timer' AND g.key = 'session')
    RETURNING" "c.revision = revisions[g.place] AND c.status = 'active'" "WHERE t.id = ANY (ARRAY[g.id]) AND t.claim_token = g.token AND g.place > in_front" "IF ready IS NOT NULL AND EXISTS")
to=("WHERE k.id = g.id OFFSET" "AND c.status" "
    RETURNING" "c.revision = revisions[g.place]" "WHERE t.id = ANY (ARRAY[g.id]) AND g.place > in_front" "IF false AND EXISTS")
echo "1..$((${#names[@]} + 1))"
run_steps() { psql -XAtq -f "$here/steps_test.sql" 2>&1 | grep -cE '^not ok|ERROR:|^psql:' || true; }
original="$(psql -XAtqc "SELECT pg_get_functiondef('sluice_private.commit_steps'::regproc)")"
if [ "$(run_steps)" = 0 ]; then echo "ok - all is well with the checks in place"; else echo "not ok - steps_test.sql fails already"; fi
for i in "${!names[@]}"; do
  changed="${original/"${from[$i]}"/"${to[$i]}"}"
  if [ "$changed" = "$original" ]; then
    echo "not ok - without ${names[$i]}: the check was not found in commit_steps"
    continue
  fi
  psql -Xqc "$changed"
  if [ "$(run_steps)" -gt 0 ]; then echo "ok - without ${names[$i]} the tests fail"; else echo "not ok - nobody misses ${names[$i]}"; fi
done
psql -Xqc "$original"
