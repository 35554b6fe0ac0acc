-- The console's list of sessions goes by start and id. With the id in the index, thousands that one statement started are not sorted for each page.
CREATE INDEX conversation_sessions_by_start_and_id ON sluice.conversation_sessions (started_at, id);
DROP INDEX sluice.conversation_sessions_by_start;
