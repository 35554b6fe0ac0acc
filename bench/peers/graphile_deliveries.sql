-- What graphile-worker's deliveries leave behind, and what is to be delivered: one job for each event and endpoint.
CREATE SCHEMA bench;
CREATE TABLE bench.attempts (endpoint int NOT NULL, message text NOT NULL, started_at timestamptz NOT NULL, status smallint NOT NULL);
CREATE FUNCTION bench.add_deliveries(url text, body text, events int, endpoints int) RETURNS void LANGUAGE sql AS $$
  SELECT graphile_worker.add_job('deliver', json_build_object('endpoint', n, 'url', url || '/' || n, 'id', 'msg_' || e || '_' || n, 'body', body,
                                                              'secret', 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'))
    FROM generate_series(1, events) AS e CROSS JOIN generate_series(1, endpoints) AS n
$$;
