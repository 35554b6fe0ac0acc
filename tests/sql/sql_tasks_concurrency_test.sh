#!/usr/bin/env bash
# Two workers at the head of the same queue: the second neither waits for what the first is running nor runs it again.
set -euo pipefail
sql() { psql -XAtq -v ON_ERROR_STOP=1 "$@"; }
echo "1..2"
check() { if [ "$2" = "$3" ]; then echo "ok - $1"; else echo "not ok - $1: got $2, expected $3"; fi; }

sql <<'SQL'
CREATE TABLE public.ran (n int);
CREATE FUNCTION public.count_up(job jsonb) RETURNS void LANGUAGE sql AS $$INSERT INTO public.ran VALUES ((job ->> 'n')::int)$$;
SELECT sluice.enqueue('sql', jsonb_build_object('function', 'public.count_up', 'argument', jsonb_build_object('n', n))) FROM generate_series(1, 4) AS n;
SQL
run_two="SELECT count(*) FROM sluice_private.run_due_sql_tasks('public.count_up', current_user::text, 2, '-infinity')"

PGAPPNAME=first psql -XAtq -c "BEGIN" -c "$run_two" -c "SELECT pg_sleep(30)" -c "COMMIT" >/dev/null 2>&1 &
first=$!
for _ in {1..300}; do
  [ "$(sql -c "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'first' AND wait_event = 'PgSleep'")" = 1 ] && break
  sleep 0.05
done
check "the next two run while the first two are under way" "$(sql -c "$run_two" 2>&1)" 2
sql -c "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'first'" >/dev/null
wait "$first" || true
sql -c "$run_two" >/dev/null
check "each ran once, those of the first when it had failed" "$(sql -c "SELECT string_agg(n::text, ' ' ORDER BY n) FROM public.ran")" "1 2 3 4"
