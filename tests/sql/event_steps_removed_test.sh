#!/usr/bin/env bash
# Each step of reading and trimming is taken out in turn: the scenario that holds with it must break without it. (The doorbell's steps are taken
# out of the model in tests/model.)
set -euo pipefail
q() { psql -XAtq -v ON_ERROR_STOP=1 "$@"; }
work="$(mktemp -d)"
trap 'exec 7>&- 2>/dev/null || true; wait; rm -rf "$work"' EXIT
count=0
failed=0
result() { # holds|broken expected name
  count=$((count + 1))
  if [ "$1" = "$2" ]; then echo "ok $count - $3: $1"; else echo "not ok $count - $3: $1, expected $2"; failed=1; fi
}

q >/dev/null <<'SQL'
CREATE TABLE test.seen (place bigint GENERATED ALWAYS AS IDENTITY, id bigint, event jsonb);
CREATE FUNCTION test.see(events jsonb) RETURNS void LANGUAGE sql AS
  'INSERT INTO test.seen (id, event) SELECT (e ->> ''id'')::bigint, e FROM jsonb_array_elements(events) WITH ORDINALITY AS w (e, n) ORDER BY n';
INSERT INTO sluice.conversation_sessions (flow_id, flow_version_id, session_token) VALUES (gen_random_uuid(), 1, 's');
SELECT sluice.on_event('c', '{*}', 'test.see(jsonb)');
CREATE FUNCTION test.without(f regprocedure, step text, instead text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF position(step IN pg_get_functiondef(f)) = 0 THEN RAISE 'no such step in %: %', f, step; END IF;
  EXECUTE replace(pg_get_functiondef(f), step, instead);
END $$;
CREATE TABLE test.whole AS SELECT p.oid::regprocedure AS f, pg_get_functiondef(p.oid) AS source FROM pg_proc p
 WHERE p.oid IN ('sluice_private.next_events(bigint, int)'::regprocedure,
                 'sluice_private.trim_events()'::regprocedure, 'sluice_private.present()'::regprocedure,
                 'sluice_private.batch_json(sluice.flow_events[])'::regprocedure);
CREATE FUNCTION test.mend() RETURNS void LANGUAGE plpgsql AS $$
DECLARE s text;
BEGIN
  FOR s IN SELECT source FROM test.whole LOOP EXECUTE s; END LOOP;
END $$;
SQL
consumer="(SELECT id FROM sluice.event_consumers WHERE name = 'c')"
read_all() { # bounded: a reader without one of its steps may go round in circles
  for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do
    [ "$(q -c "SELECT more FROM sluice_private.run_sql_handler($consumer, ${1:-100})")" = t ] || break
  done
}
fresh() { read_all; q -c 'TRUNCATE test.seen'; }

# A writer that is open while others commit: `other LINE` says something to it and waits for the answer.
mkfifo "$work/in"
psql -XAtq <"$work/in" >/dev/null &
exec 7>"$work/in"
other() {
  printf '%s\n\\! touch %s\n' "$1" "$work/done" >&7
  until [ -e "$work/done" ]; do sleep 0.01; done
  rm "$work/done"
}
is() { if [ "$(q -c "$1")" = "$2" ]; then echo holds; else echo broken; fi; }

late() { # a commit after the reader has passed by
  fresh
  other "BEGIN; SELECT sluice.emit('late');"
  q -c "SELECT sluice.emit('early')" >/dev/null
  read_all
  other 'COMMIT;'
  read_all
  is "SELECT string_agg(event ->> 'type', ' ' ORDER BY place) FROM test.seen" 'early late'
}
savepoints() { # what was rolled back is never seen, what stayed is, though parts of one transaction
  fresh
  other "BEGIN; SELECT sluice.emit('one'); SAVEPOINT x; SELECT sluice.emit('two'); ROLLBACK TO x; SELECT sluice.emit('three');"
  read_all
  other 'COMMIT;'
  read_all
  is "SELECT string_agg(event ->> 'type', ' ' ORDER BY place) FROM test.seen" 'one three'
}
order() { # the transaction with the smaller id commits the later revision
  fresh
  other 'BEGIN; SELECT pg_current_xact_id();'
  q -c 'UPDATE sluice.conversation_sessions SET revision = revision + 1'
  other 'UPDATE sluice.conversation_sessions SET revision = revision + 1;'
  other 'COMMIT;'
  read_all
  is "SELECT bool_and(r = before + 1) FROM (SELECT (event #>> '{data,revision}')::int AS r, (event #>> '{data,previous_revision}')::int AS p,
      lag((event #>> '{data,revision}')::int, 1, (SELECT min((event #>> '{data,previous_revision}')::int) FROM test.seen)) OVER (ORDER BY place) AS before FROM test.seen) AS w" t
}
gap() { # what commits while a gap is read in pages comes after it, once
  fresh
  q -c "SELECT count(sluice.emit('gap')) FROM generate_series(1, 3)" >/dev/null
  other "BEGIN; SELECT sluice.emit('late');"
  q -c "SELECT count(sluice.emit('gap')) FROM generate_series(1, 3)" >/dev/null
  q -c "SELECT sluice_private.run_sql_handler($consumer, 2)" >/dev/null
  other 'COMMIT;'
  read_all 2
  is "SELECT string_agg(event ->> 'type', ' ' ORDER BY place) FROM test.seen" 'gap gap gap gap gap gap late'
}
trimming() { # the slot whose turn is next holds something that the consumer has not read
  fresh
  q -c "SELECT sluice.emit('unread')" >/dev/null
  for _ in 1 2 3 4 5 6 7 8; do
    q -c "UPDATE sluice_private.event_slots SET opened_at = opened_at - interval '2 days'" -c 'SELECT sluice_private.trim_events()' >/dev/null
  done
  is "SELECT count(*) FROM sluice.flow_events WHERE event_type = 'unread'" 1
}
registration() { # made in a transaction that is older than one that has ended
  fresh
  other 'BEGIN; SELECT pg_current_xact_id();'
  q -c 'SELECT pg_current_xact_id()' >/dev/null
  other "SELECT sluice.off_event('c'); SELECT sluice.on_event('c', '{*}', 'test.see(jsonb)'); SELECT sluice.emit('own');"
  other 'COMMIT;'
  read_all
  is "SELECT string_agg(event ->> 'type', ' ') FROM test.seen" own
}

without() { # scenario function step instead
  result "$($1)" holds "$1"
  q -c "SELECT test.without('$2', \$x\$$3\$x\$, \$x\$$4\$x\$)" >/dev/null
  result "$($1)" broken "$1, without $3"
  q -c 'SELECT test.mend()' >/dev/null
}
reading='sluice_private.next_events(bigint, int)'
without late "$reading" 'xid = ANY (p.seen_xip)' 'false'
result "$(savepoints)" holds savepoints
without order 'sluice_private.batch_json(sluice.flow_events[])' 'ORDER BY e.id' 'ORDER BY e.xid'
without gap "$reading" 'AND pg_visible_in_snapshot(xid, gap_snapshot)' ''
without registration 'sluice_private.present()' 'IF own IS NULL OR' 'IF true OR'
without trimming 'sluice_private.trim_events()' 'IF newest >= held_at THEN' 'IF false THEN'
other "SELECT 1;"
echo "1..$count"
exit "$failed"
