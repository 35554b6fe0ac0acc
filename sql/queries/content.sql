-- Content by id, in the shape that the engine takes (core/flow/engine.h, ContentSource).

-- name: load_content
-- $1 content ids text[] → content_id text, content text (JSON); those that are active
SELECT c.content_id,
       jsonb_build_object('type', c.type, 'content', c.content, 'variants', coalesce(v.variants, '[]'))::text AS content
  FROM sluice.cms_content c
  LEFT JOIN LATERAL (
    SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object('id', w.name, 'weight', w.weight, 'if', w.condition)) ||
                     jsonb_build_object('content', w.content) ORDER BY w.id) AS variants
      FROM sluice.cms_content_variants w WHERE w.content_id = c.content_id AND w.is_active) AS v ON true
 WHERE c.content_id = ANY ($1) AND c.is_active;
