-- The OPTIONS handshake by which a receiver says that it wants to be called (CloudEvents, "HTTP 1.1 Web Hooks for Event Delivery", 4).

-- Postpones the next attempt while it is handed out, so that a notifier that dies in between costs a minute and no more.
CREATE OR REPLACE FUNCTION sluice_private.take_validations(p_process bigint)
RETURNS TABLE (endpoint_id uuid, url text, headers text, timeout_seconds int, client_certificate text, attempt int)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  UPDATE sluice.webhook_endpoints e SET validation_attempt = e.validation_attempt + 1, validation_due = clock_timestamp() + interval '1 minute'
    FROM (SELECT w.id FROM sluice.webhook_endpoints w JOIN sluice_private.lanes l ON l.endpoint_id = w.id
           WHERE w.validation = 'pending' AND w.validation_due <= clock_timestamp() AND l.owner = p_process
           ORDER BY w.validation_due LIMIT 20 FOR NO KEY UPDATE OF w SKIP LOCKED) AS due
   WHERE e.id = due.id
  RETURNING e.id, e.url, e.headers::text, e.timeout_seconds::int, e.client_certificate, e.validation_attempt::int
$$;
COMMENT ON FUNCTION sluice_private.take_validations(bigint) IS 'endpoints of the process''s lanes that are to be asked now, with the number of this attempt';
SELECT sluice_private.hide('sluice_private.take_validations(bigint)');

CREATE OR REPLACE FUNCTION sluice_private.end_validation(p_endpoint uuid, p_outcome text, p_error text, p_rate float8, p_delay_ms bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM FROM sluice_private.lanes l WHERE l.endpoint_id = p_endpoint FOR NO KEY UPDATE;
  UPDATE sluice.webhook_endpoints e
     SET validation = p_outcome, validation_error = p_error, updated_at = clock_timestamp(),
         validation_due = CASE p_outcome WHEN 'pending' THEN clock_timestamp() + p_delay_ms * interval '1 ms' END,
         disabled_reason = CASE p_outcome WHEN 'refused' THEN 'not validated: ' || p_error ELSE e.disabled_reason END,
         rate_limit = CASE p_outcome WHEN 'validated' THEN least(e.rate_limit, p_rate) ELSE e.rate_limit END
   WHERE e.id = p_endpoint AND e.validation = 'pending';
  IF FOUND AND p_outcome = 'validated' THEN
    PERFORM sluice.enable_endpoint(p_endpoint, true);
  END IF;
END $$;
COMMENT ON FUNCTION sluice_private.end_validation(uuid, text, text, float8, bigint) IS
  'validated: enables the endpoint and sends what was stored; refused: it stays disabled; pending: it is asked again after the delay';
SELECT sluice_private.hide('sluice_private.end_validation(uuid, text, text, float8, bigint)');
