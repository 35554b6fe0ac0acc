-- What workers/breaker.h asks; the rules are in sql/api/circuit_breakers.sql.

-- name: load_breakers
-- → breaker text, state text, wait_ms bigint: all that are not well, a handful of rows
SELECT b.key AS breaker, b.state, greatest(ceil(extract(epoch FROM b.open_until - clock_timestamp()) * 1000), 0)::bigint AS wait_ms
  FROM sluice.circuit_breakers b WHERE b.state <> 'closed' OR b.forget_at > clock_timestamp();

-- name: admit_call
-- $1 process bigint, $2 breaker text, $3 the call's timeout in ms bigint → verdict text (go, probe, wait), wait_ms bigint
SELECT verdict, wait_ms FROM sluice_private.admit_call($1, $2, $3 * interval '1 ms');

-- name: report_calls
-- $1 breakers text[], $2 processes of probes bigint[], $3 good boolean[], $4 failures int[], $5 windows int[], $6 spans in ms bigint[],
-- $7 open in ms bigint[] → as load_breakers, the breakers named
SELECT breaker, state, wait_ms
  FROM sluice_private.report_calls($1, $2, $3, $4, $5,
                                   (SELECT array_agg(d.ms * interval '1 ms' ORDER BY d.place) FROM unnest($6::bigint[]) WITH ORDINALITY AS d (ms, place)),
                                   (SELECT array_agg(d.ms * interval '1 ms' ORDER BY d.place) FROM unnest($7::bigint[]) WITH ORDINALITY AS d (ms, place)));
