-- Schedules: making, ending and firing them.
--
-- A schedule's next time is a task of kind cron in the queue cron, so workers find it as they find any task: by its due time, claimed once,
-- recovered from a dead worker. Whoever runs it enqueues what is due and puts the next one in its place in one transaction that its
-- token guards: one task for each due time, with any number of workers. schedule and unschedule take the schedule's row first, as firing does.

CREATE OR REPLACE FUNCTION sluice.schedule(name text, cron text, kind text, payload jsonb, time_zone text DEFAULT 'UTC', queue text DEFAULT 'default',
                                           priority int DEFAULT 0, max_attempts int DEFAULT 10, missed text DEFAULT 'skip', enabled boolean DEFAULT true)
RETURNS timestamptz
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
  was sluice.cron_schedules;
  next_time timestamptz;
BEGIN
  IF coalesce(name, '') = '' OR length(name) > 200 THEN
    PERFORM sluice_private.fail('SL005', 'the schedule''s name is empty or longer than 200 characters');
  END IF;
  IF NOT EXISTS (SELECT FROM pg_timezone_names z WHERE lower(z.name) = lower(time_zone)) THEN
    PERFORM sluice_private.fail('SL005', format('time zone %L is unknown', time_zone), NULL, 'give a name as in pg_timezone_names, for example Europe/Berlin');
  END IF;
  IF missed IS NULL OR missed NOT IN ('skip', 'run_once', 'run_all') THEN
    PERFORM sluice_private.fail('SL005', format('missed is %L', missed), NULL, 'what becomes of missed times is skip, run_once or run_all');
  END IF;
  IF sluice_private.cron_next(cron, time_zone, clock_timestamp()) IS NULL THEN
    PERFORM sluice_private.fail('SL005', format('cron expression %L is never due', cron));
  END IF;
  payload := sluice_private.owned_payload(kind, payload);
  PERFORM sluice_private.ensure_queue(queue);
  PERFORM sluice_private.ensure_queue('cron');
  PERFORM sluice_private.check_order(priority, max_attempts);

  INSERT INTO sluice.cron_schedules AS s (name, cron, time_zone, kind, payload, queue, priority, max_attempts, missed, enabled)
  VALUES (name, cron, time_zone, kind, payload, queue, priority, max_attempts, missed, false) ON CONFLICT DO NOTHING;
  SELECT * INTO was FROM sluice.cron_schedules s WHERE s.name = name FOR UPDATE;
  -- The same times again: what was missed up to now is still owed, so that a deployment that schedules anew loses nothing.
  next_time := CASE WHEN NOT enabled THEN NULL
                    WHEN was.enabled AND was.cron = cron AND was.time_zone = time_zone THEN was.next_at
                    ELSE sluice_private.cron_next(cron, time_zone, clock_timestamp()) END;
  UPDATE sluice.cron_schedules s
     SET cron = cron, time_zone = time_zone, kind = kind, payload = payload, queue = queue, priority = priority, max_attempts = max_attempts,
         missed = missed, enabled = enabled, updated_at = now()
   WHERE s.name = name;
  PERFORM sluice_private.set_tick(was, next_time);
  RETURN next_time;
END
$$;
COMMENT ON FUNCTION sluice.schedule(text, text, text, jsonb, text, text, int, int, text, boolean) IS
  'enqueues kind and payload whenever the cron expression is due by the zone''s clock, once for each due time; the name used before replaces that '
  'schedule. missed: times more than a minute late are skipped, run as one, or all run. Returns the next due time. Error: SL005';

CREATE OR REPLACE FUNCTION sluice.unschedule(name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  gone sluice.cron_schedules;
BEGIN
  DELETE FROM sluice.cron_schedules s WHERE s.name = unschedule.name RETURNING s.* INTO gone;
  IF gone.name IS NULL THEN
    PERFORM sluice_private.fail('SL005', format('schedule %L is unknown', name), NULL, 'SELECT name FROM sluice.cron_overview lists them');
  END IF;
  DELETE FROM sluice_private.tasks t WHERE t.id = gone.tick_id;
END
$$;
COMMENT ON FUNCTION sluice.unschedule(text) IS 'ends a schedule; what it has enqueued stays. Error: SL005';

-- The caller has the schedule's row.
CREATE OR REPLACE FUNCTION sluice_private.set_tick(schedule sluice.cron_schedules, next_time timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  tick bigint;
BEGIN
  DELETE FROM sluice_private.tasks t WHERE t.id = schedule.tick_id;
  IF next_time IS NOT NULL THEN
    INSERT INTO sluice_private.tasks (kind, queue, payload, run_at, order_key, max_attempts)
    VALUES ('cron', 'cron', jsonb_build_object('schedule', schedule.name), greatest(next_time, clock_timestamp()), greatest(next_time, clock_timestamp()), 2147483647)
    RETURNING id INTO tick;
    PERFORM sluice_private.ring_tasks();
  END IF;
  UPDATE sluice.cron_schedules s SET next_at = next_time, tick_id = tick WHERE s.name = schedule.name;
END
$$;
COMMENT ON FUNCTION sluice_private.set_tick(sluice.cron_schedules, timestamptz) IS 'gives a schedule its next cron task in place of the one it has';

-- Within a minute a due time is on time. At most 500 of the missed are enqueued at once; the next tick, due at once, goes on.
CREATE OR REPLACE FUNCTION sluice_private.fire_schedule(task_id bigint, token bigint, at timestamptz DEFAULT clock_timestamp()) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  schedule sluice.cron_schedules;
  times timestamptz[] := '{}';
  due timestamptz;
  key text;
  new_id bigint;
  fired int := 0;
BEGIN
  SELECT * INTO schedule FROM sluice.cron_schedules s
   WHERE s.name = (SELECT t.payload ->> 'schedule' FROM sluice_private.tasks t WHERE t.id = task_id) FOR UPDATE;
  IF schedule.tick_id IS DISTINCT FROM task_id
     OR NOT EXISTS (SELECT FROM sluice_private.tasks t WHERE t.id = task_id AND t.claim_token = token FOR UPDATE) THEN
    RETURN NULL;
  END IF;

  due := schedule.next_at;
  IF schedule.missed <> 'run_all' AND due < at - interval '1 minute' THEN
    -- Of the missed only the last may count, and it need not be found by walking through all of them.
    DECLARE
      reach interval := interval '1 minute';
      seen timestamptz;
    BEGIN
      LOOP
        seen := sluice_private.cron_next(schedule.cron, schedule.time_zone, greatest(at - reach, schedule.next_at - interval '1 second'));
        EXIT WHEN seen <= at OR at - reach < schedule.next_at;
        reach := reach * 4;
      END LOOP;
      WHILE seen <= at LOOP
        due := seen;
        seen := sluice_private.cron_next(schedule.cron, schedule.time_zone, seen);
      END LOOP;
      IF schedule.missed = 'run_once' OR due >= at - interval '1 minute' THEN
        times := ARRAY[due];
      END IF;
      due := seen;
    END;
  ELSE
    WHILE due <= at AND cardinality(times) < 500 LOOP
      times := times || due;
      due := sluice_private.cron_next(schedule.cron, schedule.time_zone, due);
    END LOOP;
  END IF;

  FOR i IN 1 .. cardinality(times) LOOP
    key := format('%s:%s', schedule.name, to_char(times[i] AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'));
    CONTINUE WHEN sluice_private.known_key('cron', key) IS NOT NULL;
    INSERT INTO sluice_private.tasks (kind, payload, queue, order_key, priority, max_attempts, key)
    VALUES (schedule.kind, schedule.payload, schedule.queue, clock_timestamp() - schedule.priority * interval '10 seconds', schedule.priority,
            schedule.max_attempts, key)
    RETURNING id INTO new_id;
    INSERT INTO sluice_private.idempotency_keys (scope, key, target_id) VALUES ('cron', key, new_id);
    fired := fired + 1;
  END LOOP;
  IF fired > 0 THEN
    UPDATE sluice.cron_schedules s SET last_at = times[cardinality(times)], last_task_id = new_id WHERE s.name = schedule.name;
  END IF;
  PERFORM sluice_private.set_tick(schedule, due);
  RETURN fired;
END
$$;
COMMENT ON FUNCTION sluice_private.fire_schedule(bigint, bigint, timestamptz) IS
  'enqueues what a claimed cron task''s schedule owes up to a time, by its policy for missed ones, and sets its next task; returns how many, or null when '
  'the claim or the schedule is another''s now';

CREATE OR REPLACE VIEW sluice.cron_overview AS
  SELECT s.name, s.cron, s.time_zone, s.kind, s.queue, s.priority, s.missed, s.enabled, s.next_at, s.last_at, s.last_task_id, s.created_at, s.updated_at
    FROM sluice.cron_schedules s;
COMMENT ON VIEW sluice.cron_overview IS 'one row a schedule, without its payload';

SELECT sluice_private.publish_api('sluice.schedule(text, text, text, jsonb, text, text, int, int, text, boolean)');
SELECT sluice_private.publish_api('sluice.unschedule(text)');
SELECT sluice_private.hide('sluice_private.set_tick(sluice.cron_schedules, timestamptz)');
SELECT sluice_private.hide('sluice_private.fire_schedule(bigint, bigint, timestamptz)');
SELECT sluice_private.grant_to('sluice_reader', 'SELECT ON sluice.cron_schedules, sluice.cron_overview');
SELECT sluice_private.grant_to('sluice_api', 'SELECT ON sluice.cron_overview');
