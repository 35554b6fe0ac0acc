-- What sql tasks are opened with has other results, and what closed them is gone: see sql/api/sql_tasks.sql.
DROP FUNCTION IF EXISTS sluice_private.open_sql_tasks(bigint[], bigint[]);
DROP FUNCTION IF EXISTS sluice_private.close_sql_tasks(bigint[], bigint[], text[]);
