-- The same with what autovacuum leaves behind when it comes between two backlogs: pages, and no row in them.
\set emptied
\ir event_plans_test.sql
