-- Partitions of the logs: made ahead of time, dropped whole when they are old.

CREATE OR REPLACE FUNCTION sluice_private.ensure_partitions() RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '3s' SET timezone = 'UTC' AS $$
DECLARE
  wanted record;
  old record;
  changed int := 0;
BEGIN
  -- One at a time; who comes second finds nothing left to do.
  PERFORM pg_advisory_xact_lock(hashtextextended('sluice_private.ensure_partitions', 0));

  FOR wanted IN
    SELECT l.log, split_part(l.log, '.', 1) AS log_schema, split_part(l.log, '.', 2) AS log_table, p.starts, p.starts + l.step AS ends,
           split_part(l.log, '.', 2) || '_' || to_char(p.starts, CASE WHEN l.step < interval '1 day' THEN 'YYYYMMDD_HH24' ELSE 'YYYYMMDD' END) AS name,
           (SELECT a.attname FROM pg_partitioned_table t JOIN pg_attribute a ON a.attrelid = t.partrelid AND a.attnum = t.partattrs[0]
             WHERE t.partrelid = l.log::regclass) AS key_column
      FROM sluice_private.partitioned_logs l
      CROSS JOIN LATERAL (
        SELECT date_bin(l.step, now(), timestamptz '2001-01-01 00:00+00') + n * l.step AS starts FROM generate_series(0, l.ahead) AS n) AS p
     WHERE to_regclass(l.log) IS NOT NULL
  LOOP
    CONTINUE WHEN to_regclass(format('%I.%I', wanted.log_schema, wanted.name)) IS NOT NULL;
    -- Attaching instead of creating in place leaves writers of the other partitions alone. Rows that the default partition caught move.
    EXECUTE format('CREATE TABLE %I.%I (LIKE %s INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE INCLUDING COMPRESSION)',
                   wanted.log_schema, wanted.name, wanted.log);
    EXECUTE format('COMMENT ON TABLE %I.%I IS %L', wanted.log_schema, wanted.name,
                   format('%s from %s to %s', wanted.log, wanted.starts, wanted.ends));
    EXECUTE format('LOCK TABLE %I.%I IN ACCESS EXCLUSIVE MODE', wanted.log_schema, wanted.log_table || '_default');
    EXECUTE format('WITH caught AS (DELETE FROM %1$I.%2$I WHERE %3$I >= %5$L AND %3$I < %6$L RETURNING *) INSERT INTO %1$I.%4$I SELECT * FROM caught',
                   wanted.log_schema, wanted.log_table || '_default', wanted.key_column, wanted.name, wanted.starts, wanted.ends);
    EXECUTE format('ALTER TABLE %s ATTACH PARTITION %I.%I FOR VALUES FROM (%L) TO (%L)',
                   wanted.log, wanted.log_schema, wanted.name, wanted.starts, wanted.ends);
    changed := changed + 1;
  END LOOP;

  FOR old IN
    SELECT c.oid::regclass AS partition
      FROM sluice_private.partitioned_logs l
      JOIN pg_inherits i ON i.inhparent = to_regclass(l.log)
      JOIN pg_class c ON c.oid = i.inhrelid
      CROSS JOIN LATERAL substring(pg_get_expr(c.relpartbound, c.oid) FROM 'TO \(''([^'']+)''\)') AS bound (ends)
     WHERE l.retention IS NOT NULL AND bound.ends::timestamptz < now() - l.retention
  LOOP
    EXECUTE format('DROP TABLE %s', old.partition);
    changed := changed + 1;
  END LOOP;
  RETURN changed;
END
$$;
COMMENT ON FUNCTION sluice_private.ensure_partitions() IS
  'makes the partitions of all partitioned_logs that will be needed and drops those whose retention is over; returns how many tables changed. '
  'Call hourly from any daemon; it gives up with 55P03 after waiting 3 s for a lock, to be called again later';

SELECT sluice_private.hide('sluice_private.ensure_partitions()');
SELECT sluice_private.ensure_partitions();
