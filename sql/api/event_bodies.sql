-- The JSON texts of events: what receivers get, built once, as text, in the order of WEBHOOKS 1.

-- These run once an event, so they must be inlined: a body may hold nothing less immutable than it says it is itself, and text || uuid is STABLE
-- where text || uuid::text is not.

CREATE OR REPLACE FUNCTION sluice_private.json_text(p_value text) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN coalesce(to_json(p_value)::text, 'null');
COMMENT ON FUNCTION sluice_private.json_text(text) IS 'a JSON string, or null';

CREATE OR REPLACE FUNCTION sluice_private.json_id(p_value uuid) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce('"' || p_value::text || '"', 'null');
COMMENT ON FUNCTION sluice_private.json_id(uuid) IS 'a uuid as JSON string, or null';

CREATE OR REPLACE FUNCTION sluice_private.json_time(p_at timestamptz) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN to_char(p_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');
COMMENT ON FUNCTION sluice_private.json_time(timestamptz) IS 'RFC 3339 in UTC with microseconds';

CREATE OR REPLACE FUNCTION sluice_private.event_body(
  p_type text, p_time text, p_session uuid, p_flow uuid, p_user uuid, p_rest text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN '{"type":"' || p_type || '","event_type":"' || p_type || '","timestamp":"' || p_time
    || '","session_id":' || sluice_private.json_id(p_session) || ',"flow_id":' || sluice_private.json_id(p_flow)
    || ',"user_id":' || sluice_private.json_id(p_user) || p_rest || '}';
COMMENT ON FUNCTION sluice_private.event_body(text, text, uuid, uuid, uuid, text) IS 'the frame that every event shares; rest = further members, each with its comma in front';

CREATE OR REPLACE FUNCTION sluice_private.session_data(
  p_node text, p_old_node text, p_status text, p_old_status text, p_revision int, p_old_revision int, p_path text) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN ',"data":{"current_node":' || sluice_private.json_text(p_node) || ',"previous_node":' || sluice_private.json_text(p_old_node)
    || ',"status":' || sluice_private.json_text(p_status) || ',"previous_status":' || sluice_private.json_text(p_old_status)
    || ',"revision":' || coalesce(p_revision::text, 'null') || ',"previous_revision":' || coalesce(p_old_revision::text, 'null')
    || coalesce(',"path":' || p_path, '') || '}';
COMMENT ON FUNCTION sluice_private.session_data(text, text, text, text, int, int, text) IS
  'the data member of session events; the path is the JSON list of nodes that the step passed, null when no step made the change';

-- The engine notes the revision that it makes and the nodes that it passed (core/flow/run.cpp).
CREATE OR REPLACE FUNCTION sluice_private.path_of(p_info jsonb, p_revision int) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN jsonb_typeof(p_info -> 'path') = 'array' AND p_info #>> '{path,0}' = p_revision::text THEN ((p_info -> 'path') - 0)::text END;
COMMENT ON FUNCTION sluice_private.path_of(jsonb, int) IS 'the nodes that the step passed which made this revision, as JSON text; null when no step made it';

-- Receivers of version 1 predate "type" and read the timestamp as epoch seconds. Both stand first in every body.
CREATE OR REPLACE FUNCTION sluice_private.body_version_1(p_body text, p_at timestamptz) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN regexp_replace(regexp_replace(p_body, '^\{"type":"[^"]*",', '{'),
                      '"timestamp":"[^"]*"', '"timestamp":' || extract(epoch FROM p_at));
COMMENT ON FUNCTION sluice_private.body_version_1(text, timestamptz) IS 'an event body as endpoints with payload_version 1 get it';

CREATE OR REPLACE FUNCTION sluice_private.body_with_id(p_body text, p_id bigint) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN left(p_body, -1) || ',"id":' || p_id || '}';
COMMENT ON FUNCTION sluice_private.body_with_id(text, bigint) IS 'an event body with the event''s id as its last member';

-- pg_notify refuses 8,000 bytes.
CREATE OR REPLACE FUNCTION sluice_private.notify_body(e sluice.flow_events) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE WHEN octet_length(e.body) <= 7900 THEN sluice_private.body_with_id(e.body, e.id)
            ELSE sluice_private.event_body(e.event_type, sluice_private.json_time(e.created_at), e.session_id, e.flow_id, e.user_id,
                                           ',"truncated":true,"id":' || e.id) END;
COMMENT ON FUNCTION sluice_private.notify_body(sluice.flow_events) IS 'the payload of NOTIFY flow_events; large bodies are left out and marked truncated';

SELECT sluice_private.hide('sluice_private.json_text(text)');
SELECT sluice_private.hide('sluice_private.json_id(uuid)');
SELECT sluice_private.hide('sluice_private.json_time(timestamptz)');
SELECT sluice_private.hide('sluice_private.event_body(text, text, uuid, uuid, uuid, text)');
SELECT sluice_private.hide('sluice_private.session_data(text, text, text, text, int, int, text)');
SELECT sluice_private.hide('sluice_private.path_of(jsonb, int)');
SELECT sluice_private.hide('sluice_private.body_version_1(text, timestamptz)');
SELECT sluice_private.hide('sluice_private.body_with_id(text, bigint)');
SELECT sluice_private.hide('sluice_private.notify_body(sluice.flow_events)');
