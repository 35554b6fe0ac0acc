-- Content that messages and questions refer to by id (FLOW 6), edited apart from flows and without publishing.

CREATE TABLE sluice.cms_content (
  content_id text PRIMARY KEY CHECK (content_id <> '' AND length(content_id) <= 255),
  type text NOT NULL DEFAULT 'text',
  content jsonb NOT NULL CHECK (jsonb_typeof(content) = 'object'),
  is_active boolean NOT NULL DEFAULT true,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE sluice.cms_content IS 'what a message or question with a content_id shows; workers see a change within a second';
COMMENT ON COLUMN sluice.cms_content.content_id IS 'as flows name it';
COMMENT ON COLUMN sluice.cms_content.type IS 'the message''s type: text, image, book_list …';
COMMENT ON COLUMN sluice.cms_content.content IS 'the message''s members, templates included: {"text": "Hello {{user.name}}"}';
COMMENT ON COLUMN sluice.cms_content.is_active IS 'false: a flow that asks for it gets an error, as if it did not exist';
COMMENT ON COLUMN sluice.cms_content.created_at IS 'when it was made';
COMMENT ON COLUMN sluice.cms_content.updated_at IS 'when its editor last changed it';

CREATE TABLE sluice.cms_content_variants (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  content_id text NOT NULL REFERENCES sluice.cms_content ON DELETE CASCADE ON UPDATE CASCADE,
  name text NOT NULL,
  weight float8 NOT NULL DEFAULT 1 CHECK (weight >= 0 AND weight < 'Infinity'),
  condition jsonb,
  content jsonb NOT NULL CHECK (jsonb_typeof(content) = 'object'),
  is_active boolean NOT NULL DEFAULT true,
  UNIQUE (content_id, name)
);
COMMENT ON TABLE sluice.cms_content_variants IS 'alternatives of a content: one is drawn by weight for a session and stays with it';
COMMENT ON COLUMN sluice.cms_content_variants.id IS 'row id';
COMMENT ON COLUMN sluice.cms_content_variants.content_id IS 'of what';
COMMENT ON COLUMN sluice.cms_content_variants.name IS 'what a session remembers';
COMMENT ON COLUMN sluice.cms_content_variants.weight IS 'share of the draw among those whose condition holds';
COMMENT ON COLUMN sluice.cms_content_variants.condition IS 'null: always; else a condition as in a flow, or a CEL text';
COMMENT ON COLUMN sluice.cms_content_variants.content IS 'merged over the content''s';
COMMENT ON COLUMN sluice.cms_content_variants.is_active IS 'false: not drawn any more';
