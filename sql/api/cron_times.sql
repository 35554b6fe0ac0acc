-- Cron expressions: what they say and when they are due. This is the only place that knows; workers and commands ask here.
--
-- Five fields: minute 0–59, hour 0–23, day of month 1–31, month 1–12 or jan–dec, weekday 0–7 or sun–sat (0 and 7 are Sunday). A field is
-- a list of *, n, a-b, each perhaps with /step (n/step runs on to the field's end). When both days are restricted (do not begin with *), either is enough.
--
-- Where clocks change. An expression whose hour begins with * means the passing of time: it is due at every instant whose local time
-- matches, so twice in an hour that is repeated and never in one that is left out. Any other means times of the wall clock, each once a
-- day: in a repeated hour the first one counts, and a time that is left out is due at the first instant after the gap.

CREATE OR REPLACE FUNCTION sluice_private.cron_field(field text, lowest int, highest int, names text[] DEFAULT '{}') RETURNS int[]
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  part text;
  m text[];
  low int;
  high int;
  step int;
  values_found int[] := '{}';
BEGIN
  field := lower(field);
  FOR i IN 1 .. cardinality(names) LOOP
    field := regexp_replace(field, '\m' || names[i] || '\M', (lowest + i - 1)::text, 'g');
  END LOOP;
  FOREACH part IN ARRAY string_to_array(field, ',') LOOP
    m := regexp_match(part, '^(?:(\*)|(\d{1,2})(?:-(\d{1,2}))?)(?:/(\d{1,2}))?$');
    IF m IS NULL THEN
      RETURN NULL;
    END IF;
    low := coalesce(m[2]::int, lowest);
    high := coalesce(m[3]::int, CASE WHEN m[1] IS NOT NULL OR m[4] IS NOT NULL THEN highest ELSE low END);
    step := coalesce(m[4]::int, 1);
    IF low < lowest OR high > highest OR low > high OR step = 0 THEN
      RETURN NULL;
    END IF;
    values_found := values_found || ARRAY(SELECT generate_series(low, high, step));
  END LOOP;
  RETURN ARRAY(SELECT DISTINCT v FROM unnest(values_found) AS v ORDER BY v);
END
$$;
COMMENT ON FUNCTION sluice_private.cron_field(text, int, int, text[]) IS 'the values that a field of a cron expression allows, or null when it is malformed';

CREATE OR REPLACE FUNCTION sluice_private.cron_fields(cron text, OUT minutes int[], OUT hours int[], OUT days int[], OUT months int[], OUT weekdays int[],
                                                      OUT either_day boolean, OUT by_clock boolean)
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  words text[] := regexp_split_to_array(btrim(CASE lower(btrim(cron))
    WHEN '@hourly' THEN '0 * * * *' WHEN '@daily' THEN '0 0 * * *' WHEN '@midnight' THEN '0 0 * * *' WHEN '@weekly' THEN '0 0 * * 0'
    WHEN '@monthly' THEN '0 0 1 * *' WHEN '@yearly' THEN '0 0 1 1 *' WHEN '@annually' THEN '0 0 1 1 *' ELSE cron END), '\s+');
  bad text;
BEGIN
  IF cardinality(words) IS DISTINCT FROM 5 THEN
    PERFORM sluice_private.fail('SL005', format('cron expression %L has not five fields', cron), NULL,
                                'give minute hour day month weekday, for example ''30 2 * * mon-fri'', or @hourly, @daily, @weekly, @monthly, @yearly');
  END IF;
  minutes := sluice_private.cron_field(words[1], 0, 59);
  hours := sluice_private.cron_field(words[2], 0, 23);
  days := sluice_private.cron_field(words[3], 1, 31);
  months := sluice_private.cron_field(words[4], 1, 12, '{jan,feb,mar,apr,may,jun,jul,aug,sep,oct,nov,dec}');
  weekdays := sluice_private.cron_field(words[5], 0, 7, '{sun,mon,tue,wed,thu,fri,sat}');
  bad := CASE WHEN minutes IS NULL THEN 'minute' WHEN hours IS NULL THEN 'hour' WHEN days IS NULL THEN 'day of month' WHEN months IS NULL THEN 'month'
              WHEN weekdays IS NULL THEN 'weekday' END;
  IF bad IS NOT NULL THEN
    PERFORM sluice_private.fail('SL005', format('cron expression %L: its %s is malformed or out of range', cron, bad), NULL,
                                'a field is *, n, a-b, or a list of these, each perhaps with /step');
  END IF;
  IF 7 = ANY (weekdays) THEN
    weekdays := weekdays || 0;
  END IF;
  either_day := words[3] !~ '^\*' AND words[5] !~ '^\*';
  by_clock := words[2] !~ '^\*';
END
$$;
COMMENT ON FUNCTION sluice_private.cron_fields(text) IS
  'a cron expression taken apart. either_day: both days are restricted, one is enough. by_clock: it means wall-clock times. Error: SL005';

-- A local time names one instant, or two in a repeated hour, or none in a gap.
CREATE OR REPLACE FUNCTION sluice_private.first_instant(wall timestamp, zone text) RETURNS timestamptz
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  guess timestamptz := wall AT TIME ZONE zone;
  low timestamptz;
  high timestamptz;
  middle timestamptz;
BEGIN
  IF guess AT TIME ZONE zone = wall THEN
    -- The server takes a repeated time for the later one. What the clock showed a day before gives the earlier.
    low := wall AT TIME ZONE 'UTC' - (((guess - interval '26 hours') AT TIME ZONE zone) - ((guess - interval '26 hours') AT TIME ZONE 'UTC'));
    RETURN CASE WHEN low < guess AND low AT TIME ZONE zone = wall THEN low ELSE guess END;
  END IF;
  low := guess - interval '26 hours';
  high := guess + interval '26 hours';
  WHILE high - low > interval '1 second' LOOP
    middle := date_trunc('second', low + (high - low) / 2);
    IF middle AT TIME ZONE zone < wall THEN
      low := middle;
    ELSE
      high := middle;
    END IF;
  END LOOP;
  RETURN date_trunc('second', high);
END
$$;
COMMENT ON FUNCTION sluice_private.first_instant(timestamp, text) IS 'the first instant at which a clock of the zone shows this time, or the end of the gap that leaves it out';

CREATE OR REPLACE FUNCTION sluice_private.cron_next(cron text, zone text, after timestamptz) RETURNS timestamptz
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  f record := sluice_private.cron_fields(cron);
  day date := ((after AT TIME ZONE zone)::date) - 1;
  at timestamptz;
  wall timestamp;
BEGIN
  -- 29 February may be 8 years away. A day before, because a gap can move a time into the next day.
  FOR skipped IN 0 .. 366 * 9 LOOP
    IF extract(month FROM day) = ANY (f.months)
       AND (CASE WHEN f.either_day THEN extract(day FROM day) = ANY (f.days) OR extract(dow FROM day) = ANY (f.weekdays)
                 ELSE extract(day FROM day) = ANY (f.days) AND extract(dow FROM day) = ANY (f.weekdays) END) THEN
      IF f.by_clock THEN
        SELECT min(i.at) INTO at
          FROM unnest(f.hours) AS h CROSS JOIN unnest(f.minutes) AS m
          CROSS JOIN LATERAL (SELECT sluice_private.first_instant(day + make_interval(hours => h, mins => m), zone) AS at) AS i
         WHERE i.at > after;
        IF at IS NOT NULL THEN
          RETURN at;
        END IF;
      ELSE
        at := greatest(sluice_private.first_instant(day, zone), date_trunc('minute', after) + interval '1 minute');
        wall := at AT TIME ZONE zone;
        WHILE wall::date = day LOOP
          IF extract(minute FROM wall) = ANY (f.minutes) AND extract(hour FROM wall) = ANY (f.hours) THEN
            RETURN at;
          END IF;
          at := at + interval '1 minute';
          wall := at AT TIME ZONE zone;
        END LOOP;
      END IF;
    END IF;
    day := day + 1;
  END LOOP;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION sluice_private.cron_next(text, text, timestamptz) IS 'the first time after another at which an expression is due; null when there is none within 9 years. Error: SL005';

SELECT sluice_private.hide('sluice_private.cron_field(text, int, int, text[])');
SELECT sluice_private.hide('sluice_private.cron_fields(text)');
SELECT sluice_private.hide('sluice_private.first_instant(timestamp, text)');
SELECT sluice_private.hide('sluice_private.cron_next(text, text, timestamptz)');
