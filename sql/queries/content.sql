-- Content by id, in the shape that the engine takes (core/flow/engine.h, ContentSource).

-- name: load_content
-- $1 content ids text[], $2 how ids begin that a step will make of a template text[] → content_id text, content text
-- (JSON); those that are active. The condition on $2 alone keeps the whole table from being read for flows without one.
SELECT c.content_id,
       jsonb_build_object('type', c.type, 'content', c.content, 'variants', coalesce(v.variants, '[]'))::text AS content
  FROM sluice.cms_content c
  LEFT JOIN LATERAL (
    SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object('id', w.name, 'weight', w.weight, 'if', w.condition)) ||
                     jsonb_build_object('content', w.content) ORDER BY w.id) AS variants
      FROM sluice.cms_content_variants w WHERE w.content_id = c.content_id AND w.is_active) AS v ON true
 WHERE c.is_active AND c.content_id IN (
         SELECT unnest($1::text[])
         UNION ALL
         SELECT p.content_id FROM sluice.cms_content p WHERE cardinality($2::text[]) > 0 AND p.content_id ^@ ANY ($2::text[]));
