-- Subscribing: endpoints, their options and their secrets. The URL's address is judged when something is sent, not here.

CREATE OR REPLACE FUNCTION sluice_private.check_url(p_url text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  why text := CASE
    WHEN p_url IS NULL THEN 'it is null'
    WHEN length(p_url) > 2000 THEN 'it is longer than 2000 characters'
    WHEN p_url ~ '[[:space:][:cntrl:]]' THEN 'it contains white space or control characters'
    WHEN p_url !~* '^https?://' THEN 'it does not begin with https:// or http://'
    WHEN p_url !~* '^https?://[^/?#]+' THEN 'it has no host'
    WHEN p_url ~* '^https?://[^/?#]*@' THEN 'it contains a user name or password'
    WHEN p_url ~ '#' THEN 'it contains a fragment'
    WHEN p_url !~* '^https?://([^][/?#@:]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?([/?]|$)' THEN 'host or port is malformed' END;
BEGIN
  IF why IS NOT NULL THEN
    PERFORM sluice_private.fail('SL005', format('bad endpoint url: %s', why), NULL, 'give an absolute URL such as https://hooks.example.com/sluice');
  END IF;
END $$;
COMMENT ON FUNCTION sluice_private.check_url(text) IS 'SL005 unless the text is an absolute http or https URL without credentials';
SELECT sluice_private.hide('sluice_private.check_url(text)');

CREATE OR REPLACE FUNCTION sluice_private.check_headers(p_headers jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  h record;
BEGIN
  IF jsonb_typeof(p_headers) <> 'object' THEN
    PERFORM sluice_private.fail('SL005', 'option headers is not an object', NULL, 'give {"name": "value"}');
  END IF;
  FOR h IN SELECT key, value FROM jsonb_each(p_headers) LOOP
    IF h.key !~ '^[A-Za-z0-9!#$%&''*+.^_`|~-]{1,100}$' OR jsonb_typeof(h.value) <> 'string' OR h.value #>> '{}' ~ '[\x01-\x08\x0a-\x1f\x7f]'
       OR octet_length(h.value #>> '{}') > 8192 THEN
      PERFORM sluice_private.fail('SL005', format('bad header %L', h.key), NULL,
        'names are HTTP tokens; values are strings of up to 8192 bytes without control characters');
    END IF;
    IF lower(h.key) ~ '^(webhook-.*|x-webhook-signature|host|content-length|transfer-encoding|connection|keep-alive|te|trailer|upgrade|http2-settings|proxy-.*|expect)$' THEN
      PERFORM sluice_private.fail('SL005', format('header %L cannot be set', h.key), NULL, 'it belongs to the connection or to the signature');
    END IF;
  END LOOP;
END $$;
COMMENT ON FUNCTION sluice_private.check_headers(jsonb) IS 'SL005 unless each header may be sent along';
SELECT sluice_private.hide('sluice_private.check_headers(jsonb)');

CREATE OR REPLACE FUNCTION sluice_private.check_schedule(p_schedule jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  good boolean := CASE jsonb_typeof(p_schedule)
    WHEN 'array' THEN jsonb_array_length(p_schedule) BETWEEN 1 AND 100
      AND NOT EXISTS (SELECT FROM jsonb_array_elements(p_schedule) AS e (delay)
                       WHERE CASE jsonb_typeof(e.delay) WHEN 'number' THEN e.delay::numeric NOT BETWEEN 0 AND 2592000 ELSE true END)
    WHEN 'object' THEN p_schedule ?& ARRAY['base', 'factor', 'max', 'attempts']
      AND (SELECT count(*) = 4 AND bool_and(jsonb_typeof(value) = 'number') FROM jsonb_each(p_schedule))
    ELSE false END;
BEGIN
  IF good AND jsonb_typeof(p_schedule) = 'object' THEN
    good := (p_schedule ->> 'base')::numeric BETWEEN 0 AND 2592000 AND (p_schedule ->> 'factor')::numeric BETWEEN 1 AND 100
        AND (p_schedule ->> 'max')::numeric BETWEEN 0 AND 2592000 AND (p_schedule ->> 'attempts')::numeric BETWEEN 1 AND 1000;
  END IF;
  IF NOT good THEN
    PERFORM sluice_private.fail('SL005', format('bad retry_schedule %s', p_schedule), NULL,
      'give a list of 1 to 100 delays in seconds, or {"base": s, "factor": f, "max": s, "attempts": n}');
  END IF;
END $$;
COMMENT ON FUNCTION sluice_private.check_schedule(jsonb) IS 'SL005 unless the value is a list of delays or the exponential form';
SELECT sluice_private.hide('sluice_private.check_schedule(jsonb)');

-- 32 random bytes: the hash of 366 random bits from the server's strong generator.
CREATE OR REPLACE FUNCTION sluice_private.new_secret() RETURNS text
LANGUAGE sql VOLATILE
RETURN 'whsec_' || encode(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 'base64');
COMMENT ON FUNCTION sluice_private.new_secret() IS 'a signing secret in the form of Standard Webhooks';
SELECT sluice_private.hide('sluice_private.new_secret()');

CREATE OR REPLACE FUNCTION sluice_private.secret_kind(p_secret text) RETURNS text
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  digits text := substr(p_secret, position('_' IN p_secret) + 1);
  bytes bytea;
  size int := 0;
BEGIN
  IF p_secret !~ '^wh(sec|sk)_' THEN
    IF length(p_secret) = 0 OR length(p_secret) > 1000 THEN
      PERFORM sluice_private.fail('SL005', 'a secret has 1 to 1000 characters', NULL, 'leave it out to have one made');
    END IF;
    RETURN 'legacy';
  END IF;
  BEGIN
    bytes := decode(digits, 'base64');
    -- decode() passes over blanks and bits that no encoder leaves behind; who signs and who verifies may not.
    size := CASE translate(encode(bytes, 'base64'), E'\n', '') WHEN digits THEN length(bytes) ELSE 0 END;
  EXCEPTION WHEN invalid_parameter_value THEN
    NULL;
  END;
  IF p_secret ~ '^whsec_' AND size BETWEEN 24 AND 64 THEN
    RETURN 'hmac';
  ELSIF p_secret ~ '^whsk_' AND size = 64 THEN
    RETURN 'ed25519';
  END IF;
  PERFORM sluice_private.fail('SL005', 'malformed secret', NULL,
    'whsec_ is followed by 24 to 64 bytes, whsk_ by 64 bytes (seed and public key), both in base64 without blanks or line breaks');
END $$;
COMMENT ON FUNCTION sluice_private.secret_kind(text) IS 'hmac, ed25519 or legacy; SL005 if malformed';
SELECT sluice_private.hide('sluice_private.secret_kind(text)');

CREATE OR REPLACE FUNCTION sluice.subscribe(
  url text, events text[] DEFAULT '{*}', secret text DEFAULT NULL, options jsonb DEFAULT '{}',
  OUT endpoint_id uuid, OUT signing_secret text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
  bad text;
  given jsonb := coalesce(options, '{}');
  kind text;
  lifetime interval;
BEGIN
  PERFORM sluice_private.check_url(url);
  PERFORM sluice_private.check_patterns(events);
  IF jsonb_typeof(given) <> 'object' THEN
    PERFORM sluice_private.fail('SL005', 'options is not an object', NULL, 'give {"option": value}');
  END IF;
  SELECT string_agg(quote_literal(o.key), ', ') INTO bad FROM jsonb_object_keys(given) AS o (key)
   WHERE o.key <> ALL (ARRAY['flow_id', 'filter', 'headers', 'timeout', 'retry_schedule', 'max_in_flight', 'rate_limit', 'ordering',
                             'client_certificate', 'payload_version', 'max_age', 'description', 'enabled', 'validation']);
  IF bad IS NOT NULL THEN
    PERFORM sluice_private.fail('SL005', format('unknown option %s', bad), NULL, 'known: flow_id, filter, headers, timeout, retry_schedule, '
      'max_in_flight, rate_limit, ordering, client_certificate, payload_version, max_age, description, enabled, validation');
  END IF;
  given := jsonb_strip_nulls(given - 'headers' - 'retry_schedule') || coalesce(jsonb_build_object('headers', given -> 'headers'), '{}')
           || coalesce(jsonb_build_object('retry_schedule', given -> 'retry_schedule'), '{}');
  IF jsonb_typeof(given -> 'headers') <> 'null' THEN
    PERFORM sluice_private.check_headers(given -> 'headers');
  END IF;
  IF jsonb_typeof(given -> 'retry_schedule') <> 'null' THEN
    PERFORM sluice_private.check_schedule(given -> 'retry_schedule');
  END IF;
  signing_secret := coalesce(secret, sluice_private.new_secret());
  kind := sluice_private.secret_kind(signing_secret);
  BEGIN
    lifetime := coalesce(CASE jsonb_typeof(given -> 'max_age') WHEN 'number' THEN (given ->> 'max_age')::float8 * interval '1 second'
                                                               ELSE (given ->> 'max_age')::interval END, '7 days');
    IF lifetime <= interval '0' OR (given ->> 'rate_limit')::float8 NOT BETWEEN 0.0001 AND 1000000 THEN
      RAISE check_violation USING MESSAGE = 'max_age or rate_limit is out of range';
    END IF;
    INSERT INTO sluice.webhook_endpoints AS e
           (url, events, flow_id, filter, headers, timeout_seconds, retry_schedule, max_in_flight, rate_limit, ordering, client_certificate,
            payload_version, max_age, description, enabled, disabled_reason, validation, validation_due, since)
    VALUES (url, events, (given ->> 'flow_id')::uuid, (given ->> 'filter')::jsonpath, coalesce(nullif(given -> 'headers', 'null'), '{}'),
            coalesce((given ->> 'timeout')::smallint, 15),
            coalesce(nullif(given -> 'retry_schedule', 'null'), '[0, 5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400]'),
            coalesce((given ->> 'max_in_flight')::int, 8), (given ->> 'rate_limit')::float8, coalesce(given ->> 'ordering', 'none'),
            given ->> 'client_certificate', coalesce((given ->> 'payload_version')::smallint, 2),
            lifetime,
            given ->> 'description', coalesce((given ->> 'enabled')::boolean, true) AND NOT coalesce((given ->> 'validation')::boolean, false),
            CASE WHEN (given ->> 'validation')::boolean THEN 'waits for its validation' END, CASE WHEN (given ->> 'validation')::boolean THEN 'pending' END,
            CASE WHEN (given ->> 'validation')::boolean THEN clock_timestamp() END, sluice_private.present())
    RETURNING e.id INTO endpoint_id;
  EXCEPTION WHEN data_exception OR check_violation OR syntax_error THEN
    PERFORM sluice_private.fail('SL005', format('bad option: %s', SQLERRM), NULL, 'timeout 1–30 s, max_in_flight 1–1000, rate_limit 0.0001–1000000 a second, '
      'ordering none, session or endpoint, payload_version 1 or 2, filter a jsonpath predicate, max_age seconds or an interval above 0');
  END;
  INSERT INTO sluice.webhook_secrets AS s (endpoint_id, kind, secret) VALUES (endpoint_id, kind, signing_secret);
  INSERT INTO sluice_private.lanes AS l (endpoint_id) VALUES (endpoint_id);
  PERFORM pg_notify('sluice_wake', 'lanes');
END $$;
COMMENT ON FUNCTION sluice.subscribe(text, text[], text, jsonb) IS
  'sends events that commit from now on to a URL; returns the endpoint and its signing secret, which is not shown again';
SELECT sluice_private.publish_api('sluice.subscribe(text, text[], text, jsonb)');

-- Lane first, then endpoint: the order in which everything locks them. SL005 if there is no such endpoint.
CREATE OR REPLACE FUNCTION sluice_private.lock_endpoint(p_endpoint uuid) RETURNS sluice.webhook_endpoints
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  e sluice.webhook_endpoints;
BEGIN
  PERFORM FROM sluice_private.lanes l WHERE l.endpoint_id = p_endpoint FOR NO KEY UPDATE;
  SELECT * INTO e FROM sluice.webhook_endpoints w WHERE w.id = p_endpoint FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    PERFORM sluice_private.fail('SL005', format('unknown endpoint %s', coalesce(p_endpoint::text, 'null')), NULL, 'see sluice.endpoint_overview');
  END IF;
  RETURN e;
END $$;
COMMENT ON FUNCTION sluice_private.lock_endpoint(uuid) IS 'locks an endpoint with its lane and returns it';
SELECT sluice_private.hide('sluice_private.lock_endpoint(uuid)');

CREATE OR REPLACE FUNCTION sluice.unsubscribe(endpoint_id uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM sluice_private.audit('unsubscribe', format('endpoint %s', endpoint_id));
  PERFORM sluice_private.lock_endpoint(endpoint_id);
  DELETE FROM sluice.webhook_deliveries d WHERE d.endpoint_id = unsubscribe.endpoint_id;
  DELETE FROM sluice.webhook_endpoints e WHERE e.id = unsubscribe.endpoint_id;
  PERFORM pg_notify('sluice_wake', 'lanes');
END $$;
COMMENT ON FUNCTION sluice.unsubscribe(uuid) IS 'removes an endpoint, its secrets and what was still to be sent; its attempts stay in the log';
SELECT sluice_private.publish_api('sluice.unsubscribe(uuid)');

CREATE OR REPLACE FUNCTION sluice.rotate_secret(endpoint_id uuid, overlap interval DEFAULT '24 hours') RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  now timestamptz := clock_timestamp();
  made text := sluice_private.new_secret();
BEGIN
  PERFORM sluice_private.audit('rotate_secret', format('endpoint %s', endpoint_id));
  PERFORM sluice_private.lock_endpoint(endpoint_id);
  IF overlap IS NULL OR overlap < interval '0' OR overlap > interval '7 days' THEN
    PERFORM sluice_private.fail('SL005', format('bad overlap %s', coalesce(overlap::text, 'null')), NULL, 'give 0 to 7 days');
  END IF;
  IF (SELECT count(*) FROM sluice.webhook_secrets s
       WHERE s.endpoint_id = rotate_secret.endpoint_id AND coalesce(s.valid_until, 'infinity') > now) >= 10 AND overlap > interval '0' THEN
    PERFORM sluice_private.fail('SL005', 'the endpoint has 10 valid secrets already', NULL, 'rotate with overlap 0, or wait until some have ended');
  END IF;
  IF (SELECT s.kind FROM sluice.webhook_secrets s WHERE s.endpoint_id = rotate_secret.endpoint_id ORDER BY s.id DESC LIMIT 1) = 'ed25519' THEN
    PERFORM sluice_private.fail('SL005', 'an Ed25519 key cannot be made in the database', NULL, 'use: sluice endpoints rotate');
  END IF;
  UPDATE sluice.webhook_secrets s SET valid_until = least(s.valid_until, now + overlap) WHERE s.endpoint_id = rotate_secret.endpoint_id;
  INSERT INTO sluice.webhook_secrets (endpoint_id, kind, secret) VALUES (endpoint_id, 'hmac', made);
  PERFORM pg_notify('sluice_wake', 'lanes'); -- a notifier encrypts it
  RETURN made;
END $$;
COMMENT ON FUNCTION sluice.rotate_secret(uuid, interval) IS 'makes a new signing secret and returns it; older ones sign too until the overlap ends';
SELECT sluice_private.publish_api('sluice.rotate_secret(uuid, interval)');

CREATE OR REPLACE FUNCTION sluice.disable_endpoint(endpoint_id uuid, reason text DEFAULT 'disabled by hand') RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM sluice_private.audit('disable_endpoint', format('endpoint %s', endpoint_id));
  PERFORM sluice_private.lock_endpoint(endpoint_id);
  PERFORM sluice_private.disable_endpoint(endpoint_id, reason);
END $$;
COMMENT ON FUNCTION sluice.disable_endpoint(uuid, text) IS 'stops sending to an endpoint; its events are stored meanwhile';
SELECT sluice_private.publish_api('sluice.disable_endpoint(uuid, text)');
