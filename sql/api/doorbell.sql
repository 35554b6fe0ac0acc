-- The doorbell: how processes sleep without polling and writers wake them without a NOTIFY per change (DESIGN 4).
--
-- Flags: events (listeners), tasks (workers), deliveries (notifiers): sequences sluice.<flag>_awake. 0 = somebody polls,
-- anything else = notify. Channel sluice_wake; the payload names the flag. Payload "lanes" tells notifiers that
-- an endpoint was made or changed.
--
-- Writer (trigger, enqueue, fan-out), in this order:
--   1. write its rows; this gives the transaction its xid;
--   2. read the flag (sluice_private.ring); if it is not 0, pg_notify('sluice_wake', flag), delivered at commit.
--
-- Sleeper (listener, worker, notifier), each numbered step a transaction of its own, on one connection:
--   1. LISTEN sluice_wake, before the first poll of this connection.
--   2. HOT: poll every 0.5–2 ms while there was work recently. On entering HOT, for whatever reason, run
--      lower_flag(flag) once (it may be sent behind the first poll). Ignore notifications, except that after one
--      lower_flag must run once more: another process may have declared meanwhile.
--   3. DECLARE, when nothing was found for a while (20 ms is enough): raise_flag(flag). Then, in a second transaction,
--      B := pg_current_xact_id(). In one transaction B would be older than the flag, and a writer between them lost.
--   4. DRAIN: poll until a poll that found nothing reports xmin >= B: each writer that read 0 had its xid before B and
--      is over now. Work or a notification: back to 2. While an old writer keeps xmin below B, poll at growing
--      distances (2 ms to 50 ms); later writers notify.
--   5. IDLE: wait on the socket. A notification of the flag: read what there is; the flag stays up, so whatever commits later is
--      notified; then wait again. More notifications meanwhile, or three polls in a row that find something: back to 2. (A listener lets its
--      consumers read at once and polls for itself 20 ms later: docs/decisions/0012.) After 1 s: poll (heartbeat); if it finds work, count sluice_<flag>_found_by_heartbeat_total when the flag was not 0 at that time,
--      then back to 2.
--   After a reconnect: start at 1 and read the cursor again.
--
-- Several processes. Lowering the flag from non-zero to 0 for events or deliveries notifies the others by payload <flag>:awake,
-- because each of them has consumers or lanes that nobody else looks at: whoever hears it goes to 2, so all are awake or asleep
-- together. A flag that is 0 already notifies nobody, so this does not go round in circles. Tasks are for any worker, so
-- there a wake-up is not spread: a worker that claims a full batch calls ring('tasks') as its scout's duty.
--
-- kill -9 of a HOT process leaves its flag at 0 with nobody polling. Writers do not notify then, so processes that are IDLE at
-- that moment find new work by their heartbeat, within 1 s, and with the flag at 0 it is not counted as missed; what they find
-- makes them HOT, and the protocol is whole again. When all processes are dead nothing needs waking: the first that starts polls.
-- A server crash may restore an older flag; all connections are lost with it, and every process begins at 1.
--
-- wake = poll, for poolers without LISTEN and for applications that use PREPARE TRANSACTION (which refuses a transaction that
-- notified): lower the flag, never raise it, and poll at a fixed distance. All processes must do so: one that sleeps raises the flag.

CREATE OR REPLACE FUNCTION sluice_private.ring(p_flag text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF pg_sequence_last_value(('sluice.' || p_flag || '_awake')::regclass) IS DISTINCT FROM 0 THEN
    PERFORM pg_notify('sluice_wake', p_flag);
  END IF;
END $$;
COMMENT ON FUNCTION sluice_private.ring(text) IS 'wakes the sleepers of a flag unless somebody polls; call it after writing, never before';
SELECT sluice_private.hide('sluice_private.ring(text)');

CREATE OR REPLACE FUNCTION sluice_private.ring_tasks() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF pg_sequence_last_value('sluice.tasks_awake'::regclass) IS DISTINCT FROM 0 THEN
    PERFORM pg_notify('sluice_wake', 'tasks');
  END IF;
END $$;
COMMENT ON FUNCTION sluice_private.ring_tasks() IS 'ring(''tasks'') for hot paths: the flag is a constant of the plan';
SELECT sluice_private.hide('sluice_private.ring_tasks()');

CREATE OR REPLACE FUNCTION sluice_private.lower_flag(p_flag text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  flag regclass := ('sluice.' || p_flag || '_awake')::regclass;
BEGIN
  IF pg_sequence_last_value(flag) = 0 THEN
    RETURN false;
  END IF;
  PERFORM setval(flag, 0);
  IF p_flag <> 'tasks' THEN
    PERFORM pg_notify('sluice_wake', p_flag || ':awake');
  END IF;
  RETURN true;
END $$;
COMMENT ON FUNCTION sluice_private.lower_flag(text) IS 'says "I poll"; true if the flag was up, and then the other sleepers are woken too';
SELECT sluice_private.hide('sluice_private.lower_flag(text)');

CREATE OR REPLACE FUNCTION sluice_private.raise_flag(p_flag text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM setval(('sluice.' || p_flag || '_awake')::regclass, 1);
END $$;
COMMENT ON FUNCTION sluice_private.raise_flag(text) IS 'says "notify me"; take B = pg_current_xact_id() in a later transaction and drain before sleeping';
SELECT sluice_private.hide('sluice_private.raise_flag(text)');
