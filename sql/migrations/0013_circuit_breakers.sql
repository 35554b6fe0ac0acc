-- Circuit breakers: how long a probe has, and when a row has nothing more to say.

ALTER TABLE sluice.circuit_breakers ADD COLUMN probe_until timestamptz, ADD COLUMN forget_at timestamptz NOT NULL DEFAULT now();
COMMENT ON COLUMN sluice.circuit_breakers.probe_until IS 'a probe that was not reported by then is given up, though its process lives';
COMMENT ON COLUMN sluice.circuit_breakers.forget_at IS 'removed from then on, when another row is made; a closed one says nothing any more';
