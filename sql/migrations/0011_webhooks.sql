-- Webhook endpoints, messages, deliveries, lanes and the log of attempts (WEBHOOKS).

CREATE TABLE sluice.webhook_endpoints (
  id                 uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
  url                text        NOT NULL,
  events             text[]      NOT NULL DEFAULT '{*}',
  flow_id            uuid,
  filter             jsonpath,
  headers            jsonb       NOT NULL DEFAULT '{}',
  timeout_seconds    smallint    NOT NULL DEFAULT 15 CHECK (timeout_seconds BETWEEN 1 AND 30),
  retry_schedule     jsonb       NOT NULL DEFAULT '[0, 5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400]',
  max_in_flight      int         NOT NULL DEFAULT 8 CHECK (max_in_flight BETWEEN 1 AND 1000),
  rate_limit         float8      CHECK (rate_limit > 0),
  ordering           text        NOT NULL DEFAULT 'none' CHECK (ordering IN ('none', 'session', 'endpoint')),
  client_certificate text,
  payload_version    smallint    NOT NULL DEFAULT 2 CHECK (payload_version IN (1, 2)),
  max_age            interval    NOT NULL DEFAULT '7 days',
  description        text,
  enabled            boolean     NOT NULL DEFAULT true,
  disabled_at        timestamptz,
  disabled_reason    text,
  validation         text        CHECK (validation IN ('pending', 'validated', 'refused')),
  validation_error   text,
  validation_attempt smallint    NOT NULL DEFAULT 0,
  validation_due     timestamptz,
  since              pg_snapshot NOT NULL DEFAULT pg_current_snapshot(),
  created_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
  created_by         name        NOT NULL DEFAULT session_user
);
COMMENT ON TABLE sluice.webhook_endpoints IS 'subscribers: where to send which events, and within what limits';
COMMENT ON COLUMN sluice.webhook_endpoints.rate_limit IS 'requests per second; null = unlimited';
COMMENT ON COLUMN sluice.webhook_endpoints.retry_schedule IS 'seconds before each attempt, or {"base", "factor", "max", "attempts"}';
COMMENT ON COLUMN sluice.webhook_endpoints.client_certificate IS 'name of the credential that holds the TLS client certificate and key';
COMMENT ON COLUMN sluice.webhook_endpoints.validation IS 'state of the OPTIONS handshake, null when none was asked for; until it is validated the endpoint is disabled';
COMMENT ON COLUMN sluice.webhook_endpoints.validation_due IS 'when a notifier may ask (again)';
CREATE INDEX webhook_endpoints_unvalidated ON sluice.webhook_endpoints (validation_due) WHERE validation = 'pending';
COMMENT ON COLUMN sluice.webhook_endpoints.max_age IS 'a delivery older than this is dead, however few attempts it had';
COMMENT ON COLUMN sluice.webhook_endpoints.since IS 'events visible in this snapshot were committed before the subscription and are not sent';

CREATE TABLE sluice.webhook_secrets (
  id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  endpoint_id uuid        NOT NULL REFERENCES sluice.webhook_endpoints ON DELETE CASCADE,
  kind        text        NOT NULL CHECK (kind IN ('hmac', 'ed25519', 'legacy')),
  secret      text,
  key_id      text,
  ciphertext  bytea,
  created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  valid_until timestamptz,
  CHECK ((secret IS NULL) <> (ciphertext IS NULL)),
  CHECK ((key_id IS NULL) = (ciphertext IS NULL))
);
CREATE INDEX webhook_secrets_by_endpoint ON sluice.webhook_secrets (endpoint_id, id);
CREATE INDEX webhook_secrets_plain ON sluice.webhook_secrets (id) WHERE secret IS NOT NULL;
COMMENT ON TABLE sluice.webhook_secrets IS 'signing keys, newest signs first; an older one signs until valid_until; not readable by sluice_reader';
COMMENT ON COLUMN sluice.webhook_secrets.kind IS 'hmac = whsec_, ed25519 = whsk_, legacy = any text, for x-webhook-signature alone';
COMMENT ON COLUMN sluice.webhook_secrets.ciphertext IS 'the secret encrypted under key_id (AES-256-GCM: nonce, text, tag; bound to endpoint_id:kind); then secret is null';

CREATE TABLE sluice.webhook_messages (
  no             bigint      NOT NULL,
  created_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  event_id       bigint      NOT NULL,
  session_id     uuid,
  id             text        NOT NULL,
  event_type     text        NOT NULL,
  correlation_id text,
  body           text        NOT NULL,
  PRIMARY KEY (no, created_at)
) PARTITION BY RANGE (created_at);
COMMENT ON TABLE sluice.webhook_messages IS 'event bodies as sent, byte for byte; one row per event and payload version';
COMMENT ON COLUMN sluice.webhook_messages.no IS 'event_id * 4 + payload version; rows of a delivery point here together with created_at';
COMMENT ON COLUMN sluice.webhook_messages.id IS 'the webhook-id header; it starts with no in hexadecimal';
CREATE TABLE sluice.webhook_messages_default PARTITION OF sluice.webhook_messages DEFAULT;

-- A delivery stays here until it ends; then its last row in webhook_attempts is what remains. No row is written when it
-- is claimed: a lane belongs to one notifier at a time, which knows what it has in flight.
CREATE SEQUENCE sluice.webhook_deliveries_id AS bigint;
CREATE TABLE sluice.webhook_deliveries (
  id          bigint      PRIMARY KEY DEFAULT nextval('sluice.webhook_deliveries_id'),
  message_no  bigint      NOT NULL,
  message_at  timestamptz NOT NULL,
  due_at      timestamptz NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  endpoint_id uuid        NOT NULL,
  order_key   uuid,
  lane        smallint    NOT NULL DEFAULT 0 CHECK (lane IN (0, 1, 2)),
  attempt     smallint    NOT NULL DEFAULT 0,
  status      text        NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'held'))
) WITH (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX webhook_deliveries_due ON sluice.webhook_deliveries (endpoint_id, lane, due_at, id);
CREATE INDEX webhook_deliveries_ordered ON sluice.webhook_deliveries (endpoint_id, order_key, id) WHERE order_key IS NOT NULL;
COMMENT ON TABLE sluice.webhook_deliveries IS 'deliveries that are not finished; delivery_overview shows the others too';
COMMENT ON COLUMN sluice.webhook_deliveries.due_at IS 'when the next attempt may be made; infinity = held, or waiting for an earlier one of its order_key';
COMMENT ON COLUMN sluice.webhook_deliveries.order_key IS 'deliveries of one endpoint with the same key go out one after another: the session, or the endpoint itself';
COMMENT ON COLUMN sluice.webhook_deliveries.lane IS '0 = first attempts, 1 = retries, 2 = replays: each is claimed apart';
COMMENT ON COLUMN sluice.webhook_deliveries.attempt IS 'attempts made so far';
COMMENT ON COLUMN sluice.webhook_deliveries.status IS 'held = stored while its endpoint is disabled';

CREATE SEQUENCE sluice_private.lane_tokens AS bigint;
CREATE TABLE sluice_private.lanes (
  endpoint_id   uuid PRIMARY KEY REFERENCES sluice.webhook_endpoints ON DELETE CASCADE,
  owner         bigint,
  token         bigint NOT NULL DEFAULT nextval('sluice_private.lane_tokens'),
  paused_until  timestamptz,
  failing_since timestamptz,
  breaker       jsonb
) WITH (fillfactor = 50);
COMMENT ON TABLE sluice_private.lanes IS 'who sends to an endpoint: one notifier at a time, so caps, order, rate and breaker hold across processes';
COMMENT ON COLUMN sluice_private.lanes.owner IS 'sluice_private.processes.id; the claim is live while that process is';
COMMENT ON COLUMN sluice_private.lanes.token IS 'fences every write of the owner; changes with it';
COMMENT ON COLUMN sluice_private.lanes.failing_since IS 'first failure since the last success';
COMMENT ON COLUMN sluice_private.lanes.breaker IS 'the notifier''s breaker state, kept for its successor';

CREATE TABLE sluice.webhook_attempts (
  created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  delivery_id bigint      NOT NULL,
  message_no  bigint      NOT NULL,
  message_at  timestamptz NOT NULL,
  started_at  timestamptz NOT NULL,
  endpoint_id uuid        NOT NULL,
  duration_ms int         NOT NULL,
  attempt     smallint    NOT NULL,
  status      smallint,
  outcome     text        NOT NULL CHECK (outcome IN ('delivered', 'retry', 'dead')),
  address     text,
  error_class text,
  response    bytea
) PARTITION BY RANGE (created_at);
CREATE INDEX webhook_attempts_by_delivery ON sluice.webhook_attempts (delivery_id);
CREATE INDEX webhook_attempts_failed ON sluice.webhook_attempts (endpoint_id, created_at) WHERE outcome <> 'delivered';
CREATE INDEX webhook_attempts_by_time ON sluice.webhook_attempts USING brin (created_at) WITH (autosummarize = on);
COMMENT ON TABLE sluice.webhook_attempts IS 'append-only log of requests; a row with outcome delivered or dead is the end of its delivery';
COMMENT ON COLUMN sluice.webhook_attempts.status IS 'HTTP status; null when there was no response';
COMMENT ON COLUMN sluice.webhook_attempts.error_class IS 'such as timeout, refused_address, tls, connect; null on success';
COMMENT ON COLUMN sluice.webhook_attempts.response IS 'first 16 KiB of the response body, as bytes';
CREATE TABLE sluice.webhook_attempts_default PARTITION OF sluice.webhook_attempts DEFAULT;
COMMENT ON TABLE sluice.webhook_messages_default IS 'catches what no day has a partition for';
COMMENT ON TABLE sluice.webhook_attempts_default IS 'catches what no day has a partition for';

INSERT INTO sluice_private.partitioned_logs (log, retention) VALUES
  ('sluice.webhook_messages', '30 days'), ('sluice.webhook_attempts', '30 days');
