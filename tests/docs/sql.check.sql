-- What sql.md says will happen has happened, after a while.
do $$
declare
  deadline timestamptz := clock_timestamp() + interval '40 seconds';
  missing text;
begin
  loop
    select string_agg(what, ', ') into missing
      from (values
        ('the greeting was spoken', exists (select from sluice.conversation_history h where h.content::text like '%Hello, Ada!%')),
        ('the handler counted what came after its registration', (select sum(amount) from public.revenue) = 700),
        ('the mail was sent once', exists (select from public.mails where recipient = 'ada@example.org')),
        ('the order''s change is an event', exists (select from sluice.flow_events e where e.event_type = 'order.updated')),
        ('no column that was not named', not exists (select from sluice.flow_events e where e.body::text like '%not for subscribers%'))
      ) as claim (what, holds) where holds is not true;
    exit when missing is null;
    if clock_timestamp() > deadline then
      raise exception 'not so: %', missing;
    end if;
    perform pg_sleep(0.1);
  end loop;
end $$;
